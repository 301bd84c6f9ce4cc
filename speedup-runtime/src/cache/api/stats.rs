//! What a cache has done so far.

/// Counts of one cache, as returned by [`Cache::stats`](crate::Cache::stats).
///
/// Every thread counts for itself, so counting costs no shared memory, and a count taken while others call may miss the
/// last few.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Calls that found their value.
    pub hits: u64,
    /// Calls that ran the body, whatever came of it.
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
    /// Values that were put out because of a bound.
    pub evictions: u64,
    /// Values that were let go because of their age.
    pub expirations: u64,
    /// Values that were computed again while there was one: by `refresh`, ahead of the end, or after it.
    pub renewals: u64,
    /// What the values of a cache with a bound weigh together; 0 without a bound.
    pub weight: u64,
}

impl Stats {
    /// The share of calls that found their value, between 0 and 1; 0 before the first call.
    #[must_use]
    pub fn hit_rate(&self) -> f64 {
        let calls = self.hits + self.misses;
        if calls == 0 { 0.0 } else { self.hits as f64 / calls as f64 }
    }
}
