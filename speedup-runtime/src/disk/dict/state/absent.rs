//! Which keys are surely absent: a filter over all keys, made when looking for absent ones has cost about as much, and a few pages at a
//! time, so that nobody waits for it.

use super::DictState;
use crate::disk::Result;
use crate::disk::filter::{Absent, Filter, Growing};
use crate::disk::tree::Seek;

/// How many leaves are read for each new key while a filter grows.
const LEAVES: usize = 2;
/// How many records of the write buffer are looked at for each new key before that.
pub(super) const RECORDS: usize = 64;

impl DictState {
    /// Adds a new key to the filter, and makes or grows one when it pays.
    pub(super) fn remember(&mut self, key: &[u8]) -> Result<()> {
        if self.store.is_replaying() {
            // Not every new key is told.
            return Ok(());
        }
        match &mut self.filter {
            Some(absent) => {
                absent.insert(key);
                if absent.wants_more_room() {
                    self.begin_filter();
                }
                self.grow_filter()
            }
            // By then the looks in vain have cost about what reading all keys costs.
            None if *self.misses.get_mut() > 1024 + self.len as usize / 64 => {
                self.begin_filter();
                self.grow_filter()
            }
            None => Ok(()),
        }
    }

    fn begin_filter(&mut self) {
        *self.misses.get_mut() = 0;
        let mut filter = Filter::with_room(self.len as usize * 16);
        let tail = &self.store.tail;
        (0..tail.len()).for_each(|index| filter.insert(tail.key(index)));
        let whole = self.filter.take().and_then(|absent| absent.whole);
        let growing = Growing { filter, buffered: Some(0), upto: Vec::new() };
        self.filter = Some(Absent { whole, growing: Some(growing) });
    }

    /// Another write buffer has taken the place of the one before, whose records are in the tree or in this one.
    pub(super) fn buffer_renewed(&mut self) {
        if let Some(growing) = self.filter.as_mut().and_then(|absent| absent.growing.as_mut()) {
            growing.buffered = growing.buffered.map(|_| 0);
        }
    }

    fn grow_filter(&mut self) -> Result<()> {
        if let Some(growing) = self.filter.as_mut().and_then(|absent| absent.growing.as_mut())
            && let Some(from) = growing.buffered
        {
            let filter = &mut growing.filter;
            growing.buffered = self.buffer.each_key(from, RECORDS, |key| filter.insert(key));
            return Ok(());
        }
        let mut key = Vec::new();
        for _ in 0..LEAVES {
            let Some(growing) = self.filter.as_mut().and_then(|absent| absent.growing.as_mut()) else { return Ok(()) };
            let found = self.store.tree.find(&mut self.store.pager, Seek::Of(&growing.upto), false);
            let (leaf, to) = match found {
                Ok(Some(found)) => (Some(found.leaf), found.to),
                Ok(None) => (None, None),
                Err(error) => (Some(Err(error)), None),
            };
            if let Some(leaf) = leaf {
                let Ok(leaf) = leaf else {
                    // Where a page is damaged, nobody knows its keys; the others can be used as before.
                    self.filter = None;
                    return Ok(());
                };
                for index in 0..leaf.count() {
                    leaf.key_into(index, &mut key);
                    growing.filter.insert(&key);
                }
            }
            match to {
                Some(to) => growing.upto = to.into(),
                None => self.end_filter(),
            }
        }
        Ok(())
    }

    fn end_filter(&mut self) {
        if let Some(absent) = &mut self.filter
            && let Some(mut growing) = absent.growing.take()
        {
            // A leaf that was taken out of the tree meanwhile was not read there.
            let tail = &self.store.tail;
            (0..tail.len()).for_each(|index| growing.filter.insert(tail.key(index)));
            absent.whole = Some(growing.filter);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::*;
    use crate::disk::options::Options;
    use crate::disk::superblock::Kind;

    #[test]
    fn a_filter_grows_a_few_pages_at_a_time_and_denies_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let mut options = Options::new("d".into());
        options.set_location(folder.path().into());
        let (store, replay) = Store::open(&options, Kind::Dict, 0, 0).unwrap();
        let mut state = DictState::open(store, replay, 1 << 14).unwrap();
        let mut keys = BTreeSet::new();
        let (mut partly, mut wholly) = (0, 0);
        for n in 0..30_000_u64 {
            let key = (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40).to_be_bytes();
            state.put_blind(&key, b"value").unwrap();
            keys.insert(key);
            if n % 7 == 0 {
                let old = *keys.iter().nth(n as usize % 50 % keys.len()).unwrap();
                state.remove(&old, |_| Ok(())).unwrap();
                keys.remove(&old);
            }
            match &state.filter {
                Some(absent) if absent.growing.is_some() => partly += 1,
                Some(_) => wholly += 1,
                None => {}
            }
            if n % 1000 == 999 {
                assert!(keys.iter().all(|key| state.contains(key).unwrap()), "at {n}");
            }
        }
        assert!(partly > 10 && wholly > 1000, "{partly} {wholly}");
        assert_eq!(state.len(), keys.len() as u64);
    }
}
