//! From a hash to the numbers of entries: buckets of one cache line each.
//!
//! A bucket has twelve lanes, each a tag of eight hash bits and the number of an entry. The tags stand together, six in
//! a word, so that all lanes of a word are compared at once, and most look-ups touch one cache line and no key but the
//! right one. Only the holder of the shard's lock writes; readers use plain loads. A lane goes from free to linked and
//! from linked to removed, never back, so a look-up ends at the first free lane.
//!
//! Source of the tags: M. Kulukundis, "Designing a fast, efficient, cache-friendly hash table" (CppCon 2017); of the
//! comparison of all bytes of a word: S. E. Anderson, "Bit twiddling hacks".

use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// Tag words of a bucket.
const WORDS: usize = 2;
/// Lanes of a tag word: the bytes that have a number beside them.
const LANES: usize = 6;
/// The tag of a lane that was never used.
const FREE: u8 = 0;
/// The tag of a lane whose entry was removed.
const REMOVED: u8 = 1;
/// The lowest bit of every lane's byte, and the highest.
const LOW: u64 = 0x0000_0101_0101_0101;
const HIGH: u64 = LOW << 7;

/// The buckets of one shard.
pub(super) struct Index {
    buckets: Box<[Bucket]>,
}

#[repr(align(64))]
#[derive(Default)]
struct Bucket {
    /// Release by the writer after it stored the lane's number, Acquire by readers before they load it.
    tags: [AtomicU64; WORDS],
    numbers: [AtomicU32; WORDS * LANES],
}

/// A lane of a bucket.
struct Lane<'a> {
    bucket: &'a Bucket,
    word: usize,
    lane: usize,
}

impl Index {
    /// No lanes used, and room for so many entries before [`Index::is_full`].
    pub(super) fn with_room_for(entries: usize) -> Self {
        let buckets = (entries * 5 / 4).div_ceil(WORDS * LANES).next_power_of_two();
        Self { buckets: (0..buckets).map(|_| Bucket::default()).collect() }
    }

    /// How many lanes there are.
    pub(super) fn lanes(&self) -> usize {
        self.buckets.len() * WORDS * LANES
    }

    /// Whether so many used lanes are too many for short look-ups.
    pub(super) fn is_full(&self, used: usize) -> bool {
        used * 5 > self.lanes() * 4
    }

    /// The first number with the tag of this hash that fits, in the order of the lanes.
    #[inline]
    pub(super) fn find<T>(&self, hash: u64, mut fits: impl FnMut(u32) -> Option<T>) -> Option<T> {
        let tag = LOW * u64::from(tag(hash));
        for bucket in self.way(hash) {
            for (word, tags) in bucket.tags.iter().enumerate() {
                let tags = tags.load(Ordering::Acquire);
                let mut equal = zeros(tags ^ tag);
                while equal != 0 {
                    let lane = equal.trailing_zeros() as usize / 8;
                    // Relaxed: stored before the tag.
                    let found = fits(bucket.numbers[word * LANES + lane].load(Ordering::Relaxed));
                    if found.is_some() {
                        return found;
                    }
                    equal &= equal - 1;
                }
                // Lanes are used in order, so nothing comes after a free one.
                if zeros(tags) != 0 {
                    return None;
                }
            }
        }
        None
    }

    /// Links a number; only by the holder of the lock, and where there is room.
    pub(super) fn link(&self, hash: u64, number: u32) {
        if let Some(lane) = self.lane(hash, |tags, _| zeros(tags)) {
            lane.bucket.numbers[lane.word * LANES + lane.lane].store(number, Ordering::Relaxed);
            lane.mark(tag(hash));
        }
    }

    /// Takes a number out; only by the holder of the lock.
    pub(super) fn unlink(&self, hash: u64, number: u32) {
        let tag = LOW * u64::from(tag(hash));
        let linked = self.lane(hash, |tags, numbers| {
            let holds = |lane: &usize| numbers[*lane].load(Ordering::Relaxed) == number;
            let lanes = (0..LANES).filter(|lane| zeros(tags ^ tag) >> (lane * 8) & 0x80 != 0);
            lanes.filter(holds).map(|lane| 0x80 << (lane * 8)).sum()
        });
        if let Some(lane) = linked {
            lane.mark(REMOVED);
        }
    }

    /// All numbers that are linked.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.buckets.iter().flat_map(|bucket| {
            let tags = bucket.tags.each_ref().map(|tags| tags.load(Ordering::Acquire));
            (0..WORDS * LANES)
                .filter(move |lane| (tags[lane / LANES] >> (lane % LANES * 8)) as u8 > REMOVED)
                .map(|lane| bucket.numbers[lane].load(Ordering::Relaxed))
        })
    }

    /// The first lane on the way of a hash that is chosen by a mark on its highest bit.
    fn lane(&self, hash: u64, choose: impl Fn(u64, &[AtomicU32]) -> u64) -> Option<Lane<'_>> {
        self.way(hash).find_map(|bucket| {
            (0..WORDS).find_map(|word| {
                // Relaxed: only the holder of the lock writes.
                let tags = bucket.tags[word].load(Ordering::Relaxed);
                let chosen = choose(tags, &bucket.numbers[word * LANES..]);
                (chosen != 0).then(|| Lane { bucket, word, lane: chosen.trailing_zeros() as usize / 8 })
            })
        })
    }

    /// The buckets in the order in which a hash looks at them.
    #[inline]
    fn way(&self, hash: u64) -> impl Iterator<Item = &Bucket> {
        let (mask, first) = (self.buckets.len() - 1, (hash >> super::SHARD_BITS) as usize);
        (0..self.buckets.len()).map(move |step| &self.buckets[(first + step) & mask])
    }
}

impl Lane<'_> {
    /// Gives the lane another tag; only by the holder of the lock.
    fn mark(&self, tag: u8) {
        let (word, shift) = (&self.bucket.tags[self.word], self.lane * 8);
        let others = word.load(Ordering::Relaxed) & !(0xff << shift);
        word.store(others | u64::from(tag) << shift, Ordering::Release);
    }
}

/// Marks on the highest bit the lanes that are zero. A lane of 1 above one that is zero may be marked as well.
#[inline]
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(LOW) & !word & HIGH
}

/// The top bits of the hash, which neither the shard nor the bucket is chosen by.
#[inline]
fn tag(hash: u64) -> u8 {
    // The odd one out of two tags that differ in their lowest bit only may be taken for the other: its number is compared
    // for nothing. That must not befall a lane without a number, so free and removed have no such neighbours.
    ((hash >> 56) as u8).max(REMOVED + 1)
}

const _: () = assert!(FREE == 0 && (cfg!(loom) || size_of::<Bucket>() == 64));

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Hashes with few different bits, so that buckets overflow and tags meet.
        #[test]
        fn numbers_are_found_until_they_are_taken_out(
            steps in prop::collection::vec((0u64..4, 0u64..3, 0u32..30, any::<bool>()), 0..80)
        ) {
            let hash = |top: u64, low: u64| top << 56 | low << super::super::SHARD_BITS;
            let index = Index::with_room_for(80);
            let mut linked = HashMap::new();
            for (top, low, number, link) in steps {
                if !link && let Some(hash) = linked.remove(&number) {
                    index.unlink(hash, number);
                } else if link && !linked.contains_key(&number) {
                    index.link(hash(top, low), number);
                    linked.insert(number, hash(top, low));
                }
                let found = |(number, hash): (&u32, &u64)| index.find(*hash, |at| (at == *number).then_some(())).is_some();
                prop_assert!(linked.iter().all(found));
                let mut numbers: Vec<_> = index.numbers().collect();
                numbers.sort_unstable();
                let mut expected: Vec<_> = linked.keys().copied().collect();
                expected.sort_unstable();
                prop_assert_eq!(numbers, expected);
            }
        }
    }

    #[test]
    fn a_number_that_was_taken_out_is_not_found() {
        let index = Index::with_room_for(1);
        (2..10).for_each(|number| index.link(u64::MAX, number));
        index.unlink(u64::MAX, 5);
        let mut seen = Vec::new();
        assert_eq!(
            index.find(u64::MAX, |number| {
                seen.push(number);
                None::<()>
            }),
            None
        );
        assert_eq!(seen, [2, 3, 4, 6, 7, 8, 9]);
    }
}
