//! Small integers as coordinates of the paged table.
//!
//! A value of any integer type, `bool` or `char` has a *code*: the value itself, or for signed types one in which runs of values below zero
//! take turns with those from zero on, so that values near zero have small codes, and neighbours have neighbouring ones: a page holds a run,
//! and were it every other value that is below zero, half of the page would mostly be empty. One to four codes pack into
//! one word. What does not fit goes to the hash table.
//!
//! ```text
//!   value   0 .. 31    -1 .. -32    32 .. 63    -33 .. -64
//!   code    0 .. 31    32 .. 63     64 .. 95     96 .. 127
//! ```

use std::any::Any;

/// Codes of each of so many arguments, from one on, are below 2 to this power.
const BITS: [u32; 4] = [28, 24, 20, 15];

/// A key has at most so many coordinates.
pub(in crate::cache) const MOST: usize = BITS.len();

/// Codes in one word, the last one lowest, if all are in range.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(in crate::cache) fn pack<const N: usize>(codes: [u64; N]) -> Option<u64> {
    let bits = const { BITS[N - 1] };
    let (mut all, mut packed, mut index) = (0, 0, 0);
    while index < N {
        all |= codes[index];
        packed = packed << bits | codes[index];
        index += 1;
    }
    (all >> bits == 0).then_some(packed)
}

/// The same of the first of four codes.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(in crate::cache) fn pack_first(codes: &[u64; MOST], count: usize) -> Option<u64> {
    let [a, b, c, d] = *codes;
    match count {
        1 => pack([a]),
        2 => pack([a, b]),
        3 => pack([a, b, c]),
        4 => pack([a, b, c, d]),
        _ => None,
    }
}

/// What [`pack`] makes of so many codes that are in range.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(in crate::cache) fn joined(codes: &[u64; 4], count: usize) -> u64 {
    let (mut packed, mut index) = (0, 0);
    while index < count {
        packed = packed << BITS[count - 1] | codes[index];
        index += 1;
    }
    packed
}

/// The codes that [`pack`] packed.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(in crate::cache) fn split<const N: usize>(packed: u64) -> [u64; N] {
    let bits = const { BITS[N - 1] };
    let (mut codes, mut left) = ([0; N], N);
    while left > 0 {
        codes[left - 1] = packed >> (bits * (N - left) as u32) & ((1 << bits) - 1);
        left -= 1;
    }
    codes
}

/// So many values, as a power of 2, are a run: no page has more of a coordinate.
const RUN_BITS: u32 = 5;
/// The bits of a value that tell where it is in its run.
const IN_RUN: i64 = (1 << RUN_BITS) - 1;

/// The code of a signed value.
#[cfg_attr(not(debug_assertions), inline(always))]
fn code_of(value: i64) -> u64 {
    let is_below = value >> 63;
    // From zero on, and as many below: two runs of codes for each run of these.
    let off = value ^ is_below;
    (off.cast_unsigned() + (off & !IN_RUN).cast_unsigned()) | (is_below & (1 << RUN_BITS)).cast_unsigned()
}

/// The signed value that has this code.
#[cfg_attr(not(debug_assertions), inline(always))]
fn signed(code: u64) -> i64 {
    let (run, is_below) = (code >> (RUN_BITS + 1), -(code >> RUN_BITS & 1).cast_signed());
    (run.cast_signed() << RUN_BITS | code.cast_signed() & IN_RUN) ^ is_below
}

/// So many codes that were packed, and zeros behind them.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(in crate::cache) fn split_first(packed: u64, count: usize) -> [u64; MOST] {
    let (mut codes, bits, mut left) = ([0; MOST], BITS[count - 1], count);
    while left > 0 {
        codes[left - 1] = packed >> (bits * (count - left) as u32) & ((1 << bits) - 1);
        left -= 1;
    }
    codes
}

/// Calls the macro for every integer type with its code and back.
macro_rules! for_integers {
    ($each:ident) => {
        $each!(unsigned u64 usize u32 u16 u8 u128);
        $each!(signed i64 isize i32 i16 i8 i128);
    };
}

/// Whether values of this type have codes. The comparisons fold away when optimised.
#[inline]
pub(in crate::cache) fn is_small<A: 'static>() -> bool {
    let id = std::any::TypeId::of::<A>();
    macro_rules! check {
        ($sign:ident $($int:ty)*) => { $(if id == std::any::TypeId::of::<$int>() { return true; })* };
    }
    for_integers!(check);
    id == std::any::TypeId::of::<bool>() || id == std::any::TypeId::of::<char>()
}

/// The code of a value, if it is a small integer and its code fits a word.
#[inline]
pub(in crate::cache) fn encode<A: 'static>(value: &A) -> Option<u64> {
    let any: &dyn Any = value;
    macro_rules! check {
        (unsigned $($int:ty)*) => { $(if let Some(v) = any.downcast_ref::<$int>() { return u64::try_from(*v).ok(); })* };
        (signed $($int:ty)*) => { $(if let Some(v) = any.downcast_ref::<$int>() {
            return i64::try_from(*v).ok().map(code_of);
        })* };
    }
    for_integers!(check);
    if let Some(v) = any.downcast_ref::<bool>() {
        return Some(u64::from(*v));
    }
    any.downcast_ref::<char>().map(|v| u64::from(u32::from(*v)))
}

/// A number that is larger for larger values of the type, if they are small integers.
#[inline]
pub(in crate::cache) fn rank<A: 'static>(value: &A) -> Option<u64> {
    let code = encode(value)?;
    let id = std::any::TypeId::of::<A>();
    macro_rules! check {
        (unsigned $($int:ty)*) => {};
        (signed $($int:ty)*) => { $(if id == std::any::TypeId::of::<$int>() {
            return Some(signed(code).cast_unsigned() ^ 1 << 63);
        })* };
    }
    for_integers!(check);
    Some(code)
}

/// The place among others of a key whose arguments have these ranks: those with the largest first argument come first, and of these
/// those with the smallest second one.
///
/// In a grid one thread so follows the first argument, and another one, which goes by the reverse, the second; what is on the
/// way of both, as the diagonal, comes behind. In a loop one begins with the nearest and the other one with the furthest.
#[inline]
pub(in crate::cache) fn place(ranks: &[Option<u64>]) -> Option<(u64, u64)> {
    match *ranks {
        [only] => Some((!only?, 0)),
        [first, second] => Some((!first?, second?)),
        _ => None,
    }
}

/// The value that has this code, if the type has one that does.
#[inline]
pub(in crate::cache) fn decode<A: Clone + 'static>(code: u64) -> Option<A> {
    fn same<A: Clone + 'static>(value: &dyn Any) -> Option<A> {
        value.downcast_ref::<A>().cloned()
    }
    let signed = signed(code);
    macro_rules! check {
        (unsigned $($int:ty)*) => { $(if let Some(v) = <$int>::try_from(code).ok().and_then(|v| same(&v)) { return Some(v); })* };
        (signed $($int:ty)*) => { $(if let Some(v) = <$int>::try_from(signed).ok().and_then(|v| same(&v)) { return Some(v); })* };
    }
    for_integers!(check);
    if let Some(v) = (&(code == 1) as &dyn Any).downcast_ref::<A>() {
        return Some(v.clone());
    }
    let v = char::from_u32(u32::try_from(code).ok()?)?;
    (&v as &dyn Any).downcast_ref::<A>().cloned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round_trips<A: Clone + PartialEq + std::fmt::Debug + 'static>(value: A) -> bool {
        encode(&value).is_none_or(|code| decode::<A>(code) == Some(value))
    }

    proptest! {
        #[test]
        fn every_code_leads_back_to_its_value(a: u64, b: i64, c: i8, d: u16, e: i128, f: u128, g: bool, h: char, i: usize, j: isize) {
            prop_assert!(round_trips(a) && round_trips(b) && round_trips(c) && round_trips(d) && round_trips(e));
            prop_assert!(round_trips(f) && round_trips(g) && round_trips(h) && round_trips(i) && round_trips(j));
            prop_assert!(encode(&b).is_some() && encode(&c).is_some() && encode(&g).is_some() && encode(&h).is_some());
        }

        #[test]
        fn ranks_are_in_the_order_of_the_values(a: i64, b: i64, c: i8, d: i8, e: u32, f: u32) {
            prop_assert_eq!(a.cmp(&b), rank(&a).cmp(&rank(&b)));
            prop_assert_eq!(c.cmp(&d), rank(&c).cmp(&rank(&d)));
            prop_assert_eq!(e.cmp(&f), rank(&e).cmp(&rank(&f)));
        }

        #[test]
        fn codes_of_one_type_differ(a: i64, b: i64) {
            prop_assert_eq!(a == b, encode(&a) == encode(&b));
        }

        #[test]
        fn packing_is_undone_by_splitting(a in 0u64..1 << 15, b in 0u64..1 << 15, c in 0u64..1 << 15, d in 0u64..1 << 15) {
            prop_assert_eq!(pack([a]).map(split), Some([a]));
            prop_assert_eq!(pack([a, b]).map(split), Some([a, b]));
            prop_assert_eq!(pack([a, b, c]).map(split), Some([a, b, c]));
            prop_assert_eq!(pack([a, b, c, d]).map(split), Some([a, b, c, d]));
        }
    }

    #[test]
    fn neighbours_below_zero_and_above_share_their_pages() {
        let codes = |values: std::ops::Range<i64>| values.map(code_of).collect::<Vec<u64>>();
        assert_eq!(codes(0..32), (0..32).collect::<Vec<u64>>());
        assert_eq!(codes(-32..0), (32..64).rev().collect::<Vec<u64>>());
        assert_eq!(codes(32..64), (64..96).collect::<Vec<u64>>());
        for edge in [i64::MIN, i64::MIN + 1, -(1 << 58), -1, 0, 1 << 58, i64::MAX - 1, i64::MAX] {
            assert_eq!(signed(code_of(edge)), edge);
        }
    }

    #[test]
    fn other_types_have_no_code() {
        assert_eq!(encode(&String::from("1")), None);
        assert_eq!(encode(&1.0_f64), None);
        assert!(!is_small::<String>() && is_small::<i8>() && is_small::<char>());
    }

    #[test]
    fn what_is_out_of_range_does_not_pack() {
        assert_eq!(pack([1 << 28]), None);
        assert_eq!(pack([1 << 24, 0]), None);
        assert_eq!(pack([0, 0, 1 << 20]), None);
        assert_eq!(pack([0, 1 << 15, 0, 0]), None);
        assert_eq!(encode(&u128::MAX), None);
    }
}
