//! From a hash to the numbers of entries: buckets of one cache line each.
//!
//! A bucket has twelve lanes, each a tag of eight hash bits and the number of an entry. The tags stand together, six in
//! a word, so that all lanes are compared at once without a branch that depends on how full a bucket is, and most
//! look-ups touch one cache line and no key but the right one. Lanes are used in their order, and the first word says
//! how many are. Only the writer of the shard writes; readers use plain loads. A lane that was used is never free again, so a
//! look-up ends at the first bucket with a free lane. One whose number was removed may be used for another key, whose look-ups come by
//! there: whoever sees an old tag beside the new number finds that it has another key. The number of a linked lane may be replaced by that of
//! another entry of the same key.
//!
//! Source of the tags: M. Kulukundis, "Designing a fast, efficient, cache-friendly hash table" (CppCon 2017); of the
//! comparison of all bytes of a word: S. E. Anderson, "Bit twiddling hacks".

use std::sync::Arc;

use super::memory::Memory;
#[cfg(not(loom))]
use super::zeroed::Zeroed;
use crate::{
    cache::memory::prefetch,
    sync::{AtomicU32, AtomicU64, Ordering},
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
/// Above the lanes of the first word: how many of the bucket are used.
const USED_AT: u32 = 48;

/// The buckets of one shard.
pub(super) struct Index {
    buckets: Buckets,
}

#[cfg(not(loom))]
type Buckets = Zeroed<Bucket>;
#[cfg(loom)]
type Buckets = Box<[Bucket]>;

#[repr(align(64))]
#[cfg_attr(loom, derive(Default))]
struct Bucket {
    /// Release by the writer after it stored the lane's number, Acquire by readers before they load it. A lane of the
    /// second word has its tag before the first word counts it, and readers load the first word first.
    tags: [AtomicU64; WORDS],
    /// Release where one replaces another, with the Acquire of readers.
    numbers: [AtomicU32; WORDS * LANES],
}

/// A lane where a key that was not found goes: the first one that was removed on its way, or the free one at its end.
#[derive(Clone, Copy)]
pub(super) struct Lane<'a> {
    bucket: &'a Bucket,
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
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    pub(super) fn with_room_for(entries: usize, memory: &Arc<Memory>) -> Self {
        let buckets = (entries * 5 / 4).div_ceil(WORDS * LANES).next_power_of_two();
        Self { buckets: empty(buckets, memory) }
    }

    /// How many lanes there are.
    pub(super) fn lanes(&self) -> usize {
        self.buckets.len() * WORDS * LANES
    }

    /// What the buckets take.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.buckets)
    }

    /// How many of the lanes may be used, so that look-ups are short.
    pub(super) fn room(&self) -> usize {
        self.lanes() * 4 / 5
    }

    /// Has the processor fetch the bucket that is looked at first.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn fetch(&self, hash: u64) {
        #[cfg(all(target_arch = "x86_64", not(any(loom, miri))))]
        // SAFETY: a hint, and the bucket lives.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(self.bucket(first(hash))).cast());
        }
        #[cfg(not(all(target_arch = "x86_64", not(any(loom, miri)))))]
        let _ = hash;
    }

    /// A number with the tag of this hash that fits; without one, where the next number with this hash goes. There must be a free lane somewhere.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn find<T>(&self, hash: u64, mut fits: impl FnMut(u32) -> Option<T>) -> Result<T, Lane<'_>> {
        let (mut at, mut removed) = (first(hash), None);
        loop {
            let bucket = self.bucket(at);
            let tags = bucket.tags(Ordering::Acquire);
            let mut equal = Lanes::with(tag(hash), tags);
            while let Some(lane) = equal.next() {
                let found = fits(bucket.numbers[lane].load(Ordering::Acquire));
                if let Some(found) = found {
                    return Ok(found);
                }
            }
            // Whatever was linked later than this lane was free is here or before.
            removed = removed.or_else(|| bucket.removed(tags));
            if let Some(lane) = bucket.free(tags[0]) {
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
            if let Some(lane) = bucket.free(bucket.tags[0].load(Ordering::Relaxed)) {
                return lane.link(hash, number);
            }
            at = at.wrapping_add(1);
        }
    }

    /// Takes a number out that is linked, if need be with another hash; only by the writer.
    pub(super) fn unlink(&self, hash: u64, number: u32) {
        if let Some((bucket, lane)) = self.lane_of(hash, number).or_else(|| self.lane_with(number)) {
            bucket.mark(lane, REMOVED);
        }
    }

    /// Has the line come that is most likely written by [`unlink`](Self::unlink).
    #[inline]
    pub(super) fn expect_unlink(&self, hash: u64) {
        prefetch::to_write(self.bucket(first(hash)));
    }

    /// Puts another number in the place of one that is linked, if need be with another hash; only by the writer. Readers find either.
    pub(super) fn replace(&self, hash: u64, number: u32, by: u32) {
        if let Some((bucket, lane)) = self.lane_of(hash, number).or_else(|| self.lane_with(number)) {
            bucket.numbers[lane].store(by, Ordering::Release);
        }
    }

    /// Takes out all numbers but these; only by the writer.
    pub(super) fn retain(&self, keep: impl Fn(u32) -> bool) {
        for bucket in self.buckets.iter() {
            let tags = bucket.tags(Ordering::Relaxed);
            for lane in Bucket::linked(tags) {
                if !keep(bucket.numbers[lane].load(Ordering::Relaxed)) {
                    bucket.mark(lane, REMOVED);
                }
            }
        }
    }

    /// Where a number is linked; only for the writer.
    fn lane_of(&self, hash: u64, number: u32) -> Option<(&Bucket, usize)> {
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
            if bucket.free(tags[0]).is_some() {
                return None;
            }
            at = at.wrapping_add(1);
        }
    }

    /// Where a number is linked, whatever its hash was then: a key's `Hash` is users' code, and may say something else each time. What is freed must
    /// not stay linked for that. Only for the writer. O(lanes).
    #[cold]
    fn lane_with(&self, number: u32) -> Option<(&Bucket, usize)> {
        self.buckets.iter().find_map(|bucket| {
            let mut linked = Bucket::linked(bucket.tags(Ordering::Relaxed));
            let lane = linked.find(|lane| bucket.numbers[*lane].load(Ordering::Relaxed) == number);
            lane.map(|lane| (bucket, lane))
        })
    }

    /// All numbers that are linked.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.buckets.iter().flat_map(|bucket| {
            Bucket::linked(bucket.tags(Ordering::Acquire)).map(|lane| bucket.numbers[lane].load(Ordering::Acquire))
        })
    }

    /// Which is the next one after the last is the first again.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn bucket(&self, at: usize) -> &Bucket {
        &self.buckets[at & (self.buckets.len() - 1)]
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
        prefetch::to_write(self.bucket);
    }

    /// Links a number with this hash; only by the writer, who has linked nothing since the lane was found.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn link(self, hash: u64, number: u32) {
        let Self { bucket, lane, is_new } = self;
        // Release: with the Acquire of who has seen the tag that was there before.
        bucket.numbers[lane].store(number, Ordering::Release);
        // No branch: which word it is cannot be foretold, and finding out takes until the bucket is in the cache. What is taken away is the
        // tag of a removed lane, or that of a free one, which is nothing.
        let (shift, old) = (lane % LANES * 8, if is_new { FREE } else { REMOVED });
        let change = u64::from(tag(hash) ^ old) << shift;
        let [in_first, in_second] = if lane < LANES { [change, 0] } else { [0, change] };
        let [first, second] = bucket.tags(Ordering::Relaxed);
        bucket.tags[1].store(second ^ in_second, Ordering::Release);
        bucket.tags[0].store((first ^ in_first) + (u64::from(is_new) << USED_AT), Ordering::Release);
    }
}

impl Bucket {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn tags(&self, ordering: Ordering) -> [u64; WORDS] {
        let first = self.tags[0].load(ordering);
        [first, self.tags[1].load(ordering)]
    }

    /// The next lane, if there is a free one, when this is the first word of tags.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn free(&self, first: u64) -> Option<Lane<'_>> {
        let lane = (first >> USED_AT) as usize;
        (lane < WORDS * LANES).then_some(Lane { bucket: self, lane, is_new: true })
    }

    /// A lane that was removed, if there is one, when these are the tags.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn removed(&self, tags: [u64; WORDS]) -> Option<Lane<'_>> {
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

/// Buckets without numbers; few are of memory that is zero already where the system gives it so.
#[cfg(not(loom))]
fn empty(buckets: usize, memory: &Arc<Memory>) -> Buckets {
    // SAFETY: all zero bits are a bucket whose lanes are free.
    unsafe { Zeroed::new(buckets, memory) }
}

/// Buckets without numbers.
#[cfg(loom)]
fn empty(buckets: usize, _memory: &Arc<Memory>) -> Buckets {
    (0..buckets).map(|_| Bucket::default()).collect()
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

const _: () = assert!(FREE == 0 && (cfg!(loom) || size_of::<Bucket>() == 64));

#[cfg(test)]
mod tests;
