//! What a dict does between operations: merging its write buffer and publishing, in parts that readers need not wait for as a whole.

use super::DictState;
use super::merge::SLICE;
use crate::disk::Result;
use crate::disk::body::{Body, Want};
use crate::disk::store::{Departed, Extent, LONG_JOURNAL, Staged, Store};

impl DictState {
    fn chore(&mut self) -> Result<Want> {
        self.store.land_if_there()?;
        if self.whole_only || self.buffer.has_appends() {
            // Parts that wait to be appended are merged all at once, for a reader could not tell which of them are in the tree.
            let due = self.wanted || self.store.is_due();
            if due || self.buffer.is_full() {
                self.drain()?;
            }
            return if due { self.publication() } else { Ok(Want::Nothing) };
        }
        if let Some(merge) = &self.merge {
            if merge.is_done() {
                self.merged = self.finish_merge();
                return Ok(Want::Turn);
            }
            if self.store.pager.is_crowded() {
                return self.publish(Extent::Part);
            }
            let more = self.wanted || self.is_merge_due();
            return if more { self.merge_leaf().map(|()| Want::Turn) } else { Ok(Want::Nothing) };
        }
        if self.buffer.is_full() || (self.wanted && !self.buffer.is_empty()) {
            self.begin_merge()?;
            self.store.begin_next();
            return Ok(Want::Turn);
        }
        // After a merge little is left in the buffer to begin the new journal with. What is on its way is not waited for yet.
        let is_early = self.merged && self.store.is_nearly_due() && !self.store.is_under_way();
        if self.wanted || self.store.is_due() || is_early {
            return self.publication();
        }
        self.merged = false;
        self.store.drop_next();
        Ok(Want::Nothing)
    }

    fn publication(&mut self) -> Result<Want> {
        if self.store.must_wait()? {
            return Ok(Want::Wait);
        }
        if self.shorten_rest()? {
            return Ok(Want::Turn);
        }
        (self.wanted, self.merged) = (false, false);
        self.seal()?;
        let all = self.buffer.is_empty();
        self.publish(if all { Extent::All } else { Extent::Most })
    }

    /// Sees to it that the new journal does not begin with so much that the next checkpoint is due at once: large values would go into it whole. Whether
    /// that takes a merge, which has begun.
    pub(super) fn shorten_rest(&mut self) -> Result<bool> {
        if self.buffer.size() <= LONG_JOURNAL / 2 && !self.buffer.has_outside() {
            return Ok(false);
        }
        if self.buffer.len() <= SLICE {
            return self.drain().map(|()| false);
        }
        self.begin_merge()?;
        self.hurry();
        Ok(true)
    }

    fn publish(&mut self, extent: Extent) -> Result<Want> {
        if self.store.must_wait()? {
            return Ok(Want::Wait);
        }
        let staged = self.store.stage(extent)?;
        // Nothing changes between this and the departure.
        self.whole_only &= !staged.as_ref().is_some_and(Staged::is_whole);
        Ok(staged.map_or(Want::Nothing, |staged| Want::Depart(Box::new(staged))))
    }
}

impl Body for DictState {
    fn defer(&mut self) {
        self.store.defer();
    }

    fn want_publication(&mut self) {
        self.store.touch_unless_at_rest();
        self.wanted = true;
    }

    fn tend(&mut self) -> Result<Want> {
        let result = self.chore();
        self.wanted &= result.is_ok();
        self.store.settle(result)
    }

    fn depart(&self, staged: Box<Staged>) -> Result<Departed> {
        self.store.depart(*staged, &mut self.buffer.edits())
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

// With little room a writer waits often.
#[cfg(all(test, not(speedup_tight)))]
mod under_way_tests;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::options::Options;
    use crate::disk::superblock::Kind;

    #[test]
    fn what_is_due_is_done_a_page_at_a_time_and_reads_see_no_difference() {
        let folder = tempfile::tempdir().unwrap();
        let mut options = Options::new("d".into());
        options.set_location(folder.path().into());
        let (store, replay) = Store::open(&options, Kind::Dict, 0, 0).unwrap();
        let mut state = DictState::open(store, replay, 1 << 14).unwrap();
        state.defer();
        let mut model = std::collections::BTreeMap::new();
        let (mut turns, mut merges, mut published) = (0, 0, 0);
        for n in 0..40_000_u64 {
            let key = (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 46).to_be_bytes();
            let before = state.store.pager.writes();
            let val = vec![n as u8; if n % 61 == 0 { 3000 } else { 8 }];
            if n % 6 == 5 {
                assert_eq!(state.remove(&key, |old| Ok(old.to_vec())).unwrap(), model.remove(&key));
            } else {
                state.put_blind(&key, &val).unwrap();
                model.insert(key, val);
            }
            // The change itself touches the open end and a large value at most.
            assert!(state.store.pager.writes() - before <= 8, "at {n}");
            if n % 10_000 == 9_999 {
                state.want_publication();
            }
            loop {
                let before = state.store.pager.writes();
                let want = state.tend().unwrap();
                // A page, those it is split into, those above it, and what is in the open end.
                assert!(state.store.pager.writes() - before <= 24, "at {n}: {}", state.store.pager.writes() - before);
                merges += usize::from(state.merged);
                match want {
                    Want::Nothing => break,
                    Want::Turn => turns += 1,
                    Want::Wait => state.store.wait(),
                    Want::Depart(staged) => {
                        published += 1;
                        let departed = state.depart(staged).unwrap();
                        state.go_on(departed);
                    }
                }
                if turns % 16 == 0 {
                    let found = state.with(&key, |val| Ok(val.to_vec())).unwrap();
                    assert_eq!(found.as_ref(), model.get(&key), "at {n}");
                }
            }
        }
        assert!(turns > 1000 && merges > 10 && published >= 4, "{turns} {merges} {published}");
        assert_eq!(state.len(), model.len() as u64);
        for (key, val) in &model {
            assert_eq!(state.with(key, |found| Ok(found.to_vec())).unwrap().as_ref(), Some(val));
        }
    }
}
