//! The values of a function in a field: without policies, or with them.

use std::{fmt, marker::PhantomData};

use once_cell::race::OnceBox;

use super::{cache::PolicyCache, rules::Rules};
use crate::{
    cache::{
        api::{cache::Cache, context::Body},
        bound::{Hashed, Stored},
        call::function::Function,
        table::key::{Key, Lookup, Output},
    },
    seeing::{report::Kind, stats::Stats},
};

/// The values of a function that belong to one value of another type: a field of it.
///
/// `#[cache(field = memo)]` on a method keeps its results in `self.memo`, so that they live and die with `self`. One pointer in
/// size until it is used. A clone is empty, since what has been computed of the original need not be true of its copy.
///
/// # Examples
/// ```
/// use speedup_runtime::Memo;
///
/// #[derive(Clone, Default)]
/// struct Grid {
///     width: u64,
///     memo: Memo<(u64,), u64>,
/// }
///
/// let grid = Grid { width: 4, ..Grid::default() };
/// assert_eq!(grid.memo.get_with((3,), |(n,): &(u64,)| n * grid.width), 12);
/// assert_eq!((grid.memo.len(), grid.clone().memo.len()), (1, 0));
/// ```
pub struct Memo<K, R> {
    cache: OnceBox<Held<K, R>>,
}

/// A cache without the bounds of one: a type with a [`Memo`] in it need not name them.
struct Held<K, R> {
    /// A box of a `PolicyCache<K, R>`, or of a `Cache<K, R>`.
    cache: *mut (),
    has_policies: bool,
    /// Drops the box at this address.
    free: unsafe fn(*mut ()),
    /// The one of the other kind, for a memo that is used with policies and without.
    other: OnceBox<Held<K, R>>,
    of: PhantomData<fn(K) -> R>,
}

// SAFETY: a cache, by `Held::new`.
unsafe impl<K, R> Send for Held<K, R> {}
// SAFETY: as above.
unsafe impl<K, R> Sync for Held<K, R> {}

impl<K, R> Held<K, R> {
    fn plain(cache: Cache<K, R>) -> Self
    where
        K: Key,
        R: Output,
    {
        Self::new(cache, false)
    }

    fn with_policies(cache: PolicyCache<K, R>) -> Self
    where
        K: Key,
        R: Output,
    {
        Self::new(cache, true)
    }

    fn new<T>(cache: T, has_policies: bool) -> Self {
        unsafe fn free<T>(at: *mut ()) {
            // SAFETY: only `drop` calls this, once, with the address that was made of a box of this type.
            drop(unsafe { Box::from_raw(at.cast::<T>()) });
        }
        let cache = Box::into_raw(Box::new(cache)).cast();
        Self { cache, has_policies, free: free::<T>, other: OnceBox::new(), of: PhantomData }
    }

    #[inline(always)]
    fn cache(&self) -> Option<&Cache<K, R>>
    where
        K: Key,
        R: Output,
    {
        // SAFETY: made of a box of this type, which is dropped with `self`.
        if self.has_policies { None } else { Some(unsafe { &*self.cache.cast() }) }
    }

    #[inline(always)]
    fn policies(&self) -> Option<&PolicyCache<K, R>>
    where
        K: Key,
        R: Output,
    {
        // SAFETY: as in `cache`.
        if self.has_policies { Some(unsafe { &*self.cache.cast() }) } else { None }
    }
}

impl<K, R> Drop for Held<K, R> {
    fn drop(&mut self) {
        // SAFETY: see `free`.
        unsafe { (self.free)(self.cache) };
    }
}

impl<K, R> Memo<K, R> {
    /// No values yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { cache: OnceBox::new() }
    }
}

impl<K: Key, R: Output> Memo<K, R> {
    #[inline(always)]
    fn cache(&self) -> Option<&Cache<K, R>> {
        let first = self.cache.get()?;
        first.cache().or_else(|| first.other.get()?.cache())
    }

    #[inline(always)]
    fn policies(&self) -> Option<&PolicyCache<K, R>> {
        let first = self.cache.get()?;
        first.policies().or_else(|| first.other.get()?.policies())
    }

    /// The cache with policies, made if need be: what `#[cache(field = .., capacity = ..)]` writes. The rules of whoever comes first hold.
    #[inline(always)]
    pub fn with_policies(
        &self,
        rules: impl Fn() -> Rules<K, R>,
        describe: impl Fn() -> Function<Hashed<K>, Stored<R>>,
    ) -> &PolicyCache<K, R> {
        match self.policies() {
            Some(cache) => cache,
            None => self.made_with_policies(rules, describe),
        }
    }

    /// The value of a key, computed if need be by this body. As [`Cache::get_with`].
    ///
    /// # Panics
    /// As [`Cache::get`].
    #[inline(always)]
    pub fn get_with<B: Body<K, R>>(&self, key: K, body: B) -> R {
        self.get_as(key, || Function::of_context("memo"), body)
    }

    /// The same for a function of which more is known: what `#[cache(field = ..)]` writes.
    ///
    /// # Panics
    /// As [`Cache::get`].
    #[inline(always)]
    pub fn get_as<B: Body<K, R>>(&self, key: K, describe: impl Fn() -> Function<K, R>, body: B) -> R {
        match self.cache() {
            Some(cache) => cache.get_with(key, body),
            None => self.made(describe).get_with(key, body),
        }
    }

    /// The same for a key that is only borrowed.
    ///
    /// # Panics
    /// As [`Cache::get`].
    #[inline(always)]
    pub fn get_ref_as<Q: Lookup<K>, B: Body<K, R>>(&self, key: Q, describe: impl Fn() -> Function<K, R>, body: B) -> R {
        match self.cache() {
            Some(cache) => cache.get_ref_with(key, body),
            None => self.made(describe).get_ref_with(key, body),
        }
    }

    #[cold]
    #[inline(never)]
    fn made(&self, describe: impl Fn() -> Function<K, R>) -> &Cache<K, R> {
        let made = || Box::new(Held::plain(Cache::owned(describe(), Kind::Memo)));
        let first = self.cache.get_or_init(made);
        let cache = first.cache().or_else(|| first.other.get_or_init(made).cache());
        cache.expect("a memo holds one of each kind")
    }

    #[cold]
    #[inline(never)]
    fn made_with_policies(
        &self,
        rules: impl Fn() -> Rules<K, R>,
        describe: impl Fn() -> Function<Hashed<K>, Stored<R>>,
    ) -> &PolicyCache<K, R> {
        let made = || Box::new(Held::with_policies(PolicyCache::owned(describe(), rules(), Kind::Memo)));
        let first = self.cache.get_or_init(made);
        let cache = first.policies().or_else(|| first.other.get_or_init(made).policies());
        cache.expect("a memo holds one of each kind")
    }

    /// The value of a key if it is there; never computes.
    pub fn peek(&self, key: &K::Args) -> Option<R> {
        self.cache().and_then(|cache| cache.peek(key)).or_else(|| self.policies()?.peek(key))
    }

    /// Whether the value of a key is there; never computes.
    pub fn contains(&self, key: &K::Args) -> bool {
        self.cache().is_some_and(|cache| cache.contains(key))
            || self.policies().is_some_and(|cache| cache.contains(key))
    }

    /// Forgets a key, and returns its value if it was there.
    pub fn remove(&self, key: &K::Args) -> Option<R> {
        let plain = self.cache().and_then(|cache| cache.remove(key));
        self.policies().and_then(|cache| cache.remove(key)).or(plain)
    }

    /// Forgets everything and frees the memory: to be called where the value that the results are about has changed.
    pub fn clear(&self) {
        if let Some(cache) = self.cache() {
            cache.clear();
        }
        if let Some(cache) = self.policies() {
            cache.clear();
        }
    }

    /// How many values there are. O(n).
    #[must_use]
    pub fn len(&self) -> usize {
        self.cache().map_or(0, |cache| cache.len()) + self.policies().map_or(0, PolicyCache::len)
    }

    /// Whether there is no value. O(n).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What has been done so far; of functions with bounds and ages, if there are both. O(n).
    #[must_use]
    pub fn stats(&self) -> Stats {
        let plain = || self.cache().map_or_else(Stats::default, |cache| cache.stats());
        self.policies().map_or_else(plain, PolicyCache::stats)
    }

    /// A copy of all keys and values, in no order. See [`Cache::entries`].
    #[must_use]
    pub fn entries(&self) -> Vec<(K, R)> {
        let mut entries = self.cache().map_or_else(Vec::new, Cache::entries);
        entries.extend(self.policies().into_iter().flat_map(PolicyCache::entries));
        entries
    }

    /// Keeps only the values for which this is true. See [`Cache::retain`].
    pub fn retain(&self, mut keep: impl FnMut(&K, &R) -> bool) {
        if let Some(cache) = self.cache() {
            cache.retain(&mut keep);
        }
        if let Some(cache) = self.policies() {
            cache.retain(keep);
        }
    }
}

impl<K, R> Default for Memo<K, R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, R> Clone for Memo<K, R> {
    /// An empty one.
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl<K, R> fmt::Debug for Memo<K, R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Memo").finish_non_exhaustive()
    }
}
