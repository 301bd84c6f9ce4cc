//! What a production works on, and how far it goes.

use super::source::{Generator, Source};

/// The generator through its life.
pub(super) enum Work<T> {
    /// To be made by the settings' `make`.
    Unmade,
    /// To be made by this.
    Deferred(Box<dyn FnOnce() -> Source<T> + Send>),
    /// Under way.
    Running(Box<dyn Generator<T>>),
    /// Ended, failed, or panicking at this moment.
    Over,
}

/// How far a production goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Goal {
    /// To this value and no further: the next one may wait for what the calling thread does with this one.
    Exactly(usize),
    /// As far ahead of the readers as the settings allow, value by value; for threads that nobody waits for.
    Ahead,
}
