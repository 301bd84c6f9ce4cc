//! Changing all entries of a dict at once.

use super::DictState;
use crate::disk::Result;
use crate::disk::journal::Op;
use crate::disk::store::{Change, Repaired, Store};

impl DictState {
    /// Removes everything.
    pub(crate) fn clear(&mut self) -> Result<()> {
        let result = self.apply_clear();
        self.store.settle(result)
    }

    pub(super) fn apply_clear(&mut self) -> Result<()> {
        self.store.note(Op::Clear)?;
        self.forget_buffer()?;
        self.store.empty()?;
        (self.filter, self.len, self.max) = (None, 0, None);
        (*self.misses.get_mut(), *self.skipped.get_mut()) = (0, 0);
        self.keep_bounded()
    }

    /// Gives the store with every value as `change` makes it.
    pub(crate) fn convert(mut self, value: u64, change: &mut Change<'_>) -> Result<Store> {
        self.checkpoint_now()?;
        self.store.convert(value, change)?;
        Ok(self.store)
    }

    /// Copies everything into full pages.
    pub(crate) fn rewrite(&mut self, salvage: bool) -> Result<Repaired> {
        let result = self.checkpoint_now();
        self.store.settle(result)?;
        let repaired = self.store.rewrite(salvage)?;
        self.len = self.store.tree.len();
        Ok(repaired)
    }
}
