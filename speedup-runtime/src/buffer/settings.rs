//! What a production needs to know of its buffer: the part that lives in a constant, beside the state in a static.

use super::source::Source;

/// How many values a buffer is ahead of its furthest reader, unless told otherwise.
pub const DEFAULT_SIZE: usize = 16;

/// What a production needs to know.
pub(super) struct Settings<T> {
    pub(super) name: &'static str,
    /// `None` when the state itself holds the source.
    pub(super) make: Option<fn() -> Source<T>>,
    pub(super) size: usize,
    pub(super) max: usize,
    /// How many values behind the furthest reader are kept; all but in a window.
    pub(super) keep: usize,
    /// Whether a value is the last one whatever the generator has left.
    pub(super) last: Option<fn(&T) -> bool>,
    pub(super) uses_rayon: bool,
    /// Whether it is certain that no value waits for what a reader does, so that readers may make a few at once.
    pub(super) batches: bool,
}

impl<T> Clone for Settings<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Settings<T> {}

impl<T> Settings<T> {
    pub(super) const fn new(name: &'static str, make: Option<fn() -> Source<T>>) -> Self {
        Settings {
            name,
            make,
            size: DEFAULT_SIZE,
            max: usize::MAX,
            keep: usize::MAX,
            last: None,
            uses_rayon: false,
            batches: false,
        }
    }

    pub(super) const fn set_size(&mut self, size: usize) {
        assert!(size > 0, "the size of a buffer is at least 1");
        self.size = size;
    }
}

impl<T> std::fmt::Debug for Settings<T> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Settings").field("name", &self.name).field("size", &self.size).finish_non_exhaustive()
    }
}
