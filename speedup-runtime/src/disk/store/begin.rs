//! Beginning the next journal before a checkpoint, and giving it up.

use std::fs;

use super::super::Result;
use super::super::journal::Journal;
use super::super::next::Next;
use super::Store;

impl Store {
    /// Begins the next journal, if a checkpoint will be due when all that was noted so far is in the tree.
    pub(crate) fn begin_next(&mut self) {
        self.drop_next();
        let is_whole = self.noted == 0 && self.journal().is_some();
        // Without one, the checkpoint writes it.
        if is_whole && self.is_long(3) && self.lock.check(&self.folder).is_ok() {
            let journal = Journal::begin(&self.folder, self.block.identity, self.block.journal + 1).ok();
            self.next = journal.map(|journal| Next { journal, after: self.seq, cost: 0 });
        }
    }

    /// Gives the next journal up.
    pub(crate) fn drop_next(&mut self) {
        if let Some(next) = self.next.take()
            && self.lock.check(&self.folder).is_ok()
        {
            // What this does not remove, the next one replaces.
            let _later = fs::remove_file(next.journal.path());
        }
    }

    /// Takes the next journal, if there is one and its file is still the one of its name.
    pub(super) fn take_next(&mut self) -> Option<Next> {
        self.next.take().filter(|next| fs::metadata(next.journal.path()).is_ok_and(|about| about.is_file()))
    }

    /// Notes operations in the next journal, too; where that fails, there is none.
    #[inline]
    pub(super) fn note_next(&mut self, cost: u64, note: impl FnOnce(&mut Journal) -> Result<()>) {
        if let Some(next) = &mut self.next {
            next.cost += cost;
            if note(&mut next.journal).is_err() {
                self.drop_next();
            }
        }
    }

    /// Whether there is one.
    #[cfg(test)]
    pub(crate) fn has_next(&self) -> bool {
        self.next.is_some()
    }
}
