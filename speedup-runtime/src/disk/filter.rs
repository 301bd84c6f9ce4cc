//! A blocked Bloom filter: says of most absent keys, without reading a page, that they are absent.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;

/// The most memory a filter takes; with more keys than that serves, it errs more often.
const LIMIT: usize = 8 << 20;
/// Bits a key; at 12 about one answer in a hundred is a needless look into a page.
const BITS: usize = 12;
const BLOCK: usize = 8;

/// A set of keys that may claim to contain more than it does, never less.
#[derive(Debug)]
pub(crate) struct Filter {
    blocks: Vec<[u64; BLOCK]>,
    hasher: FixedState,
    keys: usize,
}

impl Filter {
    /// A filter with room for `keys` keys.
    pub(crate) fn with_room(keys: usize) -> Self {
        let bytes = (keys.saturating_mul(BITS) / 8).clamp(1 << 12, LIMIT);
        Filter { blocks: vec![[0; BLOCK]; bytes / (BLOCK * 8)], hasher: FixedState::default(), keys: 0 }
    }

    /// Whether a larger one would be better.
    pub(crate) fn is_full(&self) -> bool {
        let bytes = self.blocks.len() * BLOCK * 8;
        self.keys > bytes * 8 / BITS && bytes < LIMIT - BLOCK * 8
    }

    /// How many keys were inserted.
    #[cfg(test)]
    pub(crate) fn keys(&self) -> usize {
        self.keys
    }

    /// The block of a key, and a mask for each of its words, one bit in each of six.
    #[inline]
    fn place(&self, key: &[u8]) -> (usize, u64) {
        let hash = self.hasher.hash_one(key);
        let block = ((hash >> 32) as usize * self.blocks.len()) >> 32;
        (block, hash.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    #[inline]
    pub(crate) fn insert(&mut self, key: &[u8]) {
        let (block, mut bits) = self.place(key);
        self.keys += 1;
        for word in &mut self.blocks[block][..6] {
            *word |= 1 << (bits & 63);
            bits >>= 6;
        }
        self.blocks[block][6 + (bits & 1) as usize] |= 1 << ((bits >> 1) & 63);
    }

    /// False only if the key was never inserted.
    #[inline]
    pub(crate) fn may_contain(&self, key: &[u8]) -> bool {
        let (block, mut bits) = self.place(key);
        let words = &self.blocks[block];
        let mut all = true;
        for word in &words[..6] {
            all &= word >> (bits & 63) & 1 == 1;
            bits >>= 6;
        }
        all && words[6 + (bits & 1) as usize] >> ((bits >> 1) & 63) & 1 == 1
    }
}

/// What is known of absent keys.
pub(crate) struct Absent {
    /// Holds at least every key of the dict.
    pub(crate) whole: Option<Filter>,
    /// The next one: it holds at least every key of the open end and of the buffer, but for records of the buffer from `buffered` on, and then every
    /// key of the tree below `upto`.
    pub(crate) growing: Option<Growing>,
}

/// A filter on its way.
pub(crate) struct Growing {
    pub(crate) filter: Filter,
    /// The next record of the write buffer to be looked at; `None` when the tree's turn has come.
    pub(crate) buffered: Option<u32>,
    pub(crate) upto: Vec<u8>,
}

impl Absent {
    /// False only if a key is not in the dict.
    #[inline]
    pub(crate) fn may_contain(&self, key: &[u8]) -> bool {
        match (&self.whole, &self.growing) {
            (Some(whole), _) => whole.may_contain(key),
            (None, Some(growing)) => key >= growing.upto.as_slice() || growing.filter.may_contain(key),
            (None, None) => true,
        }
    }

    pub(crate) fn insert(&mut self, key: &[u8]) {
        let growing = self.growing.as_mut().map(|growing| &mut growing.filter);
        self.whole.iter_mut().chain(growing).for_each(|filter| filter.insert(key));
    }

    pub(crate) fn wants_more_room(&self) -> bool {
        self.growing.is_none() && self.whole.as_ref().is_some_and(Filter::is_full)
    }
}
