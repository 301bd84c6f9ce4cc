//! The tags of a bucket's lanes, compared all at once.
//!
//! Sources: M. Kulukundis, "Designing a fast, efficient, cache-friendly hash table" (CppCon 2017); of the comparison of all bytes of a word where the processor has no
//! instruction for it: S. E. Anderson, "Bit twiddling hacks".

/// Tag words of a bucket.
pub(super) const WORDS: usize = 2;
/// Lanes of a tag word: the bytes that have a number beside them. One is enough for a model, which so meets full buckets.
pub(super) const LANES: usize = if cfg!(loom) { 1 } else { 6 };
/// The tag of a lane that was never used.
pub(super) const FREE: u8 = 0;
/// The tag of a lane whose entry was removed.
pub(super) const REMOVED: u8 = 1;

/// The top bits of the hash, which neither the shard nor the bucket is chosen by.
#[inline]
pub(super) fn tag(hash: u64) -> u8 {
    // Words may take the odd one out of two tags that differ in their lowest bit only for the other: its number is compared
    // for nothing. That must not befall a lane without a number, so free and removed have no such neighbours.
    ((hash >> 56) as u8).max(REMOVED + 1)
}

/// What a tag word has of a hash beside the tag in a lane with this byte, where that stands. A tag alone is the same by chance in one of some twenty
/// look-ups, each of which would wait for an entry that is far away.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) fn more(hash: u64, byte: usize) -> u64 {
    (hash >> (56 - MORE) & MORE_BITS) << more_at(byte)
}

/// The bits of that.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) fn more_mask(byte: usize) -> u64 {
    MORE_BITS << more_at(byte)
}

/// Behind the bytes of all lanes.
#[cfg_attr(not(debug_assertions), inline(always))]
fn more_at(byte: usize) -> u32 {
    48 + byte as u32 * MORE
}

/// So many bits for each lane.
const MORE: u32 = 2;
const MORE_BITS: u64 = (1 << MORE) - 1;
const _: () = assert!(LANES <= 6 && LANES as u32 * MORE <= 16);

/// Some lanes of a bucket, a bit each; the lowest is the most reliable, see [`words::zeros`].
#[derive(Clone, Copy)]
pub(super) struct Lanes(u64);

impl Lanes {
    /// The lanes whose tags are equal to this.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn with(tag: u8, tags: [u64; WORDS]) -> Self {
        Self(lanes::with(tag, tags))
    }

    /// The word and the byte in it of the lowest. No branch: which word it is in cannot be foretold.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn lowest(self) -> Option<(usize, usize)> {
        let some = self.0 != 0;
        some.then_some(lanes::place(self.0.trailing_zeros() as usize))
    }

    /// Takes the lowest out.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn next(&mut self) -> Option<(usize, usize)> {
        let lowest = self.lowest()?;
        self.0 &= self.0.wrapping_sub(1);
        Some(lowest)
    }
}

/// All bytes of both words are compared by one instruction.
#[cfg(all(target_arch = "x86_64", target_feature = "sse2", not(loom)))]
use self::vector as lanes;
/// The bytes of a word are compared by computing with the word.
#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2", not(loom))))]
use self::words as lanes;

#[cfg(all(target_arch = "x86_64", target_feature = "sse2", not(loom)))]
mod vector {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set_epi64x, _mm_set1_epi8};

    use super::{LANES, WORDS};

    /// The bits of lanes.
    const ALL: u64 = ((1 << LANES) - 1) * (1 << 8 | 1);

    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn with(tag: u8, [first, second]: [u64; WORDS]) -> u64 {
        // SAFETY: the processor has the instructions, or this would not be compiled.
        let equal = unsafe {
            let tags = _mm_set_epi64x(second as i64, first as i64);
            _mm_movemask_epi8(_mm_cmpeq_epi8(tags, _mm_set1_epi8(tag as i8)))
        };
        equal as u64 & ALL
    }

    /// The word and the byte of a bit.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn place(bit: usize) -> (usize, usize) {
        (bit / 8 % WORDS, bit % 8)
    }
}

#[cfg_attr(
    all(target_arch = "x86_64", target_feature = "sse2", not(loom)),
    allow(dead_code, reason = "for other processors")
)]
mod words {
    use super::{LANES, WORDS};

    /// The lowest bit of every lane's byte, and the highest.
    const LOW: u64 = 0x0101_0101_0101_0101 >> (64 - LANES * 8);
    const HIGH: u64 = LOW << 7;

    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn with(tag: u8, [first, second]: [u64; WORDS]) -> u64 {
        let tag = LOW * u64::from(tag);
        zeros(first ^ tag) >> 1 | zeros(second ^ tag)
    }

    /// The word and the byte of a bit.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn place(bit: usize) -> (usize, usize) {
        // Bits 6 and 7 of a byte stand for its lanes in the first and the second word.
        (bit % 2, bit / 8)
    }

    /// Marks on the highest bit the lanes that are zero. A lane of 1 above one that is zero may be marked as well.
    #[inline]
    fn zeros(word: u64) -> u64 {
        word.wrapping_sub(LOW) & !word & HIGH
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The lanes with a tag, by each way in which they are found, as places among the numbers.
    fn places(mut bits: u64, place: impl Fn(usize) -> (usize, usize)) -> Vec<usize> {
        let next = || {
            let bit = (bits != 0).then(|| bits.trailing_zeros() as usize)?;
            bits &= bits - 1;
            let (word, byte) = place(bit);
            Some(byte + word * LANES)
        };
        let mut places: Vec<_> = std::iter::from_fn(next).collect();
        places.sort_unstable();
        places
    }

    proptest! {
        /// Tags that differ in little, so that many are equal.
        #[test]
        fn the_lanes_with_a_tag_are_those_that_have_it(
            tags in prop::array::uniform12(prop::sample::select(vec![FREE, REMOVED, 2, 3, 128, 255]))
        ) {
            let word = |word: usize| {
                let bytes = tags[word * LANES..][..LANES].iter().enumerate();
                bytes.fold(0, |all, (byte, tag)| all | u64::from(*tag) << (byte * 8))
            };
            let words = [word(0), word(1)];
            for tag in [FREE, REMOVED, 2, 128, 255] {
                let expected: Vec<_> = (0..tags.len()).filter(|lane| tags[*lane] == tag).collect();
                let mut lanes = Lanes::with(tag, words);
                prop_assert_eq!(lanes.lowest().is_none(), expected.is_empty());
                prop_assert_eq!(lanes.lowest(), { lanes }.next());
                let is_first = |(word, byte): (usize, usize)| expected.contains(&(byte + word * LANES));
                prop_assert!(lanes.next().is_none_or(is_first), "the lowest is one");
                // Words may add a neighbour, of whom no other tag than these is one.
                let found = places(words::with(tag, words), words::place);
                let is_neighbour = |lane: &usize| tags[*lane] == tag ^ 1;
                prop_assert!(expected.iter().all(|lane| found.contains(lane)));
                prop_assert!(found.iter().all(|lane| expected.contains(lane) || is_neighbour(lane)));
                #[cfg(target_arch = "x86_64")]
                prop_assert_eq!(places(vector::with(tag, words), vector::place), expected);
            }
        }
    }
}
