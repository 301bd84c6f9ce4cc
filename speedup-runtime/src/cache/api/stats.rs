//! What a cache has done so far.

use crate::cache::call::behind::{Condition, Counts};

/// Counts of one cache, as returned by [`Cache::stats`](crate::Cache::stats).
///
/// Every thread counts for itself, so counting costs no shared memory, and a count taken while others call may miss the
/// last few.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Calls that found their value.
    pub hits: u64,
    /// Calls that ran the body, whatever came of it. What was found in a store is no miss.
    pub misses: u64,
    /// Calls whose body panicked.
    pub panics: u64,
    /// Values held now.
    pub len: usize,
    /// Calls that were foretold by a running one and shown to other threads, see [`Cache::ahead`](crate::Cache::ahead).
    pub shared: u64,
    /// Those of them that another thread had computed, or begun, when their turn came.
    pub helped: u64,
    /// Forecasts that found nothing to share.
    pub vain: u64,
    /// Calls whose value was found in the store; 0 where there is none.
    pub store_hits: u64,
    /// How often the store failed: so often it was done without it.
    pub store_errors: u64,
    /// In which state the store is.
    pub store: Condition,
}

impl Stats {
    /// The same for a cache with a store: a call that found its value there ran no body.
    pub(in crate::cache) fn with(self, counts: Counts) -> Self {
        let Counts { found, errors, condition } = counts;
        let misses = self.misses.saturating_sub(found);
        Self { misses, store_hits: found, store_errors: errors, store: condition, ..self }
    }

    /// The share of calls that found their value, between 0 and 1; 0 before the first call.
    #[must_use]
    pub fn hit_rate(&self) -> f64 {
        let found = self.hits + self.store_hits;
        let calls = found + self.misses;
        if calls == 0 { 0.0 } else { found as f64 / calls as f64 }
    }
}
