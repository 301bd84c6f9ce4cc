//! The journal that goes on after the next checkpoint, begun before it.
//!
//! What comes while changes are on their way into the tree would have to be written into the new journal all at once when they are there. So each such
//! operation is noted in both journals; until the superblock names the new one, the old one counts.

use super::journal::Journal;
use super::{Result, engine};

/// A journal that does not count yet.
pub(crate) struct Next {
    pub(crate) journal: Journal,
    /// It holds every operation behind this number.
    pub(crate) after: u64,
    /// About how many nanoseconds it takes to play it.
    pub(crate) cost: u64,
}

impl Next {
    /// Returns when it survives a power cut.
    pub(crate) fn settle(mut self) -> Result<Journal> {
        self.journal.flush()?;
        engine::sync_folder(self.journal.folder())?;
        Ok(self.journal)
    }
}
