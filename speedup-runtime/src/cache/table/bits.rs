//! Floating-point numbers as parts of a key.

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

use super::{
    argument::is_as_plain,
    key::{Argument, Part},
};

/// An argument with floating-point numbers in it, as a part of a key: `Bits<f64>` in the type of the handle of `fn area(radius: f64)`.
///
/// Floats are told apart by their bits, but for two things: `-0.0` is `0.0`, and all NaN are one. So a result is kept for NaN, too,
/// and a function that treats `-0.0` as another number than `0.0` should not be cached by it.
///
/// `#[cache]` makes it of `f32` and `f64`, and of tuples, arrays, slices, `Vec`, `Option`, `Box` and `Arc` of them. The methods of a
/// [`Cache`](crate::Cache) take the plain numbers:
///
/// ```
/// use speedup_runtime::cache::{Bits, Cache};
///
/// let areas = Cache::from_fn(|radius: Bits<f64>| 3.0 * *radius * *radius);
/// assert_eq!(areas.get((2.0,)), 12.0);
/// assert_eq!(areas.peek(&(2.0,)), Some(12.0));
/// assert!(areas.insert((f64::NAN,), 0.0).is_none() && areas.contains(&(-f64::NAN,)));
/// ```
#[derive(Clone, Copy)]
pub struct Bits<T>(pub T);

is_as_plain!(Bits);

/// A type that is made of floats and of what stands beside them in a tuple.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand beside floats in one argument of a cached function",
    label = "this argument is part of the key",
    note = "floats are keys by their bits in tuples, arrays, slices, `Vec`, `Option`, `Box` and `Arc`, beside integers, `bool`, `char` and `String`: make `{Self}` an argument of its own"
)]
pub trait ByBits {
    /// Feeds the hasher.
    #[doc(hidden)]
    fn hash_bits<H: Hasher>(&self, hasher: &mut H);

    /// Whether both are the same.
    #[doc(hidden)]
    fn same_bits(&self, other: &Self) -> bool;
}

impl<T: ByBits + Clone + Send + Sync + 'static> Argument for Bits<T> {
    type Plain = T;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn of(plain: T) -> Self {
        Bits(plain)
    }

    #[inline]
    fn into_plain(self) -> T {
        self.0
    }

    #[inline]
    fn hash_part<H: Hasher>(&self, hasher: &mut H) {
        self.0.hash_bits(hasher);
    }

    #[inline]
    fn is_part(&self, other: &Self) -> bool {
        self.0.same_bits(&other.0)
    }
}

impl<T: ByBits + Clone> Part<Bits<T>> for &T {
    #[inline]
    fn hash_part<H: Hasher>(self, hasher: &mut H) {
        self.hash_bits(hasher);
    }

    #[inline]
    fn is_part(self, part: &Bits<T>) -> bool {
        self.same_bits(&part.0)
    }

    #[inline]
    fn to_part(self) -> Bits<T> {
        Bits(self.clone())
    }
}

impl<T: ByBits + Clone> Part<Bits<Vec<T>>> for &[T] {
    #[inline]
    fn hash_part<H: Hasher>(self, hasher: &mut H) {
        self.hash_bits(hasher);
    }

    #[inline]
    fn is_part(self, part: &Bits<Vec<T>>) -> bool {
        self.same_bits(&part.0)
    }

    #[inline]
    fn to_part(self) -> Bits<Vec<T>> {
        Bits(self.to_vec())
    }
}

macro_rules! floats {
    ($($float:ident)*) => {$(
        impl ByBits for $float {
            #[inline]
            fn hash_bits<H: Hasher>(&self, hasher: &mut H) {
                // Zero has two signs, and NaN many forms.
                let canonical = if *self == 0.0 { 0.0 } else if self.is_nan() { $float::NAN } else { *self };
                canonical.to_bits().hash(hasher);
            }

            #[inline]
            fn same_bits(&self, other: &Self) -> bool {
                self == other || (self.is_nan() && other.is_nan())
            }
        }
    )*};
}

floats!(f32 f64);

macro_rules! others {
    ($($other:ty)*) => {$(
        impl ByBits for $other {
            #[inline]
            fn hash_bits<H: Hasher>(&self, hasher: &mut H) {
                self.hash(hasher);
            }

            #[inline]
            fn same_bits(&self, other: &Self) -> bool {
                self == other
            }
        }
    )*};
}

others!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize bool char String &'static str);

impl<T: ByBits> ByBits for [T] {
    #[inline]
    fn hash_bits<H: Hasher>(&self, hasher: &mut H) {
        self.len().hash(hasher);
        for value in self {
            value.hash_bits(hasher);
        }
    }

    #[inline]
    fn same_bits(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().zip(other).all(|(value, other)| value.same_bits(other))
    }
}

/// What holds others in one place.
macro_rules! holders {
    ($(($($generic:tt)*) $holder:ty, $this:ident => $inner:expr;)*) => {$(
        impl<T: ByBits $($generic)*> ByBits for $holder {
            #[inline]
            fn hash_bits<H: Hasher>(&self, hasher: &mut H) {
                let $this = self;
                ($inner).hash_bits(hasher);
            }

            #[inline]
            fn same_bits(&self, other: &Self) -> bool {
                let inner = |$this| $inner;
                ByBits::same_bits(inner(self), inner(other))
            }
        }
    )*};
}

holders! {
    (, const N: usize) [T; N], this => Self::as_slice(this);
    () Vec<T>, this => Self::as_slice(this);
    () Option<T>, this => Self::as_slice(this);
    (+ ?Sized) Box<T>, this => Self::as_ref(this);
    (+ ?Sized) Arc<T>, this => Self::as_ref(this);
}

macro_rules! tuples {
    ($(($($part:ident $index:tt)*))*) => {$(
        impl<$($part: ByBits),*> ByBits for ($($part,)*) {
            #[inline]
            fn hash_bits<HH: Hasher>(&self, hasher: &mut HH) {
                $(self.$index.hash_bits(hasher);)*
            }

            #[inline]
            fn same_bits(&self, other: &Self) -> bool {
                true $(&& self.$index.same_bits(&other.$index))*
            }
        }
    )*};
}

tuples! {
    (A 0)
    (A 0 B 1)
    (A 0 B 1 C 2)
    (A 0 B 1 C 2 D 3)
    (A 0 B 1 C 2 D 3 E 4)
    (A 0 B 1 C 2 D 3 E 4 F 5)
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6)
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7)
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8)
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9)
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10)
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11)
}
