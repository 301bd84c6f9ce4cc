//! All that is in an async cache at once.

use super::state::AsyncCache;
use crate::cache::{
    table::key::{Key, Output},
    thread::registry,
};

impl<K: Key, R: Output> AsyncCache<K, R> {
    /// A copy of all keys and values in memory, in no order. What comes and goes meanwhile is in it or not. O(n).
    #[must_use]
    pub fn entries(&self) -> Vec<(K, R)> {
        self.core().entries(registry::current())
    }

    /// Keeps only the values for which this is true; the others are removed, as [`remove`](Self::remove) does it. O(n).
    ///
    /// Looked at are the values in memory. The function may call the cache itself: nothing is held meanwhile.
    ///
    /// # Examples
    /// ```
    /// use speedup_runtime::AsyncCache;
    ///
    /// # pollster::block_on(async {
    /// let squares = AsyncCache::from_fn(|n: u64| async move { n * n });
    /// squares.get_all((0..10).map(|n| (n,))).await;
    /// squares.retain(|(n,), _| *n < 3);
    /// assert_eq!((squares.len(), squares.entries().len()), (3, 3));
    /// # });
    /// ```
    pub fn retain(&self, mut keep: impl FnMut(&K, &R) -> bool) {
        for (key, value) in self.entries() {
            if !keep(&key, &value) {
                self.remove(&key);
            }
        }
    }
}
