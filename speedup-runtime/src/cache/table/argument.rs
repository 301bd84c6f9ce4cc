//! What may be an argument.

use std::hash::{Hash, Hasher};

use super::packed_key;

/// A type that an argument of a cached function may have: `Hash + Eq + Clone + Send + Sync + 'static`.
///
/// Implemented for every such type, and for floating-point numbers in [`Bits`](crate::cache::Bits). Arguments that are references (`&str`, `&[T]`, `&T`)
/// are kept as the owned form.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a cached function",
    label = "this argument is part of the key",
    note = "the key is kept and compared: the type needs `Hash + Eq + Clone + Send + Sync + 'static`, for example by `#[derive(Hash, PartialEq, Eq, Clone)]`",
    note = "`HashMap` and `HashSet` have no hash of their own: take a `BTreeMap` or a `BTreeSet`, or say with `key = |..| -> ..` what of it is the key",
    note = "floats are keys by their bits where the type says `f32` or `f64`: write that instead of an alias, and the numbers of a struct as arguments of their own, as in `fn area(width: f64, height: f64)`"
)]
pub trait Argument: Clone + Send + Sync + 'static {
    /// The type as callers have it: `f64` for `Bits<f64>`, and the type itself for all others.
    type Plain: Clone + 'static;

    /// Makes it a part of a key.
    #[doc(hidden)]
    fn of(plain: Self::Plain) -> Self;

    /// What it was made of.
    #[doc(hidden)]
    fn into_plain(self) -> Self::Plain;

    /// Feeds the hasher.
    #[doc(hidden)]
    fn hash_part<H: Hasher>(&self, hasher: &mut H);

    /// Whether both are the same.
    #[doc(hidden)]
    fn is_part(&self, other: &Self) -> bool;

    /// Of how many small integers it consists, if it [does](Self::is_of_integers).
    #[doc(hidden)]
    const INTEGERS: usize = 1;

    /// Whether it consists of small integers.
    #[doc(hidden)]
    #[inline]
    fn is_of_integers() -> bool {
        packed_key::is_small::<Self>()
    }

    /// Puts the codes of the integers to their places, from one on.
    #[doc(hidden)]
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn put_codes(&self, codes: &mut [u64; 4], at: usize) -> Option<()> {
        codes[at] = packed_key::encode(self)?;
        Some(())
    }

    /// Puts their ranks there.
    #[doc(hidden)]
    #[inline]
    fn put_ranks(&self, ranks: &mut [Option<u64>; 4], at: usize) {
        ranks[at] = packed_key::rank(self);
    }

    /// What has these codes, from a place on.
    #[doc(hidden)]
    #[inline]
    fn of_codes(codes: &[u64; 4], at: usize) -> Option<Self> {
        packed_key::decode(codes[at])
    }
}

#[diagnostic::do_not_recommend]
impl<T: Hash + Eq + Clone + Send + Sync + 'static> Argument for T {
    type Plain = T;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn of(plain: T) -> T {
        plain
    }

    #[inline]
    fn into_plain(self) -> T {
        self
    }

    #[inline]
    fn hash_part<H: Hasher>(&self, hasher: &mut H) {
        self.hash(hasher);
    }

    #[inline]
    fn is_part(&self, other: &T) -> bool {
        self == other
    }
}

/// Has a wrapper of plain arguments lend, print and store what is in it as if there were no wrapper.
macro_rules! is_as_plain {
    ($wrapper:ident) => {
        impl<T> std::ops::Deref for $wrapper<T> {
            type Target = T;

            fn deref(&self) -> &T {
                &self.0
            }
        }

        impl<T: std::fmt::Debug> std::fmt::Debug for $wrapper<T> {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(out)
            }
        }

        /// As the plain value.
        #[cfg(feature = "serde")]
        impl<T: serde::Serialize> serde::Serialize for $wrapper<T> {
            fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
                self.0.serialize(out)
            }
        }

        /// As the plain value.
        #[cfg(feature = "serde")]
        impl<'de, T: serde::Deserialize<'de>> serde::Deserialize<'de> for $wrapper<T> {
            fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                T::deserialize(input).map($wrapper)
            }
        }
    };
}

pub(super) use is_as_plain;
