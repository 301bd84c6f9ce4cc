//! What can go wrong, each with what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// The result of every fallible call of this module.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a disk structure refused or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another handle has the folder open.
    #[error("{} is in use by {holder}; close that handle, or share one with `shared()`", path.display())]
    InUse {
        /// The folder of the structure.
        path: PathBuf,
        /// Who holds it: `process 4242` or `this process`.
        holder: String,
    },
    /// The handle was opened by another process, of which this one is a fork.
    #[error(
        "{} was opened by process {owner}, and this is a fork of it; open it here once that one has closed it, or fork first and open then",
        path.display()
    )]
    Forked {
        /// The folder of the structure.
        path: PathBuf,
        /// The process that opened it.
        owner: u32,
    },
    /// There is no structure of this name.
    #[error("{} does not exist; `open()` makes it", path.display())]
    Missing {
        /// The folder that was looked for.
        path: PathBuf,
    },
    /// The handle was opened for reading.
    #[error("{} was opened for reading only; open it with `open()` to change it", path.display())]
    ReadOnly {
        /// The folder of the structure.
        path: PathBuf,
    },
    /// The last process that had the structure open did not close it, and reading alone cannot make up for that.
    #[error("{} was not closed; open it once with `open()`, and close it", path.display())]
    Unfinished {
        /// The folder of the structure.
        path: PathBuf,
    },
    /// The structure shares the journal of its folder, was not closed there, and is now elsewhere or bears another name.
    #[error(
        "{} was not closed where it shared the journal of its folder, and is elsewhere now; put it back under its name and open it there, or call `repair()` to go on without what it noted there",
        path.display()
    )]
    Apart {
        /// The folder of the structure.
        path: PathBuf,
    },
    /// The structure was closed by this or another clone of a shared handle.
    #[error("{} was closed; open it again", path.display())]
    Closed {
        /// The folder of the structure.
        path: PathBuf,
    },
    /// The thread that asks has a guard of the shared structure, or is decoding a value of the structure, and would wait for itself.
    #[error(
        "this thread holds a guard of the shared structure, or is decoding a value of it; use that guard, or drop it first (one in the head of an `if let` or `match` lives to the end of the block)"
    )]
    Held,
    /// This process is a fork of one that had structures open, whose threads it lacks.
    #[error(
        "{} cannot be opened in this process, a fork of one that had opened disk structures before; open the first one after the fork, or start the child with `exec`",
        path.display()
    )]
    AfterFork {
        /// The folder that was to be opened.
        path: PathBuf,
    },
    /// The folder was renamed, removed or replaced while it was open.
    #[error(
        "{} was renamed, removed or replaced while it was open; drop this handle and open the structure where it is now",
        path.display()
    )]
    Replaced {
        /// Where the folder was.
        path: PathBuf,
    },
    /// The system gives this process no more threads.
    #[error("no thread can be started to write {}; raise the limit on threads or memory and try again", path.display())]
    NoThread {
        /// The folder that needs it.
        path: PathBuf,
    },
    /// The folder holds a structure of the other kind.
    #[error("{} holds a {found}, not a {wanted}; open it as a {found} or choose another name", path.display())]
    WrongKind {
        /// The folder of the structure.
        path: PathBuf,
        /// What was asked for.
        wanted: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// The folder was written with other key or value types.
    #[error(
        "{} was written with another {part} type{}{what}; open it with the type it was written with, or convert its values with `builder(..).migrate(..)`",
        path.display(), if what.is_empty() { "" } else { ": " }
    )]
    WrongType {
        /// The folder of the structure.
        path: PathBuf,
        /// `key` or `value`.
        part: &'static str,
        /// Where the types differ, if that is known.
        what: String,
    },
    /// The folder was written by a later version of this crate.
    #[error("{} has format {found}, this version reads up to {supported}; update the crate", path.display())]
    NewerFormat {
        /// The folder of the structure.
        path: PathBuf,
        /// The format found on disk.
        found: u32,
        /// The newest format this version reads.
        supported: u32,
    },
    /// Something on disk is not what was written there.
    #[error("{} is damaged: {what}; restore a backup, or call `repair()` to keep what can still be read", path.display())]
    Damaged {
        /// The file or folder.
        path: PathBuf,
        /// What was found to be wrong.
        what: String,
    },
    /// No space is left where the structure lives, or a quota or a limit on the size of files is reached.
    #[error("no space left for {}; free some and open the structure again", path.display())]
    DiskFull {
        /// The file that could not grow.
        path: PathBuf,
    },
    /// The operating system refused access.
    #[error("no permission for {}; check its owner and mode", path.display())]
    Permission {
        /// The file or folder.
        path: PathBuf,
    },
    /// Any other failure of the operating system.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// An encoded key is longer than a page can hold.
    #[error("a key of {size} bytes is longer than {limit}; store a digest of it instead")]
    KeyTooLarge {
        /// Its encoded size in bytes.
        size: usize,
        /// The longest that is accepted.
        limit: usize,
    },
    /// An encoded value is longer than one record can be.
    #[error("a value of {size} bytes is longer than {limit}; split it into several")]
    ValueTooLarge {
        /// Its encoded size in bytes.
        size: usize,
        /// The longest that is accepted.
        limit: usize,
    },
    /// A batch of several structures is given one that lies in another folder.
    #[error("{} does not lie in {}, whose batch it is; open both through one `Folder`", path.display(), folder.display())]
    OtherFolder {
        /// The folder of the structure.
        path: PathBuf,
        /// The folder whose batch it is.
        folder: PathBuf,
    },
    /// A batch holds more than one step can be.
    #[error("a batch of {size} bytes is larger than {limit}; split it into several")]
    BatchTooLarge {
        /// The size of its keys and values in bytes.
        size: usize,
        /// The most that is accepted.
        limit: usize,
    },
    /// The value cannot be written by its own `Serialize`, or read back by its own `Deserialize`.
    #[error("the value cannot be {doing}: {source}")]
    Codec {
        /// `encoded` or `decoded`.
        doing: &'static str,
        /// What the codec said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The type or a value of it would not come back as it was written.
    #[error(
        "a `{name}` does not come back as it was written: {why}; change its serde attributes, or open with `builder(..).self_describing()`"
    )]
    Unfit {
        /// The name of the type.
        name: &'static str,
        /// Where it fails.
        why: String,
    },
    /// A stored key is no value of the key type.
    #[error("a stored key is no value of the key type; its `Key` implementation changed since it was written")]
    BadKey,
    /// A position past the end of a list.
    #[error("position {index} is past the end of a list of {len}")]
    OutOfBounds {
        /// The position asked for.
        index: usize,
        /// The length of the list.
        len: usize,
    },
    /// The list holds as many items as it may.
    #[error("the list holds its {maxlen} items; remove one first, or `push`, which lets go of the first")]
    Full {
        /// How many it may hold.
        maxlen: usize,
    },
    /// A structure that was to be made anew is there and holds items.
    #[error("{} is not empty; open it, or clear it first", path.display())]
    NotEmpty {
        /// The folder of the structure.
        path: PathBuf,
    },
    /// A name too long for a file system.
    #[error(
        "the name {name:?} takes {size} bytes as a folder name, and {limit} is the limit; use a shorter one (a byte other than a-z, 0-9, `-` and `_` takes three, most letters of other scripts six)"
    )]
    Name {
        /// The name asked for.
        name: String,
        /// How long the name of its folder would be.
        size: usize,
        /// The longest that is accepted.
        limit: usize,
    },
    /// No folder for user data is known on this machine.
    #[error("this user has no data folder; say where to store with `builder(name).location(path)`")]
    NoDataFolder,
    /// An earlier write failed half-way, so this handle does nothing more.
    #[error(
        "an earlier write failed ({cause}); drop this handle and open the structure again, nothing flushed is lost"
    )]
    Failed {
        /// What failed.
        cause: String,
    },
}

impl Error {
    /// The error of an operation on `path`, sorted by what the caller can do.
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Error::DiskFull { path }
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Error::Permission { path },
            _ => Error::Io { path, source },
        }
    }

    pub(crate) fn codec(doing: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Error::Codec { doing, source: Box::new(source) }
    }

    pub(crate) fn unfit<V>(why: &str) -> Self {
        Error::Unfit { name: std::any::type_name::<V>(), why: why.to_owned() }
    }

    pub(crate) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Error::Damaged { path: path.to_path_buf(), what: what.into() }
    }
}

/// Names the file an [`io::Error`] is about.
pub(crate) trait At<T> {
    fn at(self, path: &Path) -> Result<T>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, path: &Path) -> Result<T> {
        self.map_err(|source| Error::io(path, source))
    }
}
