//! What a list does between operations: publishing, in parts that readers need not wait for as a whole.

use super::state::ListState;
use crate::disk::Result;
use crate::disk::body::{Body, Want};
use crate::disk::store::{Extent, Staged, Store, Written};

impl ListState {
    fn chore(&mut self) -> Result<Want<Staged>> {
        if !std::mem::take(&mut self.wanted) && !self.store.is_due() {
            return Ok(Want::Nothing);
        }
        self.settle_front()?;
        self.store.seal()?;
        Ok(self.store.stage(Extent::All)?.map_or(Want::Nothing, Want::Task))
    }
}

impl Body for ListState {
    type Task = Staged;
    type Product = Written;

    fn defer(&mut self) {
        self.deferred = true;
    }

    fn want_publication(&mut self) {
        self.store.touch_unless_at_rest();
        self.wanted = true;
    }

    fn tend(&mut self) -> Result<Want<Staged>> {
        let result = self.chore();
        self.store.settle(result)
    }

    fn perform(&self, staged: Staged) -> Result<Written> {
        self.store.write(staged, &mut std::iter::empty())
    }

    fn adopt(&mut self, written: Written) {
        self.store.adopt(written);
    }

    fn store(&mut self) -> &mut Store {
        &mut self.store
    }

    fn seen(&self) -> &Store {
        &self.store
    }

    fn checkpoint(&mut self) -> Result<()> {
        let result = self.checkpoint_now();
        self.store.settle(result)
    }
}
