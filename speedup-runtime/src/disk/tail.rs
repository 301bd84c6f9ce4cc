//! The open end: the last items of a structure, still in memory, where appending costs next to nothing.

use std::collections::VecDeque;

use super::leaf::{HEADER, Item, Leaf, Val, common};
use super::page_file::SLOT;

/// Where an item lies in the arena: its key, then its value.
#[derive(Clone, Copy, Debug)]
struct Entry {
    at: u32,
    key: u32,
    val: u32,
    outside: bool,
}

/// Items that come after all others, in order.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    arena: Vec<u8>,
    entries: VecDeque<Entry>,
    /// Bytes of all keys and values.
    bytes: usize,
    /// How many entries differ from the first in the length of their key.
    uneven_keys: usize,
    /// How many entries differ from the first in the length of their value.
    uneven_vals: usize,
    /// The number of the leaf they were in, or 0.
    id: u64,
}

/// How much a page holds beside its items, at most.
const OVERHEAD: usize = HEADER + 64;

impl Tail {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The number of the leaf that the first items were in, or 0.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn key_of(&self, entry: &Entry) -> &[u8] {
        &self.arena[entry.at as usize..(entry.at + entry.key) as usize]
    }

    pub(crate) fn key(&self, index: usize) -> &[u8] {
        self.key_of(&self.entries[index])
    }

    pub(crate) fn val(&self, index: usize) -> Val<'_> {
        let entry = &self.entries[index];
        let at = (entry.at + entry.key) as usize;
        Val { bytes: &self.arena[at..at + entry.val as usize], outside: entry.outside }
    }

    /// Whether the tail is responsible for a key: no key before it is as great as its first.
    #[inline]
    pub(crate) fn owns(&self, key: &[u8]) -> bool {
        self.entries.front().is_some_and(|first| self.key_of(first) <= key)
    }

    pub(crate) fn search(&self, key: &[u8]) -> Result<usize, usize> {
        match self.entries.back() {
            Some(last) if self.key_of(last) < key => Err(self.len()),
            _ => self.entries.binary_search_by(|entry| self.key_of(entry).cmp(key)),
        }
    }

    /// Whether one more item would no longer fit into the page.
    #[inline]
    pub(crate) fn is_full(&self, key: &[u8], val: Val<'_>) -> bool {
        let count = self.len() + 1;
        let tables = usize::from(self.uneven_keys > 0) + usize::from(self.uneven_vals > 0);
        let prefix = self.entries.front().map_or(0, |first| common(self.key_of(first), key));
        let bytes = self.bytes + key.len() + val.bytes.len();
        self.len() >= 4096 || OVERHEAD + bytes + tables * 2 * count > SLOT + prefix * (count - 1)
    }

    /// Adds an item at `index`.
    #[inline]
    pub(crate) fn insert(&mut self, index: usize, key: &[u8], val: Val<'_>) {
        let at = self.arena.len() as u32;
        self.arena.extend_from_slice(key);
        self.arena.extend_from_slice(val.bytes);
        let entry = Entry { at, key: key.len() as u32, val: val.bytes.len() as u32, outside: val.outside };
        if let Some(first) = self.entries.front() {
            self.uneven_keys += usize::from(first.key != entry.key);
            self.uneven_vals += usize::from(first.val != entry.val);
        }
        self.bytes += key.len() + val.bytes.len();
        if index == self.entries.len() {
            self.entries.push_back(entry);
        } else {
            self.entries.insert(index, entry);
        }
    }

    /// Takes the item at `index` out.
    pub(crate) fn remove(&mut self, index: usize) {
        let Some(entry) = self.entries.remove(index) else { return };
        self.bytes -= (entry.key + entry.val) as usize;
        if self.entries.is_empty() {
            self.clear();
        } else if index == self.entries.len() && (entry.at + entry.key + entry.val) as usize == self.arena.len() {
            self.arena.truncate(entry.at as usize);
        } else if self.arena.len() > 4 * SLOT.max(self.bytes) {
            self.tidy();
        }
    }

    /// Takes what removed items left out of the arena.
    fn tidy(&mut self) {
        let old = std::mem::take(&mut self.arena);
        for entry in &mut self.entries {
            let from = entry.at as usize;
            entry.at = self.arena.len() as u32;
            self.arena.extend_from_slice(&old[from..from + (entry.key + entry.val) as usize]);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.arena.clear();
        self.entries.clear();
        (self.bytes, self.uneven_keys, self.uneven_vals, self.id) = (0, 0, 0, 0);
    }

    pub(crate) fn items(&self) -> Vec<Item<'_>> {
        let item = |index| Item { prefix: &[], suffix: self.key(index), val: self.val(index) };
        (0..self.len()).map(item).collect()
    }

    /// Takes over the items of a leaf.
    pub(crate) fn load(&mut self, leaf: &Leaf) {
        self.clear();
        self.id = leaf.id();
        let mut key = Vec::new();
        for index in 0..leaf.count() {
            leaf.key_into(index, &mut key);
            self.insert(index, &key, leaf.val(index));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_that_never_runs_empty_does_not_grow() {
        let mut tail = Tail::default();
        let val = |n: u64| n.to_le_bytes();
        for n in 0..100_000_u64 {
            let bytes = val(n);
            tail.insert(tail.len(), b"key", Val { bytes: &bytes, outside: false });
            if n >= 5 {
                tail.remove(0);
                assert_eq!((tail.key(0), tail.val(0).bytes), (b"key".as_slice(), val(n - 4).as_slice()));
            }
            assert!(tail.arena.len() <= 5 * SLOT);
        }
        assert_eq!(tail.len(), 5);
    }
}
