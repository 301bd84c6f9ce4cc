//! Async caches that are in no static of their own: one for each set of types, or in a field.

use std::{any::TypeId, fmt};

use once_cell::race::OnceBox;

use super::{function::AsyncFunction, state::AsyncCache};
use crate::{
    cache::{
        api::of_types,
        table::key::{Key, Output},
    },
    seeing::stats::Stats,
};

/// The cache of a generic `async fn` for one set of types, made by the first who asks. As [`of_types`](crate::cache::of_types).
#[inline]
pub fn of_async_types<F: Copy + 'static, K: Key, R: Output>(
    function: F,
    describe: impl FnOnce() -> AsyncFunction<K, R>,
) -> &'static AsyncCache<K, R> {
    let _ = function;
    of_types::get(TypeId::of::<F>(), || AsyncCache::own(describe().of_type::<F>()))
}

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
}

impl<K: Key, R: Output> AsyncMemo<K, R> {
    /// No values yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { cache: OnceBox::new() }
    }

    /// The cache, made if need be: what `#[cache(field = ..)]` writes.
    #[inline]
    pub fn cache(&self, describe: impl FnOnce() -> AsyncFunction<K, R>) -> &AsyncCache<K, R> {
        self.cache.get_or_init(|| Box::new(AsyncCache::own(describe())))
    }

    /// The cache, if it has been made.
    pub(super) fn get(&self) -> Option<&AsyncCache<K, R>> {
        self.cache.get()
    }

    /// The value of a key if it is there; never computes.
    pub fn peek(&self, key: &K) -> Option<R> {
        self.get()?.peek(key)
    }

    /// Whether the value of a key is there; never computes.
    pub fn contains(&self, key: &K) -> bool {
        self.get().is_some_and(|cache| cache.contains(key))
    }

    /// Forgets a key, and returns its value if it was there.
    pub fn remove(&self, key: &K) -> Option<R> {
        self.get()?.remove(key)
    }

    /// Forgets everything and frees the memory: to be called where the value that the results are about has changed.
    pub fn clear(&self) {
        if let Some(cache) = self.get() {
            cache.clear();
        }
    }

    /// How many values there are. O(n).
    #[must_use]
    pub fn len(&self) -> usize {
        self.get().map_or(0, AsyncCache::len)
    }

    /// Whether there is no value. O(n).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What has been done so far. O(n).
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.get().map_or_else(Stats::default, AsyncCache::stats)
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
