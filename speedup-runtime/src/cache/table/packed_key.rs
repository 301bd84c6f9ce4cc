//! Small integers as coordinates of the paged table.
//!
//! A value of any integer type, `bool` or `char` has a *code*: the value itself, or for signed types the zigzag of it
//! (0, -1, 1, -2, .. become 0, 1, 2, 3, ..), so that values near zero have small codes. One to four codes pack into
//! one word. What does not fit goes to the hash table.

use std::any::Any;

/// Codes of each of so many arguments, from one on, are below 2 to this power.
const BITS: [u32; 4] = [28, 24, 20, 15];

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

/// Codes in the first places of four.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(in crate::cache) fn padded<const N: usize>(codes: [u64; N]) -> [u64; 4] {
    let (mut all, mut index) = ([0; 4], 0);
    while index < N {
        all[index] = codes[index];
        index += 1;
    }
    all
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
            return i64::try_from(*v).ok().map(|v| ((v << 1) ^ (v >> 63)).cast_unsigned());
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
            return Some(((code >> 1) ^ (code & 1).wrapping_neg()) ^ 1 << 63);
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
    let signed = (code >> 1).cast_signed() ^ -(code & 1).cast_signed();
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
