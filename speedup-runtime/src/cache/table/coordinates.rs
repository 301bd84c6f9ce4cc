//! Tuples and arrays of small integers as parts of a key: each integer is a coordinate of the paged table, as if it were an argument of its own.

use std::hash::{Hash, Hasher};

use super::{
    argument::is_as_plain,
    key::{Argument, Part},
    packed_key,
};

/// An argument that is a tuple or an array of small integers, as a part of a key: `Coordinates<(i32, i32)>` in the type of the handle of
/// `fn paths(place: (i32, i32))`.
///
/// The integers are found as those of `fn paths(x: i32, y: i32)` are: without hashing, where they and the other arguments are at most four.
///
/// `#[cache]` makes it of tuples of two to four integers, `bool`s and `char`s, and of arrays of one to four of them. The methods of a [`Cache`](crate::Cache) take the plain
/// tuple or array:
///
/// ```
/// use speedup_runtime::cache::{Cache, Coordinates};
///
/// let sums = Cache::from_fn(|place: Coordinates<(i32, i32)>| place.0.0 + place.0.1);
/// assert_eq!(sums.get(((1, -2),)), -1);
/// assert_eq!(sums.peek(&((1, -2),)), Some(-1));
/// ```
#[derive(Clone, Copy)]
pub struct Coordinates<T>(pub T);

is_as_plain!(Coordinates);

/// A tuple of two to four parts, or an array: what [`Coordinates`] may hold.
pub trait Spread: Hash + Eq + Clone + Send + Sync + 'static {
    /// How many parts there are.
    #[doc(hidden)]
    const PARTS: usize;

    /// Whether all parts are small integers.
    #[doc(hidden)]
    fn is_small() -> bool;

    /// The codes of the parts, from a place on.
    #[doc(hidden)]
    fn put_codes(&self, codes: &mut [u64; 4], at: usize) -> Option<()>;

    /// The ranks of the parts, from a place on.
    #[doc(hidden)]
    fn put_ranks(&self, ranks: &mut [Option<u64>; 4], at: usize);

    /// What has these codes, from a place on.
    #[doc(hidden)]
    fn of_codes(codes: &[u64; 4], at: usize) -> Option<Self>;
}

#[diagnostic::do_not_recommend]
impl<T: Spread> Argument for Coordinates<T> {
    type Plain = T;

    const INTEGERS: usize = T::PARTS;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn of(plain: T) -> Self {
        Coordinates(plain)
    }

    #[inline]
    fn into_plain(self) -> T {
        self.0
    }

    #[inline]
    fn hash_part<H: Hasher>(&self, hasher: &mut H) {
        self.0.hash(hasher);
    }

    #[inline]
    fn is_part(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    #[inline]
    fn is_of_integers() -> bool {
        T::is_small()
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn put_codes(&self, codes: &mut [u64; 4], at: usize) -> Option<()> {
        self.0.put_codes(codes, at)
    }

    #[inline]
    fn put_ranks(&self, ranks: &mut [Option<u64>; 4], at: usize) {
        self.0.put_ranks(ranks, at);
    }

    #[inline]
    fn of_codes(codes: &[u64; 4], at: usize) -> Option<Self> {
        T::of_codes(codes, at).map(Coordinates)
    }
}

impl<T: Spread> Part<Coordinates<T>> for &T {
    #[inline]
    fn hash_part<H: Hasher>(self, hasher: &mut H) {
        self.hash(hasher);
    }

    #[inline]
    fn is_part(self, part: &Coordinates<T>) -> bool {
        *self == part.0
    }

    #[inline]
    fn to_part(self) -> Coordinates<T> {
        Coordinates(self.clone())
    }
}

macro_rules! tuples {
    ($($parts:literal ($($part:ident $index:tt)*);)*) => {$(
        impl<$($part: Hash + Eq + Clone + Send + Sync + 'static),*> Spread for ($($part,)*) {
            const PARTS: usize = $parts;

            #[inline]
            fn is_small() -> bool {
                true $(&& packed_key::is_small::<$part>())*
            }

            #[cfg_attr(not(debug_assertions), inline(always))]
            fn put_codes(&self, codes: &mut [u64; 4], at: usize) -> Option<()> {
                $(codes[at + $index] = packed_key::encode(&self.$index)?;)*
                Some(())
            }

            #[inline]
            fn put_ranks(&self, ranks: &mut [Option<u64>; 4], at: usize) {
                $(ranks[at + $index] = packed_key::rank(&self.$index);)*
            }

            #[inline]
            fn of_codes(codes: &[u64; 4], at: usize) -> Option<Self> {
                Some(($(packed_key::decode::<$part>(codes[at + $index])?,)*))
            }
        }
    )*};
}

tuples! {
    2 (A 0 B 1);
    3 (A 0 B 1 C 2);
    4 (A 0 B 1 C 2 D 3);
}

impl<A: Hash + Eq + Clone + Send + Sync + 'static, const N: usize> Spread for [A; N] {
    const PARTS: usize = N;

    #[inline]
    fn is_small() -> bool {
        packed_key::is_small::<A>()
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn put_codes(&self, codes: &mut [u64; 4], at: usize) -> Option<()> {
        let mut index = 0;
        while index < N {
            codes[at + index] = packed_key::encode(&self[index])?;
            index += 1;
        }
        Some(())
    }

    #[inline]
    fn put_ranks(&self, ranks: &mut [Option<u64>; 4], at: usize) {
        ranks[at..].iter_mut().zip(self).for_each(|(rank, part)| *rank = packed_key::rank(part));
    }

    #[inline]
    fn of_codes(codes: &[u64; 4], at: usize) -> Option<Self> {
        let parts: Option<Vec<A>> = codes[at..at + N].iter().map(|code| packed_key::decode(*code)).collect();
        parts?.try_into().ok()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::fmt;

    use proptest::prelude::*;

    use super::*;
    use crate::cache::{Bits, Cache, Key};

    fn comes_back<K: Key + fmt::Debug>(key: &K) {
        let Some(packed) = key.pack() else { return };
        let back = K::unpack(packed).expect("it was packed");
        assert!(back.is_key(key), "{back:?} for {key:?}");
    }

    proptest! {
        #[test]
        fn parts_are_coordinates_as_arguments_are(a: i16, b: u8, c: bool, d: i16) {
            prop_assert_eq!((Coordinates((a, b)),).pack(), (a, b).pack());
            prop_assert_eq!((Coordinates((a, b)),).codes(), (a, b).codes());
            prop_assert_eq!((Coordinates((a, b)),).rank(), (a, b).rank());
            prop_assert_eq!((a, Coordinates((b, c)), d).pack(), (a, b, c, d).pack());
            prop_assert_eq!((Coordinates([a, d]), c).pack(), (a, d, c).pack());
            prop_assert_eq!((Coordinates([a]),).pack(), (a,).pack());
            comes_back(&(Coordinates((a, b)),));
            comes_back(&(a, Coordinates((b, c)), d));
            comes_back(&(Coordinates([a, d]), c));
            comes_back(&(Coordinates((a, d)), Coordinates([b, b])));
        }
    }

    #[test]
    fn what_is_more_than_four_coordinates_or_no_integer_is_found_by_hashing() {
        fn is_paged<K: Key>(key: &K) -> bool {
            (K::is_small() && K::COORDINATES > 0, key.pack().is_some()) == (true, true)
        }
        assert!(is_paged(&(Coordinates((1, 2)), Coordinates((true, 'a')))));
        assert!(!is_paged(&(Coordinates((1, 2)), Coordinates((true, 'a')), 1)));
        assert!(!is_paged(&(Coordinates([1; 5]),)));
        assert!(!is_paged(&(Coordinates((1, String::new())),)));
        assert!(!is_paged(&(Coordinates((1, 2)), Bits(1.0))));
        assert!(!is_paged(&(Coordinates((1, 2)), 3, 4, 5, 6)));
    }

    #[test]
    fn a_cache_takes_them_plain_whether_they_are_small_or_not() {
        let sums = Cache::from_fn(|place: Coordinates<(i64, i64)>, more: u8| place.0.0 + place.0.1 + i64::from(more));
        let far = i64::MAX / 4;
        for (x, y) in [(1, 2), (-1, -2), (far, -far), (1 << 40, 3)] {
            assert_eq!(sums.get(((x, y), 1)), x + y + 1);
            assert_eq!(sums.get_ref((&(x, y), &1)), x + y + 1);
            assert_eq!(sums.peek(&((x, y), 1)), Some(x + y + 1));
        }
        assert_eq!(sums.stats().hits, 4);
        assert_eq!(sums.remove(&((-1, -2), 1)), Some(-2));
        assert_eq!(sums.len(), 3);
    }
}
