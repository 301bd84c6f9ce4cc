//! The mark below which a read has nothing to tell anybody.
//!
//! Readers and producers raise it with plain stores; that one of two at a time may undo the other only means that a
//! reader tells once more. It never exceeds the length of the store, since whoever raises it has read that length, so a
//! mark that covers an index is as good as a length that does.

use crate::sync::{AtomicUsize, Ordering, const_unless_loom};

/// At most the number of computed values.
pub(super) struct Mark {
    /// Stored with Release by threads that have read a length at least as great with Acquire, or have published it
    /// themselves; read with Acquire. So it covers values exactly as the length does.
    index: AtomicUsize,
}

impl Mark {
    const_unless_loom! {
        /// Covers nothing.
        pub(super) fn new() -> Self {
            Mark { index: AtomicUsize::new(0) }
        }
    }

    /// Values below this index are computed, and reading them is of no interest.
    #[inline]
    pub(super) fn get(&self) -> usize {
        // Acquire: pairs with the Release in `raise`.
        self.index.load(Ordering::Acquire)
    }

    /// Raises the mark to `index`, a length that the calling thread has seen or less than that.
    #[inline]
    pub(super) fn raise(&self, index: usize) {
        // Relaxed: only to leave a higher mark alone.
        if self.index.load(Ordering::Relaxed) < index {
            self.index.store(index, Ordering::Release);
        }
    }
}
