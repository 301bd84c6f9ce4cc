//! What a list does between operations: publishing, in parts that readers need not wait for as a whole.

use super::state::ListState;
use crate::disk::Result;
use crate::disk::body::{Body, Want};
use crate::disk::store::{Departed, Extent, Staged, Store};

impl ListState {
    fn chore(&mut self) -> Result<Want> {
        self.store.land_if_there()?;
        if !self.wanted && !self.store.is_due() {
            return Ok(Want::Nothing);
        }
        if self.store.must_wait()? {
            return Ok(Want::Wait);
        }
        self.wanted = false;
        self.settle_front()?;
        self.store.seal()?;
        Ok(self.store.stage(Extent::All)?.map_or(Want::Nothing, |staged| Want::Depart(Box::new(staged))))
    }
}

impl Body for ListState {
    fn defer(&mut self) {
        self.store.defer();
    }

    fn want_publication(&mut self) {
        self.store.touch_unless_at_rest();
        self.wanted = true;
    }

    fn tend(&mut self) -> Result<Want> {
        let result = self.chore();
        self.store.settle(result)
    }

    fn depart(&self, staged: Box<Staged>) -> Result<Departed> {
        self.store.depart(*staged, &mut std::iter::empty())
    }

    fn go_on(&mut self, departed: Departed) {
        self.store.go_on(departed);
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
