//! The caches of a [`Memo`](super::Memo) or an [`AsyncMemo`](super::AsyncMemo), one behind the other.

use std::marker::PhantomData;

use once_cell::race::OnceBox;

#[cfg(feature = "async")]
use super::asynchronous::AsyncPolicyCache;
use super::{cache::PolicyCache, put_in::PutIn};
#[cfg(feature = "async")]
use crate::cache::asynchronous::state::AsyncCache;
use crate::cache::{
    api::cache::Cache,
    table::key::{Key, Output},
};

/// A cache without the bounds of one: a type with a memo in it need not name them.
pub(super) struct Held<K, R> {
    /// A box of what [`Holds`] says.
    cache: *mut (),
    holds: Holds,
    /// Drops the box at this address.
    free: unsafe fn(*mut ()),
    /// The next one, of another kind.
    other: OnceBox<Held<K, R>>,
    of: PhantomData<fn(K) -> R>,
}

/// Whose values a cache holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// Those of a function without policies: a `Cache<K, R>`.
    Function,
    /// Those of a function with policies: a `PolicyCache<K, R>`.
    Policies,
    /// Those of an `async fn` without policies: an `AsyncCache<K, R>`.
    #[cfg(feature = "async")]
    Async,
    /// Those of an `async fn` with policies: an `AsyncPolicyCache<K, R>`.
    #[cfg(feature = "async")]
    AsyncPolicies,
    /// What was put in before the function was called: a `PutIn<K, R>`.
    PutIn,
}

// SAFETY: a cache, by `Held::new`.
unsafe impl<K, R> Send for Held<K, R> {}
// SAFETY: as above.
unsafe impl<K, R> Sync for Held<K, R> {}

impl<K, R> Held<K, R> {
    pub(super) fn plain(cache: Cache<K, R>) -> Self
    where
        K: Key,
        R: Output,
    {
        Self::new(cache, Holds::Function)
    }

    pub(super) fn with_policies(cache: PolicyCache<K, R>) -> Self
    where
        K: Key,
        R: Output,
    {
        Self::new(cache, Holds::Policies)
    }

    pub(super) fn of_put_in(put_in: PutIn<K, R>) -> Self
    where
        K: Key,
        R: Output,
    {
        Self::new(put_in, Holds::PutIn)
    }

    fn new<T>(cache: T, holds: Holds) -> Self {
        unsafe fn free<T>(at: *mut ()) {
            // SAFETY: only `drop` calls this, once, with the address that was made of a box of this type.
            drop(unsafe { Box::from_raw(at.cast::<T>()) });
        }
        let cache = Box::into_raw(Box::new(cache)).cast();
        Self { cache, holds, free: free::<T>, other: OnceBox::new(), of: PhantomData }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn cache(&self) -> Option<&Cache<K, R>>
    where
        K: Key,
        R: Output,
    {
        // SAFETY: made of a box of this type, which is dropped with `self`.
        if self.holds == Holds::Function { Some(unsafe { &*self.cache.cast() }) } else { None }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn policies(&self) -> Option<&PolicyCache<K, R>>
    where
        K: Key,
        R: Output,
    {
        // SAFETY: as in `cache`.
        if self.holds == Holds::Policies { Some(unsafe { &*self.cache.cast() }) } else { None }
    }

    pub(super) fn put_in(&self) -> Option<&PutIn<K, R>>
    where
        K: Key,
        R: Output,
    {
        // SAFETY: as in `cache`.
        if self.holds == Holds::PutIn { Some(unsafe { &*self.cache.cast() }) } else { None }
    }
}

#[cfg(feature = "async")]
impl<K: Key, R: Output> Held<K, R> {
    pub(super) fn of_async(cache: AsyncCache<K, R>) -> Self {
        Self::new(cache, Holds::Async)
    }

    pub(super) fn of_async_policies(cache: AsyncPolicyCache<K, R>) -> Self {
        Self::new(cache, Holds::AsyncPolicies)
    }

    pub(super) fn async_cache(&self) -> Option<&AsyncCache<K, R>> {
        // SAFETY: as in `cache`.
        if self.holds == Holds::Async { Some(unsafe { &*self.cache.cast() }) } else { None }
    }

    pub(super) fn async_policies(&self) -> Option<&AsyncPolicyCache<K, R>> {
        // SAFETY: as in `cache`.
        if self.holds == Holds::AsyncPolicies { Some(unsafe { &*self.cache.cast() }) } else { None }
    }
}

impl<K, R> Held<K, R> {
    /// The first of this kind.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn find(first: Option<&Self>, holds: Holds) -> Option<&Self> {
        let mut at = first?;
        while at.holds != holds {
            at = at.other.get()?;
        }
        Some(at)
    }

    /// Puts one behind the others, unless there is one of its kind. The one that is there, and whether it is this one.
    pub(super) fn add(first: &OnceBox<Self>, made: Self) -> (&Self, bool) {
        let (mut place, mut made) = (first, Box::new(made));
        loop {
            if let Some(at) = place.get() {
                if at.holds == made.holds {
                    return (at, false);
                }
                place = &at.other;
                continue;
            }
            match place.set(made) {
                Ok(()) => return (place.get().expect("it was put there"), true),
                Err(back) => made = back,
            }
        }
    }
}

impl<K, R> Drop for Held<K, R> {
    fn drop(&mut self) {
        // SAFETY: see `free`.
        unsafe { (self.free)(self.cache) };
    }
}
