//! The values of an `async fn` in a field: without policies, or with them.

use std::fmt;

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
}

impl<K: Key, R: Output> AsyncMemo<K, R> {
    /// No values yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { cache: OnceBox::new(), policies: OnceBox::new() }
    }

    /// The cache, made if need be: what `#[cache(field = ..)]` writes.
    #[inline]
    pub fn cache(&self, describe: impl FnOnce() -> AsyncFunction<K, R>) -> &AsyncCache<K, R> {
        self.cache.get_or_init(|| Box::new(AsyncCache::own(describe())))
    }

    /// The cache with policies, made if need be: what `#[cache(field = .., capacity = ..)]` writes.
    #[inline]
    pub fn with_policies(
        &self,
        rules: impl FnOnce() -> Rules<K, R>,
        describe: impl FnOnce() -> AsyncFunction<Hashed<K>, Stored<R>>,
    ) -> &AsyncPolicyCache<K, R> {
        self.policies.get_or_init(|| Box::new(AsyncPolicyCache::owned(describe(), rules())))
    }

    /// The value of a key if it is there; never computes.
    pub fn peek(&self, key: &K) -> Option<R> {
        self.cache.get().and_then(|cache| cache.peek(key)).or_else(|| self.policies.get()?.peek(key))
    }

    /// Whether the value of a key is there; never computes.
    pub fn contains(&self, key: &K) -> bool {
        self.cache.get().is_some_and(|cache| cache.contains(key))
            || self.policies.get().is_some_and(|cache| cache.contains(key))
    }

    /// Forgets a key, and returns its value if it was there.
    pub fn remove(&self, key: &K) -> Option<R> {
        let plain = self.cache.get().and_then(|cache| cache.remove(key));
        self.policies.get().and_then(|cache| cache.remove(key)).or(plain)
    }

    /// Forgets everything and frees the memory: to be called where the value that the results are about has changed.
    pub fn clear(&self) {
        if let Some(cache) = self.cache.get() {
            cache.clear();
        }
        if let Some(cache) = self.policies.get() {
            cache.clear();
        }
    }

    /// How many values there are. O(n).
    #[must_use]
    pub fn len(&self) -> usize {
        self.cache.get().map_or(0, AsyncCache::len) + self.policies.get().map_or(0, AsyncPolicyCache::len)
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
        let mut entries = self.cache.get().map_or_else(Vec::new, AsyncCache::entries);
        entries.extend(self.policies.get().into_iter().flat_map(AsyncPolicyCache::entries));
        entries
    }

    /// Keeps only the values for which this is true. See [`AsyncCache::retain`].
    pub fn retain(&self, mut keep: impl FnMut(&K, &R) -> bool) {
        if let Some(cache) = self.cache.get() {
            cache.retain(&mut keep);
        }
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
