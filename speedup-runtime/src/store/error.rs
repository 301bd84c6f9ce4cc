//! What can go wrong with a store, each with what to do about it.

use std::{path::PathBuf, sync::Arc, time::Duration};

/// The result of every fallible call of a store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What lies behind an error.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// What can be made one.
type Raw = Box<dyn std::error::Error + Send + Sync>;

/// Why a store did not do what it was asked to.
///
/// It can be cloned, as results of cached functions can. A cached function that has a store computes where the store fails, and counts it; only with `on_store_error = "fail"` does a caller see this.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store is not there: not started, not reachable, closed.
    #[error("{store} cannot be reached: {cause}; is it running, and is the address right?")]
    Unreachable {
        /// What was asked: `redis at 127.0.0.1:6379`, a folder.
        store: String,
        /// What the system or the client said.
        #[source]
        cause: Cause,
    },
    /// The store that a function was given could not be opened.
    #[error("the store was not opened: {reason}")]
    NotOpened {
        /// What was said when it was to be opened.
        reason: String,
    },
    /// The store took longer than it was given.
    #[error("{store} did not answer within {after:?}; give it longer, or look at what keeps it busy")]
    TimedOut {
        /// What was asked.
        store: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// The store is there and said no: full, not allowed, not a command of this version.
    #[error("{store} refused: {reason}")]
    Refused {
        /// What was asked.
        store: String,
        /// In the store's own words.
        reason: String,
    },
    /// What lies in the store is not what was written there.
    #[error("what {store} holds cannot be read: {reason}; it is computed again, and `clear` removes it")]
    Damaged {
        /// What was asked.
        store: String,
        /// What does not fit.
        reason: String,
    },
    /// A file is none that `export` of this function has written, or not all of it.
    #[error("{path} cannot be imported: {reason}; `export` it from the same function, with the same types")]
    NoExport {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// An item is larger than the store takes.
    #[error(
        "an item of {bytes} bytes is too large for {store}, which takes {longest}; keep less, or raise the bound of the store"
    )]
    TooLarge {
        /// What was asked.
        store: String,
        /// The size of the item.
        bytes: usize,
        /// The largest that is taken.
        longest: usize,
    },
    /// Values of this type do not come back as they were written.
    #[error("`{type_name}` cannot be stored: {reason}; change its serde attributes, or store another type")]
    Unfit {
        /// The type.
        type_name: &'static str,
        /// What does not fit.
        reason: String,
    },
    /// The store failed so often that it is left alone for a while.
    #[error("{store} failed several times in a row and is asked again in {again_in:?}")]
    Resting {
        /// What would have been asked.
        store: String,
        /// When it is tried again.
        again_in: Duration,
    },
    /// Anything else that went wrong in a store.
    #[error("{store}: {cause}")]
    Other {
        /// What was asked.
        store: String,
        /// What went wrong.
        #[source]
        cause: Cause,
    },
}

impl Error {
    /// An error of a store's own, for what no other variant says.
    pub fn other(store: impl Into<String>, cause: impl Into<Raw>) -> Self {
        Error::Other { store: store.into(), cause: Cause::from(cause.into()) }
    }

    /// Something in the store that is not what was written there.
    pub fn damaged(store: impl Into<String>, reason: impl ToString) -> Self {
        Error::Damaged { store: store.into(), reason: reason.to_string() }
    }

    /// The store cannot be reached.
    pub fn unreachable(store: impl Into<String>, cause: impl Into<Raw>) -> Self {
        Error::Unreachable { store: store.into(), cause: Cause::from(cause.into()) }
    }

    /// Whether the store as a whole is at fault, so that asking it for another key would not help.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        matches!(
            self,
            Error::Unreachable { .. } | Error::NotOpened { .. } | Error::TimedOut { .. } | Error::Resting { .. }
        )
    }
}
