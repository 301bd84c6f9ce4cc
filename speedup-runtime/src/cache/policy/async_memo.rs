//! The values of an `async fn` in a field: without policies, or with them.

use std::{fmt, time::Duration};

use once_cell::race::OnceBox;

use super::{asynchronous::AsyncPolicyCache, rules::Rules};
use crate::{
    cache::{
        asynchronous::{function::AsyncFunction, state::AsyncCache},
        bound::{Hashed, Stored},
        table::key::{Key, Output},
    },
    seeing::stats::Stats,
};

/// The values of an `async fn` that belong to one value of another type: a field of it. As [`Memo`](crate::Memo).
///
/// # Examples
/// ```
/// use speedup_runtime::AsyncMemo;
///
/// #[derive(Default)]
/// struct Shop {
///     prices: AsyncMemo<(String,), u64>,
/// }
///
/// let shop = Shop::default();
/// assert!(shop.prices.is_empty() && shop.prices.peek(&("ink".to_string(),)).is_none());
/// ```
pub struct AsyncMemo<K: Key, R: Output> {
    cache: OnceBox<AsyncCache<K, R>>,
    policies: OnceBox<AsyncPolicyCache<K, R>>,
    /// What was put in before the function was called: of which of both kinds it is, and what it keeps, is not known yet.
    put_in: OnceBox<AsyncCache<K, R>>,
}

impl<K: Key, R: Output> AsyncMemo<K, R> {
    /// No values yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { cache: OnceBox::new(), policies: OnceBox::new(), put_in: OnceBox::new() }
    }

    /// The cache, made if need be: what `#[cache(field = ..)]` writes.
    #[inline]
    pub fn cache(&self, describe: impl FnOnce() -> AsyncFunction<K, R>) -> &AsyncCache<K, R> {
        self.cache.get().unwrap_or_else(|| self.made(describe))
    }

    /// The cache with policies, made if need be: what `#[cache(field = .., capacity = ..)]` writes.
    #[inline]
    pub fn with_policies(
        &self,
        rules: impl FnOnce() -> Rules<K, R>,
        describe: impl FnOnce() -> AsyncFunction<Hashed<K>, Stored<R>>,
    ) -> &AsyncPolicyCache<K, R> {
        self.policies.get().unwrap_or_else(|| self.made_with_policies(rules, describe))
    }

    /// Those without policies.
    fn plain(&self) -> impl Iterator<Item = &AsyncCache<K, R>> {
        self.cache.get().into_iter().chain(self.put_in.get())
    }

    #[cold]
    fn made(&self, describe: impl FnOnce() -> AsyncFunction<K, R>) -> &AsyncCache<K, R> {
        let cache = self.cache.get_or_init(|| {
            let cache = AsyncCache::own(describe());
            self.hand_over(|key, value| cache.insert(key, value));
            Box::new(cache)
        });
        self.hand_over_the_rest(|key| cache.contains(key), |key, value| cache.insert(key, value));
        cache
    }

    #[cold]
    fn made_with_policies(
        &self,
        rules: impl FnOnce() -> Rules<K, R>,
        describe: impl FnOnce() -> AsyncFunction<Hashed<K>, Stored<R>>,
    ) -> &AsyncPolicyCache<K, R> {
        let cache = self.policies.get_or_init(|| {
            let cache = AsyncPolicyCache::owned(describe(), rules());
            self.hand_over(|key, value| cache.insert(key, value));
            Box::new(cache)
        });
        self.hand_over_the_rest(|key| cache.contains(key), |key, value| cache.insert(key, value));
        cache
    }

    /// Gives what was put in to the cache of a function, before that is found.
    fn hand_over(&self, insert: impl Fn(K, R) -> Option<R>) {
        for (key, value) in self.put_in.get().into_iter().flat_map(AsyncCache::entries) {
            insert(key, value);
        }
    }

    /// The same of what was put in meanwhile: who puts something in later sees the cache.
    fn hand_over_the_rest(&self, has: impl Fn(&K) -> bool, insert: impl Fn(K, R) -> Option<R>) {
        let Some(put_in) = self.put_in.get() else { return };
        for (key, value) in put_in.entries() {
            if put_in.remove(&key).is_some() && !has(&key) {
                insert(key, value);
            }
        }
    }

    /// Puts a value in, and returns the one that was there. It may be put in before the function has been called.
    ///
    /// # Examples
    /// ```
    /// use speedup_runtime::AsyncMemo;
    ///
    /// let prices: AsyncMemo<(String,), u64> = AsyncMemo::new();
    /// assert_eq!(prices.insert(("ink".to_string(),), 7), None);
    /// assert_eq!(prices.peek(&("ink".to_string(),)), Some(7));
    /// ```
    pub fn insert(&self, key: K, value: R) -> Option<R> {
        let is_used = || self.cache.get().is_some() || self.policies.get().is_some();
        if !is_used() {
            let made = || Box::new(AsyncCache::own(AsyncFunction::of_context("memo")));
            let put_in = self.put_in.get_or_init(made);
            let old = put_in.insert(key.clone(), value.clone());
            if !is_used() {
                return old;
            }
            put_in.remove(&key);
        }
        let plain = self.cache.get().and_then(|cache| cache.insert(key.clone(), value.clone()));
        self.policies.get().and_then(|cache| cache.insert(key, value)).or(plain)
    }

    /// The value of a key if it is there; never computes.
    pub fn peek(&self, key: &K) -> Option<R> {
        self.plain().find_map(|cache| cache.peek(key)).or_else(|| self.policies.get()?.peek(key))
    }

    /// Whether the value of a key is there; never computes.
    pub fn contains(&self, key: &K) -> bool {
        self.plain().any(|cache| cache.contains(key)) || self.policies.get().is_some_and(|cache| cache.contains(key))
    }

    /// The value of a key if it is there and younger than this; never computes. Only the values of functions with bounds or ages have an age.
    pub fn get_if_fresh(&self, key: &K, younger_than: Duration) -> Option<R> {
        self.policies.get()?.get_if_fresh(key, younger_than)
    }

    /// How long ago the value of a key was computed or put in. Only the values of functions with bounds or ages have an age.
    pub fn age(&self, key: &K) -> Option<Duration> {
        self.policies.get()?.age(key)
    }

    /// Forgets a key, and returns its value if it was there.
    pub fn remove(&self, key: &K) -> Option<R> {
        let plain = self.plain().fold(None, |found, cache| cache.remove(key).or(found));
        self.policies.get().and_then(|cache| cache.remove(key)).or(plain)
    }

    /// Forgets everything and frees the memory: to be called where the value that the results are about has changed.
    pub fn clear(&self) {
        self.plain().for_each(AsyncCache::clear);
        if let Some(cache) = self.policies.get() {
            cache.clear();
        }
    }

    /// How many values there are. O(n).
    #[must_use]
    pub fn len(&self) -> usize {
        self.plain().map(AsyncCache::len).sum::<usize>() + self.policies.get().map_or(0, AsyncPolicyCache::len)
    }

    /// Whether there is no value. O(n).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What has been done so far; of functions with bounds and ages, if there are both. O(n).
    #[must_use]
    pub fn stats(&self) -> Stats {
        let plain = || self.cache.get().map_or_else(Stats::default, AsyncCache::stats);
        self.policies.get().map_or_else(plain, AsyncPolicyCache::stats)
    }

    /// A copy of all keys and values, in no order. See [`AsyncCache::entries`].
    #[must_use]
    pub fn entries(&self) -> Vec<(K, R)> {
        let mut entries: Vec<_> = self.plain().flat_map(AsyncCache::entries).collect();
        entries.extend(self.policies.get().into_iter().flat_map(AsyncPolicyCache::entries));
        entries
    }

    /// Keeps only the values for which this is true. See [`AsyncCache::retain`].
    pub fn retain(&self, mut keep: impl FnMut(&K, &R) -> bool) {
        self.plain().for_each(|cache| cache.retain(&mut keep));
        if let Some(cache) = self.policies.get() {
            cache.retain(keep);
        }
    }
}

impl<K: Key, R: Output> Default for AsyncMemo<K, R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Key, R: Output> Clone for AsyncMemo<K, R> {
    /// An empty one.
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl<K: Key, R: Output> fmt::Debug for AsyncMemo<K, R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("AsyncMemo").finish_non_exhaustive()
    }
}
