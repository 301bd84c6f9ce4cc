//! The values of an `async fn` in a field: without policies, or with them.

use std::{fmt, time::Duration};

use once_cell::race::OnceBox;

use super::{
    asynchronous::AsyncPolicyCache,
    held::{Held, Holds},
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
pub struct AsyncMemo<K, R> {
    cache: OnceBox<Held<K, R>>,
}

impl<K, R> AsyncMemo<K, R> {
    /// No values yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { cache: OnceBox::new() }
    }
}

impl<K: Key, R: Output> AsyncMemo<K, R> {
    #[inline]
    fn plain(&self) -> Option<&AsyncCache<K, R>> {
        Held::find(self.cache.get(), Holds::Async)?.async_cache()
    }

    #[inline]
    fn policies(&self) -> Option<&AsyncPolicyCache<K, R>> {
        Held::find(self.cache.get(), Holds::AsyncPolicies)?.async_policies()
    }

    /// What was put in before it was known of which function.
    fn put_in(&self) -> Option<&PutIn<K, R>> {
        Held::find(self.cache.get(), Holds::PutIn)?.put_in()
    }

    /// The cache, made if need be: what `#[cache(field = ..)]` writes.
    #[inline]
    pub fn cache(&self, describe: impl FnOnce() -> AsyncFunction<K, R>) -> &AsyncCache<K, R> {
        self.plain().unwrap_or_else(|| self.made(describe))
    }

    /// The cache with policies, made if need be: what `#[cache(field = .., capacity = ..)]` writes.
    #[inline]
    pub fn with_policies(
        &self,
        rules: impl FnOnce() -> Rules<K, R>,
        describe: impl FnOnce() -> AsyncFunction<Hashed<K>, Stored<R>>,
    ) -> &AsyncPolicyCache<K, R> {
        self.policies().unwrap_or_else(|| self.made_with_policies(rules, describe))
    }

    #[cold]
    fn made(&self, describe: impl FnOnce() -> AsyncFunction<K, R>) -> &AsyncCache<K, R> {
        let cache = AsyncCache::own(describe());
        let copied = self.copy_put_in(|key, value| _ = cache.insert(key, value));
        let (held, is_first) = Held::add(&self.cache, Held::of_async(cache));
        let cache = held.async_cache().expect("a cache of a function");
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
        let (held, is_first) = Held::add(&self.cache, Held::of_async_policies(cache));
        let cache = held.async_policies().expect("a cache with policies");
        if is_first {
            cache.shared.tell_all(told);
            self.move_put_in(&copied, |key, value| cache.insert(key, value));
        }
        cache
    }

    fn copy_put_in(&self, insert: impl FnMut(K, R)) -> Copied<R> {
        self.put_in().map_or_else(Copied::default, |put_in| put_in.copy_to(insert))
    }

    fn move_put_in(&self, copied: &Copied<R>, insert: impl Fn(K, R) -> Option<R>) {
        if let Some(put_in) = self.put_in() {
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
        let is_used = || self.plain().is_some() || self.policies().is_some();
        if !is_used() {
            let held = Held::find(self.cache.get(), Holds::PutIn);
            let held = held.unwrap_or_else(|| Held::add(&self.cache, Held::of_put_in(PutIn::new())).0);
            let put_in = held.put_in().expect("what is put in");
            let old = put_in.insert(key.clone(), value.clone());
            if !is_used() {
                return old;
            }
            put_in.remove(&key);
        }
        let plain = self.plain().and_then(|cache| cache.insert(key.clone(), value.clone()));
        self.policies().and_then(|cache| cache.insert(key, value)).or(plain)
    }

    /// The value of a key if it is there; never computes.
    pub fn peek(&self, key: &K) -> Option<R> {
        let plain = self.plain().and_then(|cache| cache.peek(key));
        plain.or_else(|| self.put_in()?.peek(key)).or_else(|| self.policies()?.peek(key))
    }

    /// Whether the value of a key is there; never computes.
    pub fn contains(&self, key: &K) -> bool {
        self.plain().is_some_and(|cache| cache.contains(key))
            || self.put_in().is_some_and(|put_in| put_in.contains(key))
            || self.policies().is_some_and(|cache| cache.contains(key))
    }

    /// The value of a key if it is there and younger than this; never computes. Only the values of functions with bounds or ages have an age.
    pub fn get_if_fresh(&self, key: &K, younger_than: Duration) -> Option<R> {
        self.policies()?.get_if_fresh(key, younger_than)
    }

    /// How long ago the value of a key was computed or put in. Only the values of functions with bounds or ages have an age.
    pub fn age(&self, key: &K) -> Option<Duration> {
        self.policies()?.age(key)
    }

    /// Forgets a key, and returns its value if it was there.
    pub fn remove(&self, key: &K) -> Option<R> {
        let put_in = self.put_in().and_then(|put_in| put_in.remove(key));
        let plain = self.plain().and_then(|cache| cache.remove(key)).or(put_in);
        self.policies().and_then(|cache| cache.remove(key)).or(plain)
    }

    /// Forgets everything and frees the memory: to be called where the value that the results are about has changed.
    pub fn clear(&self) {
        if let Some(put_in) = self.put_in() {
            put_in.clear();
        }
        if let Some(cache) = self.plain() {
            cache.clear();
        }
        if let Some(cache) = self.policies() {
            cache.clear();
        }
    }

    /// How many values there are. O(n).
    #[must_use]
    pub fn len(&self) -> usize {
        let put_in = self.put_in().map_or(0, PutIn::len);
        let plain = self.plain().map_or(0, AsyncCache::len);
        put_in + plain + self.policies().map_or(0, AsyncPolicyCache::len)
    }

    /// Whether there is no value. O(n).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What has been done so far; of functions with bounds and ages, if there are both. O(n).
    #[must_use]
    pub fn stats(&self) -> Stats {
        let plain = || self.plain().map_or_else(Stats::default, AsyncCache::stats);
        self.policies().map_or_else(plain, AsyncPolicyCache::stats)
    }

    /// A copy of all keys and values, in no order. See [`AsyncCache::entries`].
    #[must_use]
    pub fn entries(&self) -> Vec<(K, R)> {
        let mut entries = self.put_in().map_or_else(Vec::new, PutIn::entries);
        entries.extend(self.plain().into_iter().flat_map(AsyncCache::entries));
        entries.extend(self.policies().into_iter().flat_map(AsyncPolicyCache::entries));
        entries
    }

    /// Keeps only the values for which this is true. See [`AsyncCache::retain`].
    pub fn retain(&self, mut keep: impl FnMut(&K, &R) -> bool) {
        if let Some(put_in) = self.put_in() {
            put_in.retain(&mut keep);
        }
        if let Some(cache) = self.plain() {
            cache.retain(&mut keep);
        }
        if let Some(cache) = self.policies() {
            cache.retain(keep);
        }
    }
}

impl<K, R> Default for AsyncMemo<K, R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, R> Clone for AsyncMemo<K, R> {
    /// An empty one.
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl<K, R> fmt::Debug for AsyncMemo<K, R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("AsyncMemo").finish_non_exhaustive()
    }
}
