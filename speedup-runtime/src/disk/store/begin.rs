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
        // In a journal of several no operation is noted twice.
        let is_whole = self.noted == 0 && self.journal().is_some() && !self.is_renewing();
        // Without one, the checkpoint writes it.
        if is_whole && self.is_long(3) && self.lock.check(&self.folder).is_ok() {
            let journal = Journal::begin(&self.folder, self.block.identity, self.block.journal + 1).ok();
            let after = self.seq;
            *self.next() = journal.map(|journal| Next { journal, after, last: after, cost: 0 });
        }
    }

    /// Gives the next journal up, unless a checkpoint that is on its way will name it.
    pub(crate) fn drop_next(&mut self) {
        if self.is_renewing() {
            return;
        }
        if let Some(next) = self.next().take()
            && self.lock.check(&self.folder).is_ok()
        {
            // What this does not remove, the next one replaces.
            let _later = fs::remove_file(next.journal.path());
        }
    }

    /// Takes the next journal, if there is one and its file is still the one of its name.
    pub(super) fn take_next(&mut self) -> Option<Next> {
        self.next().take().filter(|next| fs::metadata(next.journal.path()).is_ok_and(|about| about.is_file()))
    }

    /// Notes operations in the next journal, too, where there is one. Where that fails there is none, unless a checkpoint on its way will name it.
    #[inline]
    pub(super) fn note_next(
        &mut self,
        count: usize,
        cost: u64,
        note: impl FnOnce(&mut Journal, u64) -> Result<()>,
    ) -> Result<()> {
        let Some(next) = self.next() else { return Ok(()) };
        let result = next.note(count, cost, note);
        if result.is_err() && !self.is_renewing() {
            self.drop_next();
            return Ok(());
        }
        result
    }

    #[inline]
    pub(super) fn next(&mut self) -> &mut Option<Next> {
        self.next.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Whether there is one.
    #[cfg(test)]
    pub(crate) fn has_next(&mut self) -> bool {
        self.next().is_some()
    }
}
