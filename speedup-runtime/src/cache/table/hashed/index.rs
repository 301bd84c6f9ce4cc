//! From a hash to the numbers of entries: buckets of twelve lanes.
//!
//! A lane is a tag of eight hash bits and the number of an entry. The tags of a bucket are two words, so that all lanes are compared at once without a branch that
//! depends on how full a bucket is. All tags of a shard stand together, apart from the numbers: whoever looks for what
//! is not there waits for tags alone, and those of a million entries are so little that they stay near the processor; a number that is linked is
//! stored, for which nobody waits. Who looks for what is there has both come at the same time.
//!
//! Lanes are used in their order. Only the writer of the shard writes; readers use plain loads. A lane that was used is never free again, so a
//! look-up ends at the first bucket with a free lane. One whose number was removed may be used for another key, whose look-ups come by
//! there: whoever sees an old tag beside the new number finds that it has another key. The number of a linked lane may be replaced by that of
//! another entry of the same key.
//!
//! Source of the tags: M. Kulukundis, "Designing a fast, efficient, cache-friendly hash table" (CppCon 2017); of the
//! comparison of all bytes of a word: S. E. Anderson, "Bit twiddling hacks".

use std::sync::Arc;

use super::{memory::Memory, zeroed::Zeroed};
use crate::{
    cache::memory::prefetch,
    sync::{AtomicBool, AtomicU32, AtomicU64, Ordering},
};

/// The low bits of a hash choose the shard.
pub(super) const SHARD_BITS: u32 = if cfg!(loom) { 0 } else { 6 };
/// Tag words of a bucket.
const WORDS: usize = 2;
/// Lanes of a tag word: the bytes that have a number beside them. One is enough for a model, which so meets full buckets.
const LANES: usize = if cfg!(loom) { 1 } else { 6 };
/// The tag of a lane that was never used.
const FREE: u8 = 0;
/// The tag of a lane whose entry was removed.
const REMOVED: u8 = 1;
/// The lowest bit of every lane's byte, and the highest.
const LOW: u64 = 0x0101_0101_0101_0101 >> (64 - LANES * 8);
const HIGH: u64 = LOW << 7;

/// The buckets of one shard.
pub(super) struct Index {
    buckets: Zeroed<Numbers, Tags>,
    /// Whether a lane was ever removed. Relaxed: written by the writer, and who looks in vain for what may be used again uses something else.
    has_removed: AtomicBool,
}

/// The numbers of a bucket's lanes. Release where one is stored, with the Acquire of readers.
#[repr(align(16))]
#[cfg_attr(loom, derive(Default))]
struct Numbers([AtomicU32; WORDS * LANES]);

/// Its tags. Release by the writer after it stored the lane's number, Acquire by readers before they load it.
#[repr(align(16))]
#[cfg_attr(loom, derive(Default))]
struct Tags([AtomicU64; WORDS]);

/// One of the buckets.
#[derive(Clone, Copy)]
struct Bucket<'a> {
    tags: &'a [AtomicU64; WORDS],
    numbers: &'a [AtomicU32; WORDS * LANES],
}

/// A lane where a key that was not found goes: the first one that was removed on its way, or the free one at its end.
#[derive(Clone, Copy)]
pub(super) struct Lane<'a> {
    bucket: Bucket<'a>,
    lane: usize,
    is_new: bool,
}

/// Some lanes of a bucket, a bit each; the lowest is the most reliable, see [`zeros`].
#[derive(Clone, Copy)]
struct Lanes(u64);

impl Lanes {
    /// The lanes whose tags are equal to this.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn with(tag: u8, [first, second]: [u64; WORDS]) -> Self {
        let tag = LOW * u64::from(tag);
        Self(zeros(first ^ tag) >> 1 | zeros(second ^ tag))
    }

    /// Takes the lowest out: its index among the numbers.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn next(&mut self) -> Option<usize> {
        let bit = self.0.trailing_zeros() as usize;
        let some = self.0 != 0;
        self.0 &= self.0.wrapping_sub(1);
        // Bits 6 and 7 of a byte stand for its lanes in the first and the second word.
        some.then(|| bit / 8 + bit % 2 * LANES)
    }
}

impl Index {
    /// No lanes used, and [`room`](Self::room) for so many entries.
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first_hashed"))]
    pub(super) fn with_room_for(entries: usize, memory: &Arc<Memory>) -> Self {
        let buckets = (entries * 5 / 4).div_ceil(WORDS * LANES).next_power_of_two();
        // SAFETY: all zero bits are numbers, and tags of lanes that are free.
        let buckets = unsafe { Zeroed::new(buckets, memory) };
        Self { buckets, has_removed: AtomicBool::new(false) }
    }

    /// How many lanes there are.
    pub(super) fn lanes(&self) -> usize {
        self.buckets.len() * WORDS * LANES
    }

    /// What the buckets take.
    pub(super) fn bytes(&self) -> usize {
        self.buckets.len() * (size_of::<Numbers>() + size_of::<Tags>())
    }

    /// How many of the lanes may be used, so that look-ups are short.
    pub(super) fn room(&self) -> usize {
        self.lanes() * 4 / 5
    }

    /// A number with the tag of this hash that fits; without one, where the next number with this hash goes. There must be a free lane somewhere.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn find<T>(&self, hash: u64, mut fits: impl FnMut(u32) -> Option<T>) -> Result<T, Lane<'_>> {
        let (mut at, mut removed) = (first(hash), None);
        loop {
            let bucket = self.bucket(at);
            bucket.expect();
            let tags = bucket.tags(Ordering::Acquire);
            let mut equal = Lanes::with(tag(hash), tags);
            while let Some(lane) = equal.next() {
                let found = fits(bucket.numbers[lane].load(Ordering::Acquire));
                if let Some(found) = found {
                    return Ok(found);
                }
            }
            // Whatever was linked later than this lane was free is here or before.
            if self.has_removed.load(Ordering::Relaxed) {
                removed = removed.or_else(|| bucket.removed(tags));
            }
            if let Some(lane) = bucket.free(tags) {
                return Err(removed.unwrap_or(lane));
            }
            at = at.wrapping_add(1);
        }
    }

    /// Links a number; only by the writer, where there is a free lane.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn link(&self, hash: u64, number: u32) {
        let mut at = first(hash);
        loop {
            let bucket = self.bucket(at);
            if let Some(lane) = bucket.free(bucket.tags(Ordering::Relaxed)) {
                return lane.link(hash, number);
            }
            at = at.wrapping_add(1);
        }
    }

    /// Takes a number out that is linked, if need be with another hash; only by the writer.
    pub(super) fn unlink(&self, hash: u64, number: u32) {
        if let Some((bucket, lane)) = self.lane_of(hash, number).or_else(|| self.lane_with(number)) {
            self.remove(bucket, lane);
        }
    }

    /// Has the line come that is most likely written by [`unlink`](Self::unlink).
    #[inline]
    pub(super) fn expect_unlink(&self, hash: u64) {
        prefetch::to_write(self.bucket(first(hash)).tags.as_ptr());
    }

    /// Puts another number in the place of one that is linked, if need be with another hash; only by the writer. Readers find either.
    pub(super) fn replace(&self, hash: u64, number: u32, by: u32) {
        if let Some((bucket, lane)) = self.lane_of(hash, number).or_else(|| self.lane_with(number)) {
            bucket.numbers[lane].store(by, Ordering::Release);
        }
    }

    /// Takes out all numbers but these; only by the writer.
    pub(super) fn retain(&self, keep: impl Fn(u32) -> bool) {
        for bucket in self.buckets() {
            let tags = bucket.tags(Ordering::Relaxed);
            for lane in Bucket::linked(tags) {
                if !keep(bucket.numbers[lane].load(Ordering::Relaxed)) {
                    self.remove(bucket, lane);
                }
            }
        }
    }

    fn remove(&self, bucket: Bucket<'_>, lane: usize) {
        self.has_removed.store(true, Ordering::Relaxed);
        bucket.mark(lane, REMOVED);
    }

    /// Where a number is linked; only for the writer.
    fn lane_of(&self, hash: u64, number: u32) -> Option<(Bucket<'_>, usize)> {
        let mut at = first(hash);
        loop {
            let bucket = self.bucket(at);
            let tags = bucket.tags(Ordering::Relaxed);
            let mut lanes = Lanes::with(tag(hash), tags);
            while let Some(lane) = lanes.next() {
                if bucket.numbers[lane].load(Ordering::Relaxed) == number {
                    return Some((bucket, lane));
                }
            }
            if bucket.free(tags).is_some() {
                return None;
            }
            at = at.wrapping_add(1);
        }
    }

    /// Where a number is linked, whatever its hash was then: a key's `Hash` is users' code, and may say something else each time. What is freed must
    /// not stay linked for that. Only for the writer. O(lanes).
    #[cold]
    fn lane_with(&self, number: u32) -> Option<(Bucket<'_>, usize)> {
        self.buckets().find_map(|bucket| {
            let mut linked = Bucket::linked(bucket.tags(Ordering::Relaxed));
            let lane = linked.find(|lane| bucket.numbers[*lane].load(Ordering::Relaxed) == number);
            lane.map(|lane| (bucket, lane))
        })
    }

    /// All numbers that are linked.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.buckets().flat_map(|bucket| {
            Bucket::linked(bucket.tags(Ordering::Acquire)).map(move |lane| bucket.numbers[lane].load(Ordering::Acquire))
        })
    }

    /// Which is the next one after the last is the first again.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn bucket(&self, at: usize) -> Bucket<'_> {
        let (Numbers(numbers), Tags(tags)) = self.buckets.at(at);
        Bucket { tags, numbers }
    }

    fn buckets(&self) -> impl Iterator<Item = Bucket<'_>> {
        (0..self.buckets.len()).map(|at| self.bucket(at))
    }
}

impl Lane<'_> {
    /// Whether the lane was never used.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn is_new(&self) -> bool {
        self.is_new
    }

    /// Has the line come that [`link`](Self::link) writes.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn expect_link(&self) {
        prefetch::to_write(self.bucket.tags.as_ptr());
        prefetch::to_write(&raw const self.bucket.numbers[self.lane]);
    }

    /// Links a number with this hash; only by the writer, who has linked nothing since the lane was found.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn link(self, hash: u64, number: u32) {
        let Self { bucket, lane, is_new } = self;
        // Release: with the Acquire of who has seen the tag that was there before.
        bucket.numbers[lane].store(number, Ordering::Release);
        // What is taken away is the tag of a removed lane, or that of a free one, which is nothing.
        let (word, old) = (&bucket.tags[lane / LANES], if is_new { FREE } else { REMOVED });
        let change = u64::from(tag(hash) ^ old) << (lane % LANES * 8);
        word.store(word.load(Ordering::Relaxed) ^ change, Ordering::Release);
    }
}

impl<'a> Bucket<'a> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn tags(&self, ordering: Ordering) -> [u64; WORDS] {
        let first = self.tags[0].load(ordering);
        [first, self.tags[1].load(ordering)]
    }

    /// Has the numbers come, which may lie in two lines.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn expect(self) {
        prefetch::to_read(&raw const self.numbers[0]);
        prefetch::to_read(&raw const self.numbers[WORDS * LANES - 1]);
    }

    /// The next lane, if there is a free one, when these are the tags.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn free(self, tags: [u64; WORDS]) -> Option<Lane<'a>> {
        // The lowest of a word that seems to be is one. No branch: which word it is in cannot be foretold. As long as the first word has one, the
        // second has no other lanes.
        let free = tags.map(zeros);
        let [first, second] = free.map(|lanes| (lanes.trailing_zeros() as usize / 8).min(LANES));
        (free != [0; WORDS]).then_some(Lane { bucket: self, lane: first + second, is_new: true })
    }

    /// A lane that was removed, if there is one, when these are the tags.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn removed(self, tags: [u64; WORDS]) -> Option<Lane<'a>> {
        // The lowest of those that seem to be is one.
        let lane = Lanes::with(REMOVED, tags).next()?;
        Some(Lane { bucket: self, lane, is_new: false })
    }

    /// The lanes that are linked, when these are the tags.
    fn linked(tags: [u64; WORDS]) -> impl Iterator<Item = usize> {
        (0..WORDS * LANES).filter(move |lane| (tags[lane / LANES] >> (lane % LANES * 8)) as u8 > REMOVED)
    }

    /// Gives the lane another tag; only by the writer.
    fn mark(&self, lane: usize, tag: u8) {
        let (word, shift) = (&self.tags[lane / LANES], lane % LANES * 8);
        let others = word.load(Ordering::Relaxed) & !(0xff << shift);
        word.store(others | u64::from(tag) << shift, Ordering::Release);
    }
}

/// Marks on the highest bit the lanes that are zero. A lane of 1 above one that is zero may be marked as well.
#[inline]
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(LOW) & !word & HIGH
}

/// The bucket that is looked at first, counted on beyond the last.
#[cfg_attr(not(debug_assertions), inline(always))]
fn first(hash: u64) -> usize {
    (hash >> SHARD_BITS) as usize
}

/// The top bits of the hash, which neither the shard nor the bucket is chosen by.
#[inline]
fn tag(hash: u64) -> u8 {
    // The odd one out of two tags that differ in their lowest bit only may be taken for the other: its number is compared
    // for nothing. That must not befall a lane without a number, so free and removed have no such neighbours.
    ((hash >> 56) as u8).max(REMOVED + 1)
}

const _: () = assert!(FREE == 0 && (cfg!(loom) || size_of::<Numbers>() == 48 && size_of::<Tags>() == 16));

#[cfg(test)]
mod tests;
