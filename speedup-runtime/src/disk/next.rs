//! The journal that goes on after the next checkpoint, begun before it.
//!
//! What comes while changes are on their way into the tree would have to be written into the new journal all at once when they are there. So each such
//! operation is noted in both journals; until the superblock names the new one, the old one counts.

use super::Result;
use super::journal::Journal;

/// A journal that does not count yet.
pub(crate) struct Next {
    pub(crate) journal: Journal,
    /// It holds every operation behind this number.
    pub(crate) after: u64,
    /// The number of the last operation, as the new journal counts.
    pub(crate) last: u64,
    /// About how many nanoseconds it takes to play it.
    pub(crate) cost: u64,
}

impl Next {
    /// Notes operations in it; `count` of them, which cost so many nanoseconds to play.
    #[inline]
    pub(crate) fn note(
        &mut self,
        count: usize,
        cost: u64,
        note: impl FnOnce(&mut Journal, u64) -> Result<()>,
    ) -> Result<()> {
        let first = self.last + 1;
        self.last += count as u64;
        self.cost += cost;
        note(&mut self.journal, first)
    }
}
