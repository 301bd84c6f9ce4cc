//! What a cache has done so far.

use std::time::Duration;

/// In which state a store behind a cache is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Condition {
    /// There is none, or it was not needed yet.
    #[default]
    None,
    /// It reads and writes.
    Sound,
    /// Another process has it: what is there is read, and what is new stays in memory.
    ReadOnly,
    /// It was damaged: what was there was set aside, and it was begun anew.
    BegunAnew,
    /// It cannot be reached.
    Down,
}

/// Counts of one cache, as returned by `Cache::stats`.
///
/// Every thread counts for itself, so counting costs no shared memory, and a count taken while others call may miss the
/// last few. Costs are means of samples: a few of the first calls are timed, and then fewer and fewer, so most calls read no clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Stats {
    /// Calls that found their value.
    pub hits: u64,
    /// Calls that ran the body, whatever came of it. What was found in a store is no miss.
    pub misses: u64,
    /// Calls whose body has ended with a result.
    pub computed: u64,
    /// Calls whose body panicked.
    pub panics: u64,
    /// Keys that are being computed now.
    pub in_flight: usize,
    /// Calls that found their value being computed by another one, and waited for it.
    pub waits: u64,
    /// Values that went to make room for others.
    pub evictions: u64,
    /// Values that went because they were too old.
    pub expirations: u64,
    /// Times that a store behind the cache did not do what it was asked.
    pub store_errors: u64,
    /// Calls whose value was found in the store; 0 where there is none.
    pub store_hits: u64,
    /// In which state the store is.
    pub store: Condition,
    /// Values held now.
    pub entries: usize,
    /// The same as `entries`, by the name of `Cache::len`.
    pub len: usize,
    /// About so many bytes are taken by the values, their keys and the table; what those own elsewhere (the text of a `String`) is not
    /// known, and not in it.
    pub estimated_bytes: usize,
    /// What a call costs that runs the body; of an `async` function, the time from its beginning to its end. Of a recursion it is the
    /// body alone, whose inner calls are counted as calls of their own. `None` while none was timed.
    pub call_cost: Option<Duration>,
    /// What a call costs that finds its value: found out when the counts are asked for, by a few look-ups of a value that is there
    /// and so with as many clones of it. `None` if there is none.
    pub hit_cost: Option<Duration>,
    /// What the hits would have cost as calls, less what they have cost.
    pub time_saved: Duration,
    /// Calls that ran side by side with the one that needed them, on another thread; those that they led to are not counted again.
    pub side_by_side: u64,
    /// Calls that were foretold by a running one and shown to other threads, see `Cache::ahead`.
    pub shared: u64,
    /// Those of them that another thread had computed, or begun, when their turn came.
    pub helped: u64,
    /// Forecasts that found nothing to share.
    pub vain: u64,
}

impl Stats {
    /// The share of calls that found their value, between 0 and 1; 0 before the first call.
    #[must_use]
    pub fn hit_rate(&self) -> f64 {
        let found = self.hits + self.store_hits;
        let calls = found + self.misses;
        if calls == 0 { 0.0 } else { found as f64 / calls as f64 }
    }

    /// What several caches of one kind have done together; costs are the means by their calls.
    pub(crate) fn and(self, other: &Self) -> Self {
        let mean = |mine: Option<Duration>, others: Option<Duration>, weight: u64, more: u64| match (mine, others) {
            (Some(mine), Some(others)) if weight + more > 0 => {
                let part = weight as f64 / (weight + more) as f64;
                Some(mine.mul_f64(part) + others.mul_f64(1.0 - part))
            }
            _ => mine.or(others),
        };
        Self {
            hits: self.hits + other.hits,
            misses: self.misses + other.misses,
            computed: self.computed + other.computed,
            panics: self.panics + other.panics,
            in_flight: self.in_flight + other.in_flight,
            waits: self.waits + other.waits,
            evictions: self.evictions + other.evictions,
            expirations: self.expirations + other.expirations,
            store_errors: self.store_errors + other.store_errors,
            store_hits: self.store_hits + other.store_hits,
            store: if self.store == Condition::None { other.store } else { self.store },
            entries: self.entries + other.entries,
            len: self.len + other.len,
            estimated_bytes: self.estimated_bytes + other.estimated_bytes,
            call_cost: mean(self.call_cost, other.call_cost, self.misses, other.misses),
            hit_cost: mean(self.hit_cost, other.hit_cost, self.hits, other.hits),
            time_saved: self.time_saved + other.time_saved,
            side_by_side: self.side_by_side + other.side_by_side,
            shared: self.shared + other.shared,
            helped: self.helped + other.helped,
            vain: self.vain + other.vain,
        }
    }
}
