//! The values of an `async fn` in a field: without policies, or with them.

use std::{fmt, time::Duration};

use once_cell::race::OnceBox;

use super::{
    asynchronous::AsyncPolicyCache,
    put_in::{Copied, PutIn},
    rules::Rules,
};
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
    put_in: OnceBox<PutIn<K, R>>,
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

    #[cold]
    fn made(&self, describe: impl FnOnce() -> AsyncFunction<K, R>) -> &AsyncCache<K, R> {
        let cache = AsyncCache::own(describe());
        let copied = self.copy_put_in(|key, value| _ = cache.insert(key, value));
        let is_first = self.cache.set(Box::new(cache)).is_ok();
        let cache = self.cache.get().expect("one was put there");
        if is_first {
            self.move_put_in(&copied, |key, value| cache.insert(key, value));
        }
        cache
    }

    #[cold]
    fn made_with_policies(
        &self,
        rules: impl FnOnce() -> Rules<K, R>,
        describe: impl FnOnce() -> AsyncFunction<Hashed<K>, Stored<R>>,
    ) -> &AsyncPolicyCache<K, R> {
        let (cache, mut told) = (AsyncPolicyCache::owned(describe(), rules()), Vec::new());
        let copied = self.copy_put_in(|key, value| cache.fill(key, value, &mut told));
        let is_first = self.policies.set(Box::new(cache)).is_ok();
        let cache = self.policies.get().expect("one was put there");
        if is_first {
            cache.shared.tell_all(told);
            self.move_put_in(&copied, |key, value| cache.insert(key, value));
        }
        cache
    }

    fn copy_put_in(&self, insert: impl FnMut(K, R)) -> Copied<R> {
        self.put_in.get().map_or_else(Copied::default, |put_in| put_in.copy_to(insert))
    }

    fn move_put_in(&self, copied: &Copied<R>, insert: impl Fn(K, R) -> Option<R>) {
        if let Some(put_in) = self.put_in.get() {
            put_in.move_rest(copied, insert);
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
            let put_in = self.put_in.get_or_init(|| Box::new(PutIn::new()));
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
        let plain = self.cache.get().and_then(|cache| cache.peek(key));
        plain.or_else(|| self.put_in.get()?.peek(key)).or_else(|| self.policies.get()?.peek(key))
    }

    /// Whether the value of a key is there; never computes.
    pub fn contains(&self, key: &K) -> bool {
        self.cache.get().is_some_and(|cache| cache.contains(key))
            || self.put_in.get().is_some_and(|put_in| put_in.contains(key))
            || self.policies.get().is_some_and(|cache| cache.contains(key))
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
        let put_in = self.put_in.get().and_then(|put_in| put_in.remove(key));
        let plain = self.cache.get().and_then(|cache| cache.remove(key)).or(put_in);
        self.policies.get().and_then(|cache| cache.remove(key)).or(plain)
    }

    /// Forgets everything and frees the memory: to be called where the value that the results are about has changed.
    pub fn clear(&self) {
        if let Some(put_in) = self.put_in.get() {
            put_in.clear();
        }
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
        let put_in = self.put_in.get().map_or(0, PutIn::len);
        let plain = self.cache.get().map_or(0, AsyncCache::len);
        put_in + plain + self.policies.get().map_or(0, AsyncPolicyCache::len)
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
        let mut entries = self.put_in.get().map_or_else(Vec::new, PutIn::entries);
        entries.extend(self.cache.get().into_iter().flat_map(AsyncCache::entries));
        entries.extend(self.policies.get().into_iter().flat_map(AsyncPolicyCache::entries));
        entries
    }

    /// Keeps only the values for which this is true. See [`AsyncCache::retain`].
    pub fn retain(&self, mut keep: impl FnMut(&K, &R) -> bool) {
        if let Some(put_in) = self.put_in.get() {
            put_in.retain(&mut keep);
        }
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
