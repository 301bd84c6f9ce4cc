//! Keys, which are made of arguments, what may be a result, and how a key is looked up without being owned.

use std::{
    any::Any,
    borrow::Borrow,
    hash::{BuildHasher, Hash, Hasher},
};

use foldhash::fast::FixedState;

pub use super::argument::Argument;
use crate::{cache::table::packed_key, panics::contain};

/// A type that a cached function may return: `Clone + Send + Sync + 'static`.
///
/// Implemented for every such type. Every caller gets a clone of the one value that is kept.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the result of a cached function",
    label = "this result is kept and cloned for every caller",
    note = "the type needs `Clone + Send + Sync + 'static`; wrap a large or uncloneable value in an `Arc`",
    note = "an error that cannot be cloned goes to the one whose call failed: write `#[cache(move_err)]`"
)]
pub trait Output: Clone + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Send + Sync + 'static> Output for T {}

/// The arguments of a call as a tuple of owned values: what a [`Cache`](crate::Cache) maps from.
///
/// Implemented for tuples of up to twelve [`Argument`]s; it cannot be implemented elsewhere.
pub trait Key: Clone + Send + Sync + 'static + Sealed {
    /// The arguments as callers have them: the same tuple, with floats as such and not in [`Bits`](crate::cache::Bits).
    type Args: Clone + 'static;

    /// Makes a key of the arguments.
    #[doc(hidden)]
    fn of(arguments: Self::Args) -> Self;

    /// The arguments that it was made of.
    #[doc(hidden)]
    fn into_args(self) -> Self::Args;

    /// Feeds the hasher with each part in turn.
    #[doc(hidden)]
    fn hash_key<H: Hasher>(&self, hasher: &mut H);

    /// Whether both are the same.
    #[doc(hidden)]
    fn is_key(&self, other: &Self) -> bool;

    /// Shows the arguments as a key; they are copied only where they hold floats.
    #[doc(hidden)]
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn with<T>(arguments: &Self::Args, then: impl FnOnce(&Self) -> T) -> T {
        match (arguments as &dyn Any).downcast_ref::<Self>() {
            Some(key) => then(key),
            None => then(&Self::of(arguments.clone())),
        }
    }

    /// Shows a key as the arguments; it is copied only where both differ.
    #[doc(hidden)]
    fn with_args<T>(&self, then: impl FnOnce(&Self::Args) -> T) -> T {
        match (self as &dyn Any).downcast_ref::<Self::Args>() {
            Some(arguments) => then(arguments),
            None => then(&self.clone().into_args()),
        }
    }

    /// How many small integers make up a key, or 0 where the key is anything else.
    #[doc(hidden)]
    const COORDINATES: usize;

    /// Whether the types of the key are small integers, so that [`Key::pack`] may succeed.
    #[doc(hidden)]
    fn is_small() -> bool;

    /// The key as one word, if its parts are small integers in the range of the paged table.
    #[doc(hidden)]
    fn pack(&self) -> Option<u64>;

    /// The codes of the parts, in front, if the types of the key are small integers and the codes fit words: whether they are in the range of the
    /// paged table is not asked. They lead to no page if they are not.
    #[doc(hidden)]
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn codes(&self) -> Option<[u64; 4]> {
        None
    }

    /// A word that stands for the key where it is found by hashing, though it is a small integer.
    #[doc(hidden)]
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn hint(&self) -> Option<u64> {
        None
    }

    /// Where the key stands in the order in which a thread takes the members of a group, if it has a place there.
    #[doc(hidden)]
    #[inline]
    fn rank(&self) -> Option<(u64, u64)> {
        None
    }

    /// The key that [`Key::pack`] made this word of.
    #[doc(hidden)]
    fn unpack(packed: u64) -> Option<Self>;
}

/// A key that may be borrowed: what a table is asked with.
///
/// Its hash is the hash of the key that it stands for.
pub trait Lookup<K>: Copy {
    /// Feeds the hasher exactly as the owned key would.
    #[doc(hidden)]
    fn hash_into<H: Hasher>(self, hasher: &mut H);

    /// Whether this is the given key.
    #[doc(hidden)]
    fn matches(self, key: &K) -> bool;

    /// The key as an owned value.
    #[doc(hidden)]
    fn to_key(self) -> K;

    /// As [`Key::hint`].
    #[doc(hidden)]
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn hint(self) -> Option<u64> {
        None
    }
}

/// Fifteen bits that tell a key from others, nearly always: an entry may have had another key when it was named.
///
/// What the key's `Hash` panics with nobody gets.
pub(in crate::cache) fn mark_of<K: Key>(key: &K) -> u16 {
    let mut hasher = FixedState::default().build_hasher();
    contain(|| key.hash_into(&mut hasher));
    (hasher.finish() >> 49) as u16
}

impl<K: Key> Lookup<K> for &K {
    #[inline]
    fn hash_into<H: Hasher>(self, hasher: &mut H) {
        self.hash_key(hasher);
    }

    #[inline]
    fn matches(self, key: &K) -> bool {
        self.is_key(key)
    }

    #[inline]
    fn to_key(self) -> K {
        self.clone()
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn hint(self) -> Option<u64> {
        Key::hint(self)
    }
}

/// A part of a key that may be borrowed: what stands for an `A`.
pub trait Part<A>: Copy {
    /// Feeds the hasher exactly as the owned part would.
    #[doc(hidden)]
    fn hash_part<H: Hasher>(self, hasher: &mut H);

    /// Whether this is the given part.
    #[doc(hidden)]
    fn is_part(self, part: &A) -> bool;

    /// The part as an owned value.
    #[doc(hidden)]
    fn to_part(self) -> A;
}

impl<A: Argument<Plain = A> + Borrow<Q>, Q: ?Sized + Hash + Eq + ToOwned<Owned = A>> Part<A> for &Q {
    #[inline]
    fn hash_part<H: Hasher>(self, hasher: &mut H) {
        self.hash(hasher);
    }

    #[inline]
    fn is_part(self, part: &A) -> bool {
        self == part.borrow()
    }

    #[inline]
    fn to_part(self) -> A {
        self.to_owned()
    }
}

mod sealed {
    pub trait Sealed {}
}

pub(in crate::cache) use sealed::Sealed;

/// The three implementations for one arity. Arguments that are one to four small integers together pack into a word.
macro_rules! tuples {
    ($(($($arg:ident $part:ident $query:ident $index:tt)*);)*) => {$(
        impl<$($arg: Argument),*> Sealed for ($($arg,)*) {}

        impl<$($arg: Argument),*> Key for ($($arg,)*) {
            type Args = ($($arg::Plain,)*);

            const COORDINATES: usize = {
                let all = 0 $(+ $arg::INTEGERS)*;
                if all > packed_key::MOST { 0 } else { all }
            };

            #[cfg_attr(not(debug_assertions), inline(always))]
            #[allow(clippy::unused_unit, reason = "the tuple of no arguments")]
            fn of(($($part,)*): Self::Args) -> Self {
                ($($arg::of($part),)*)
            }

            #[inline]
            #[allow(clippy::unused_unit, reason = "the tuple of no arguments")]
            fn into_args(self) -> Self::Args {
                let ($($part,)*) = self;
                ($($part.into_plain(),)*)
            }

            #[inline]
            fn hash_key<HH: Hasher>(&self, hasher: &mut HH) {
                let _ = &hasher;
                $(self.$index.hash_part(hasher);)*
            }

            #[inline]
            fn is_key(&self, other: &Self) -> bool {
                let _ = other;
                true $(&& self.$index.is_part(&other.$index))*
            }

            #[inline]
            fn is_small() -> bool {
                Self::COORDINATES > 0 $(&& $arg::is_of_integers())*
            }

            #[inline]
            fn pack(&self) -> Option<u64> {
                packed_key::pack_first(&self.codes()?, Self::COORDINATES)
            }

            #[cfg_attr(not(debug_assertions), inline(always))]
            fn codes(&self) -> Option<[u64; 4]> {
                if Self::COORDINATES == 0 {
                    return None;
                }
                let (mut codes, at) = ([0; 4], 0);
                $(
                    self.$index.put_codes(&mut codes, at)?;
                    let at = at + $arg::INTEGERS;
                )*
                let _ = (&mut codes, at);
                Some(codes)
            }

            #[inline]
            fn rank(&self) -> Option<(u64, u64)> {
                if Self::COORDINATES == 0 {
                    return None;
                }
                let (mut ranks, at) = ([None; 4], 0);
                $(
                    self.$index.put_ranks(&mut ranks, at);
                    let at = at + $arg::INTEGERS;
                )*
                let _ = (&mut ranks, at);
                packed_key::place(&ranks[..Self::COORDINATES])
            }

            #[inline]
            #[allow(clippy::unused_unit, reason = "the tuple of no arguments")]
            fn unpack(packed: u64) -> Option<Self> {
                if Self::COORDINATES == 0 {
                    return None;
                }
                let (codes, at) = (packed_key::split_first(packed, Self::COORDINATES), 0);
                $(
                    let $part = $arg::of_codes(&codes, at)?;
                    let at = at + $arg::INTEGERS;
                )*
                let _ = (codes, at);
                Some(($($part,)*))
            }
        }

        impl<$($arg: Argument, $query: Part<$arg>),*> Lookup<($($arg,)*)> for ($($query,)*)
        {
            #[inline]
            fn hash_into<HH: Hasher>(self, hasher: &mut HH) {
                let ($($part,)*) = self;
                $($part.hash_part(hasher);)*
                let _ = hasher;
            }

            #[inline]
            fn matches(self, key: &($($arg,)*)) -> bool {
                let _ = key;
                true $(&& self.$index.is_part(&key.$index))*
            }

            #[inline]
            #[allow(clippy::unused_unit, reason = "the tuple of no arguments")]
            fn to_key(self) -> ($($arg,)*) {
                ($(self.$index.to_part(),)*)
            }
        }
    )*};
}

tuples! {
    ();
    (A a QA 0);
    (A a QA 0 B b QB 1);
    (A a QA 0 B b QB 1 C c QC 2);
    (A a QA 0 B b QB 1 C c QC 2 D d QD 3);
    (A a QA 0 B b QB 1 C c QC 2 D d QD 3 E e QE 4);
    (A a QA 0 B b QB 1 C c QC 2 D d QD 3 E e QE 4 F f QF 5);
    (A a QA 0 B b QB 1 C c QC 2 D d QD 3 E e QE 4 F f QF 5 G g QG 6);
    (A a QA 0 B b QB 1 C c QC 2 D d QD 3 E e QE 4 F f QF 5 G g QG 6 H h QH 7);
    (A a QA 0 B b QB 1 C c QC 2 D d QD 3 E e QE 4 F f QF 5 G g QG 6 H h QH 7 I i QI 8);
    (A a QA 0 B b QB 1 C c QC 2 D d QD 3 E e QE 4 F f QF 5 G g QG 6 H h QH 7 I i QI 8 J j QJ 9);
    (A a QA 0 B b QB 1 C c QC 2 D d QD 3 E e QE 4 F f QF 5 G g QG 6 H h QH 7 I i QI 8 J j QJ 9 K k QK 10);
    (A a QA 0 B b QB 1 C c QC 2 D d QD 3 E e QE 4 F f QF 5 G g QG 6 H h QH 7 I i QI 8 J j QJ 9 K k QK 10 L l QL 11);
}
