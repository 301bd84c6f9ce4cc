//! A structure that is only read.

use std::fmt;
use std::ops::Deref;

/// A dict or list that can be read and not changed: a snapshot, or what was opened with `open_read_only`.
///
/// It has every method of the structure that reads. It reads pages of its own, so it waits for nobody, and threads that share it read
/// side by side.
pub struct ReadOnly<S>(S);

impl<S> ReadOnly<S> {
    pub(crate) fn new(structure: S) -> Self {
        ReadOnly(structure)
    }
}

impl<S> Deref for ReadOnly<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.0
    }
}

impl<S: fmt::Debug> fmt::Debug for ReadOnly<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadOnly").field(&self.0).finish()
    }
}
