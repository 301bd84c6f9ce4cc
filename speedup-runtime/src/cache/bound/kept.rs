//! What a cache with policies keeps: keys that are always hashed, values with what the policies know of them.

use std::{fmt, hash::Hasher};

use super::marks::Marks;
#[cfg(not(loom))]
use crate::clock;
use crate::{
    cache::table::key::{Key, Lookup, Sealed},
    sync::const_unless_loom,
};

/// A key that is never in a page of slots: those live as long as their table, and values here come and go.
#[derive(Clone)]
#[repr(transparent)]
pub struct Hashed<K>(pub K);

impl<K> Hashed<K> {
    /// A key that is borrowed.
    pub(crate) fn of_ref(key: &K) -> &Self {
        // SAFETY: transparent, so both are the same in memory.
        unsafe { &*std::ptr::from_ref(key).cast() }
    }
}

impl<K: fmt::Debug> fmt::Debug for Hashed<K> {
    /// As the key itself: so it stands in messages about cycles.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl<K: Key> Sealed for Hashed<K> {}

impl<K: Key> Key for Hashed<K> {
    type Args = K::Args;

    const COORDINATES: usize = 0;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn of(arguments: K::Args) -> Self {
        Self(K::of(arguments))
    }

    #[inline]
    fn into_args(self) -> K::Args {
        self.0.into_args()
    }

    #[inline]
    fn hash_key<H: Hasher>(&self, hasher: &mut H) {
        self.0.hash_key(hasher);
    }

    #[inline]
    fn is_key(&self, other: &Self) -> bool {
        self.0.is_key(&other.0)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn with<T>(arguments: &K::Args, then: impl FnOnce(&Self) -> T) -> T {
        K::with(arguments, |key| then(Self::of_ref(key)))
    }

    #[inline]
    fn is_small() -> bool {
        false
    }

    #[inline]
    fn pack(&self) -> Option<u64> {
        None
    }

    #[inline]
    fn unpack(_packed: u64) -> Option<Self> {
        None
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn hint(&self) -> Option<u64> {
        let packed = if K::is_small() { self.0.pack() } else { None }?;
        // Small numbers stand one behind the other; of several in a word the upper ones are scattered.
        Some(if K::COORDINATES == 1 { packed } else { packed ^ (packed >> 24).wrapping_mul(0x9e37_79b1) })
    }
}

/// A key that may be borrowed, as one that is hashed.
#[derive(Clone, Copy, Debug)]
pub(in crate::cache) struct Asked<Q>(pub(in crate::cache) Q);

impl<K: Key, Q: Lookup<K>> Lookup<Hashed<K>> for Asked<Q> {
    #[inline]
    fn hash_into<H: Hasher>(self, hasher: &mut H) {
        self.0.hash_into(hasher);
    }

    #[inline]
    fn matches(self, key: &Hashed<K>) -> bool {
        self.0.matches(&key.0)
    }

    #[inline]
    fn to_key(self) -> Hashed<K> {
        Hashed(self.0.to_key())
    }
}

/// A value with what the policies know of it. What every hit looks at comes first.
#[repr(C)]
#[derive(Clone)]
pub struct Stored<R> {
    value: R,
    marks: Marks,
}

impl<R> Stored<R> {
    const_unless_loom! {
        /// A value that was computed just now.
        #[inline]
        pub fn of(value: R) -> Self {
            Self { value, marks: Marks::new() }
        }
    }

    /// The value.
    #[inline]
    pub fn get(&self) -> &R {
        &self.value
    }

    /// The value alone.
    #[inline]
    pub fn into_value(self) -> R {
        self.value
    }

    /// A value that ends at this time.
    pub(in crate::cache) fn until(value: R, ends: u64) -> Self {
        let marks = if ends == u64::MAX { Marks::new() } else { Marks::until(ends) };
        Self { value, marks }
    }

    /// A value that ends in so much time, if it does.
    #[cfg(feature = "stores")]
    pub(crate) fn with_time_left(value: R, left: Option<std::time::Duration>) -> Self {
        Self::until(value, left.map_or(u64::MAX, |left| clock::now().saturating_add(clock::nanos(left))))
    }

    /// How much time it has left; `None` if it does not end.
    #[cfg(feature = "stores")]
    pub(crate) fn time_left(&self) -> Option<std::time::Duration> {
        match self.ends() {
            u64::MAX => None,
            ends => Some(std::time::Duration::from_nanos(ends.saturating_sub(clock::now()))),
        }
    }

    /// Whether its time is over.
    #[cfg(not(loom))]
    pub(crate) fn has_ended(&self) -> bool {
        self.ends() <= clock::now()
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn ends(&self) -> u64 {
        self.marks.ends()
    }

    /// Notes that it was asked for.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn visit(&self) {
        self.marks.visit();
    }

    /// What changes at the value.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn marks(&self) -> &Marks {
        &self.marks
    }
}

impl<R: fmt::Debug> fmt::Debug for Stored<R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(out)
    }
}
