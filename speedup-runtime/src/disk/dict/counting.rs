//! How many keys a dict has, and the filter that tells which are surely absent.

use super::state::DictState;
use crate::disk::Result;
use crate::disk::filter::Filter;

impl DictState {
    /// Counts a new key.
    pub(super) fn added(&mut self, key: &[u8]) -> Result<()> {
        self.len += 1;
        self.remember(key)
    }

    /// Adds a new key to the filter, and makes or grows one when it pays.
    fn remember(&mut self, key: &[u8]) -> Result<()> {
        match &mut self.filter {
            Some(filter) => {
                filter.insert(key);
                if filter.is_full() {
                    self.build_filter()?;
                }
            }
            // By then the looks in vain have cost about what reading all keys costs.
            None if self.misses > 1024 + self.len as usize / 64 => self.build_filter()?,
            None => {}
        }
        Ok(())
    }

    fn build_filter(&mut self) -> Result<()> {
        self.misses = 0;
        self.filter = None;
        let mut filter = Filter::with_room(self.len as usize * 16);
        let mut key = Vec::new();
        let store = &mut self.store;
        let mut whole = true;
        store.tree.walk(&mut store.pager, &mut |_, _, leaf| {
            let Ok(leaf) = leaf else {
                whole = false;
                return Ok(());
            };
            for index in 0..leaf.count() {
                leaf.key_into(index, &mut key);
                filter.insert(&key);
            }
            Ok(())
        })?;
        (0..store.tail.len()).for_each(|index| filter.insert(store.tail.key(index)));
        self.buffer.keys().for_each(|key| filter.insert(key));
        // Where a page is damaged, nobody knows its keys; the others can be used as before.
        self.filter = whole.then_some(filter);
        Ok(())
    }
}
