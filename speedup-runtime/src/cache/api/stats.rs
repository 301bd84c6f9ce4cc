//! What a cache has done so far.

use std::fmt;

use crate::{
    cache::{
        api::cache::Cache,
        call::known::Known,
        table::key::{Key, Output},
    },
    seeing::stats::Stats,
};

impl<K: Key, R: Output> Cache<K, R> {
    /// What the cache has done so far. O(n), as [`len`](Self::len), and some microseconds for finding out what a hit costs.
    #[must_use]
    pub fn stats(&self) -> Stats {
        match self.divided {
            Some(divided) => divided.stats(true),
            None => Known::of(self.core()).with_cost_of(self.core()).stats(),
        }
    }

    /// The same without a look-up.
    fn counts(&self) -> Stats {
        self.divided.map_or_else(|| Known::of(self.core()).stats(), |divided| divided.stats(false))
    }
}

impl<K: Key, R: Output> fmt::Debug for Cache<K, R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Cache").field("function", &self.function.name).field("stats", &self.counts()).finish()
    }
}
