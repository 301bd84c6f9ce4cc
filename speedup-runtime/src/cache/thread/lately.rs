//! What became of the last look-up of a key that no page can have.

use std::cell::Cell;

/// Whether it found no value; only the thread itself looks at this.
#[derive(Default)]
pub(in crate::cache) struct Lately(Cell<bool>);

impl Lately {
    /// Whether the next one is likely to find none, too.
    #[inline]
    pub(in crate::cache) fn is_missing(&self) -> bool {
        self.0.get()
    }

    /// There was no value.
    pub(in crate::cache) fn misses(&self) {
        self.0.set(true);
    }

    /// A key was found in a hash table.
    #[inline]
    pub(in crate::cache) fn finds(&self) {
        self.0.set(false);
    }
}
