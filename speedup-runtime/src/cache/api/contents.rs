//! All that is in a cache at once.

use crate::cache::{
    api::cache::Cache,
    table::key::{Key, Output},
    thread::registry,
};

impl<K: Key, R: Output> Cache<K, R> {
    /// A copy of all keys and values in memory, in no order; keys as callers have them. What comes and goes meanwhile is in it or not.
    ///
    /// # Complexity
    /// O(n), with a clone of each key and value.
    ///
    /// # Examples
    /// ```
    /// use speedup_runtime::Cache;
    ///
    /// let squares = Cache::from_fn(|n: u64| n * n);
    /// squares.get_all([(2,), (3,)]);
    /// let mut entries = squares.entries();
    /// entries.sort();
    /// assert_eq!(entries, [((2,), 4), ((3,), 9)]);
    /// ```
    #[must_use]
    pub fn entries(&self) -> Vec<(K::Args, R)> {
        self.keys_and_values().into_iter().map(|(key, value)| (key.into_args(), value)).collect()
    }

    /// The same, by the keys themselves.
    pub(crate) fn keys_and_values(&self) -> Vec<(K, R)> {
        match self.divided {
            Some(divided) => divided.entries(),
            None => self.core().entries(registry::current()),
        }
    }

    /// Keeps only the values for which this is true; the others are removed, as [`remove`](Self::remove) does it.
    ///
    /// Looked at are the values in memory. The function may call the cache itself: nothing is held meanwhile. If it panics, what
    /// it has said until then is done.
    ///
    /// # Complexity
    /// O(n), with a clone of each key and value.
    ///
    /// # Examples
    /// ```
    /// use speedup_runtime::Cache;
    ///
    /// let squares = Cache::from_fn(|n: u64| n * n);
    /// squares.get_all((0..10).map(|n| (n,)));
    /// squares.retain(|(n,), _| n % 2 == 0);
    /// assert_eq!((squares.len(), squares.peek(&(3,))), (5, None));
    /// ```
    pub fn retain(&self, mut keep: impl FnMut(&K::Args, &R) -> bool) {
        self.retain_keys(|key, value| key.with_args(|arguments| keep(arguments, value)));
    }

    /// The same, by the keys themselves.
    pub(in crate::cache) fn retain_keys(&self, mut keep: impl FnMut(&K, &R) -> bool) {
        for (key, value) in self.keys_and_values() {
            if !keep(&key, &value) {
                self.remove_key(&key);
            }
        }
    }
}
