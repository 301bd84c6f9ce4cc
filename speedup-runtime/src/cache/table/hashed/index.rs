//! From a hash to the numbers of entries: buckets of twelve lanes.
//!
//! A lane is a tag of eight hash bits and the number of an entry. The tags of a bucket are two words, so that all lanes are compared at once without a branch that
//! depends on how full a bucket is; behind the tags, a word has two more bits of each hash, for who expects that the key is missing. All tags of a shard stand together, apart from the numbers: whoever looks for what
//! is not there waits for tags alone, and those of a million entries are so little that they stay near the processor; a number that is linked is
//! stored, for which nobody waits. Who looks for what is there has both come at the same time.
//!
//! Only the writer of the shard writes; readers use plain loads. A lane that was used is never free again, so a
//! look-up ends at the first bucket with a free lane. One whose number was removed may be used for another key, whose look-ups come by
//! there: whoever sees an old tag beside the new number finds that it has another key. The number of a linked lane may be replaced by that of
//! another entry of the same key.

use std::sync::Arc;

use super::{
    lanes::{FREE, LANES, Lanes, REMOVED, WORDS, more, more_mask, tag},
    memory::Memory,
    zeroed::{Either, Zeroed},
};
use crate::{
    cache::memory::prefetch,
    sync::{AtomicBool, AtomicU16, AtomicU32, AtomicU64, Ordering},
};

/// The low bits of a hash choose the shard.
pub(super) const SHARD_BITS: u32 = if cfg!(loom) { 0 } else { 6 };
/// So many numbers have 16 bits; a model so comes from one form to the other.
const NARROW: usize = if cfg!(loom) { 3 } else { 1 << u16::BITS };
/// The buckets of one shard.
pub(super) struct Index {
    buckets: Zeroed<Tags, Numbers<AtomicU16>, Numbers<AtomicU32>>,
    /// Whether a lane was ever removed. Relaxed: written by the writer, and who looks in vain for what may be used again uses something else.
    has_removed: AtomicBool,
}

/// The tags of a bucket. Release by the writer after it stored the lane's number, Acquire by readers before they load it.
#[repr(align(16))]
#[cfg_attr(loom, derive(Default))]
struct Tags([AtomicU64; WORDS]);

/// The numbers of its lanes. Release where one is stored, with the Acquire of readers.
type Numbers<T> = [T; WORDS * LANES];

/// One of the buckets.
#[derive(Clone, Copy)]
struct Bucket<'a> {
    tags: &'a [AtomicU64; WORDS],
    numbers: Either<&'a Numbers<AtomicU16>, &'a Numbers<AtomicU32>>,
}

/// The number of one lane.
type Number<'a> = Either<&'a AtomicU16, &'a AtomicU32>;

impl Number<'_> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn load(self, ordering: Ordering) -> u32 {
        match self {
            Either::Narrow(number) => u32::from(number.load(ordering)),
            Either::Wide(number) => number.load(ordering),
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn store(self, number: u32) {
        match self {
            Either::Narrow(at) => {
                debug_assert!(
                    number <= u32::from(u16::MAX),
                    "such an index is told of no more numbers than have so many bits"
                );
                at.store(number as u16, Ordering::Release);
            }
            Either::Wide(at) => at.store(number, Ordering::Release),
        }
    }

    /// Has its line come in order to be written.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn expect(self) {
        match self {
            Either::Narrow(number) => prefetch::to_write(number),
            Either::Wide(number) => prefetch::to_write(number),
        }
    }
}

/// A lane where a key that was not found goes: the first one that was removed on its way, or the free one at its end.
#[derive(Clone, Copy)]
pub(super) struct Lane<'a> {
    /// The word of its tag, and how far up in it that stands.
    tags: &'a AtomicU64,
    shift: u32,
    number: Number<'a>,
    is_new: bool,
}

impl Index {
    /// No lanes used, and [`room`](Self::room) for so many entries, in a shard that has given so many numbers.
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first_hashed"))]
    pub(super) fn with_room_for(entries: usize, made: u32, memory: &Arc<Memory>) -> Self {
        let buckets = (entries * 5 / 4).div_ceil(WORDS * LANES).next_power_of_two();
        // Every new number takes a lane.
        let is_wide = made as usize + buckets * WORDS * LANES > NARROW;
        // SAFETY: all zero bits are numbers, and tags of lanes that are free.
        let buckets = unsafe { Zeroed::new(buckets, is_wide, memory) };
        Self { buckets, has_removed: AtomicBool::new(false) }
    }

    /// How many lanes there are.
    pub(super) fn lanes(&self) -> usize {
        self.buckets.len() * WORDS * LANES
    }

    /// What the buckets take.
    pub(super) fn bytes(&self) -> usize {
        let numbers = match self.bucket(0).numbers {
            Either::Narrow(numbers) => size_of_val(numbers),
            Either::Wide(numbers) => size_of_val(numbers),
        };
        self.buckets.len() * (size_of::<Tags>() + numbers)
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
            while let Some((word, byte)) = equal.next() {
                // Not what stands beside the tag: who looks for what is there would compare it in vain.
                let found = fits(bucket.number(byte + word * LANES).load(Ordering::Acquire));
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

    /// Where the next number with this hash goes, if it is seen in the tags alone that there is none. There must be a free lane somewhere.
    ///
    /// As [`find`](Self::find), where most keys are missing, in an index whose numbers are narrow.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn find_free(&self, hash: u64) -> Option<Lane<'_>> {
        let mut at = first(hash);
        if self.has_removed.load(Ordering::Relaxed) {
            return None;
        }
        loop {
            let bucket = self.bucket(at);
            let Either::Narrow(numbers) = bucket.numbers else { return None };
            // Most of them lie in the line of the one in the middle.
            prefetch::to_write(&raw const numbers[WORDS * LANES / 2]);
            let tags = bucket.tags(Ordering::Relaxed);
            let mut equal = Lanes::with(tag(hash), tags);
            while let Some((word, byte)) = equal.next() {
                if is_alike(tags[word], byte, hash) {
                    return None;
                }
            }
            if let Some(lane) = bucket.free(tags) {
                return Some(lane);
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
            bucket.number(lane).store(by);
        }
    }

    /// Takes out all numbers but these; only by the writer.
    pub(super) fn retain(&self, keep: impl Fn(u32) -> bool) {
        for bucket in self.buckets() {
            let tags = bucket.tags(Ordering::Relaxed);
            for lane in Bucket::linked(tags) {
                if !keep(bucket.number(lane).load(Ordering::Relaxed)) {
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
            while let Some((word, byte)) = lanes.next() {
                let lane = byte + word * LANES;
                if bucket.number(lane).load(Ordering::Relaxed) == number {
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
            let lane = linked.find(|lane| bucket.number(*lane).load(Ordering::Relaxed) == number);
            lane.map(|lane| (bucket, lane))
        })
    }

    /// All numbers that are linked.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.buckets().flat_map(|bucket| {
            Bucket::linked(bucket.tags(Ordering::Acquire)).map(move |lane| bucket.number(lane).load(Ordering::Acquire))
        })
    }

    /// Which is the next one after the last is the first again.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn bucket(&self, at: usize) -> Bucket<'_> {
        let (Tags(tags), numbers) = self.buckets.at(at);
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
        prefetch::to_write(self.tags);
        self.number.expect();
    }

    /// Links a number with this hash; only by the writer, who has linked nothing since the lane was found.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn link(self, hash: u64, number: u32) {
        let Self { tags, shift, number: at, is_new } = self;
        // Release: with the Acquire of who has seen the tag that was there before.
        at.store(number);
        // What is taken away is the tag of a removed lane, or that of a free one, which is nothing.
        let change =
            u64::from(tag(hash) ^ if is_new { FREE } else { REMOVED }) << shift | more(hash, shift as usize / 8);
        tags.store(tags.load(Ordering::Relaxed) ^ change, Ordering::Release);
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
        let (first, last) = match self.numbers {
            Either::Narrow([first, .., last]) => ((&raw const *first).cast::<u8>(), (&raw const *last).cast()),
            Either::Wide([first, .., last]) => ((&raw const *first).cast(), (&raw const *last).cast::<u8>()),
        };
        prefetch::to_read(first);
        prefetch::to_read(last);
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn number(self, lane: usize) -> Number<'a> {
        match self.numbers {
            Either::Narrow(numbers) => Either::Narrow(&numbers[lane]),
            Either::Wide(numbers) => Either::Wide(&numbers[lane]),
        }
    }

    /// The next lane, if there is a free one, when these are the tags.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn free(self, tags: [u64; WORDS]) -> Option<Lane<'a>> {
        self.lane(Lanes::with(FREE, tags), true)
    }

    /// A lane that was removed, if there is one, when these are the tags.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn removed(self, tags: [u64; WORDS]) -> Option<Lane<'a>> {
        self.lane(Lanes::with(REMOVED, tags), false)
    }

    /// The lowest of these lanes.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn lane(self, lanes: Lanes, is_new: bool) -> Option<Lane<'a>> {
        let (word, byte) = lanes.lowest()?;
        Some(Lane { tags: &self.tags[word], shift: byte as u32 * 8, number: self.number(byte + word * LANES), is_new })
    }

    /// The lanes that are linked, when these are the tags.
    fn linked(tags: [u64; WORDS]) -> impl Iterator<Item = usize> {
        (0..WORDS * LANES).filter(move |lane| (tags[lane / LANES] >> (lane % LANES * 8)) as u8 > REMOVED)
    }

    /// Gives the lane a tag that is no hash's; only by the writer.
    fn mark(&self, lane: usize, tag: u8) {
        let (word, byte) = (&self.tags[lane / LANES], lane % LANES);
        let others = word.load(Ordering::Relaxed) & !(0xff << (byte * 8) | more_mask(byte));
        word.store(others | u64::from(tag) << (byte * 8), Ordering::Release);
    }
}

/// Whether what this tag word has beside the tag in a lane is that of the hash.
#[cfg_attr(not(debug_assertions), inline(always))]
fn is_alike(word: u64, byte: usize, hash: u64) -> bool {
    word & more_mask(byte) == more(hash, byte)
}

/// The bucket that is looked at first, counted on beyond the last.
#[cfg_attr(not(debug_assertions), inline(always))]
fn first(hash: u64) -> usize {
    (hash >> SHARD_BITS) as usize
}

const _: () = assert!(FREE == 0 && (cfg!(loom) || size_of::<Numbers<AtomicU16>>() == 24 && size_of::<Tags>() == 16));

#[cfg(test)]
mod tests;
