//! All that is known of a cache, in one or in several tables.

use std::time::Duration;

use crate::{
    cache::{
        call::{
            behind::{self, Docked},
            seen::Counts,
            state::Core,
        },
        table::{
            Census,
            key::{Key, Output},
        },
        thread::registry,
    },
    panics,
    seeing::stats::Stats,
};

/// All that is known of a cache, in one or in several tables.
#[derive(Clone, Copy, Default)]
pub(in crate::cache) struct Known {
    /// Hits and computations.
    pub(in crate::cache) totals: (u64, u64),
    pub(in crate::cache) counts: Counts,
    /// Calls shown, computed by others, and forecasts in vain.
    pub(in crate::cache) outlook: [u64; 3],
    pub(in crate::cache) census: Census,
    /// What has come of the store behind it.
    pub(in crate::cache) store: behind::Counts,
    /// Nanoseconds.
    pub(in crate::cache) hit_cost: Option<u64>,
}

impl Known {
    /// What is known of one table.
    pub(in crate::cache) fn of<K: Key, R: Output>(core: &Core<K, R>) -> Self {
        Self {
            totals: core.number.totals(),
            counts: core.seen.counts(),
            outlook: core.outlook.totals(),
            census: core.census(registry::current()),
            // A store that was never needed is not opened to be counted.
            store: core
                .function
                .get()
                .and_then(|function| function.docked)
                .map_or_else(Default::default, Docked::counts),
            hit_cost: None,
        }
    }

    /// The same, with what a hit costs.
    pub(in crate::cache) fn with_cost_of<K: Key, R: Output>(mut self, core: &Core<K, R>) -> Self {
        if self.hit_cost.is_none() {
            // Clones are users' code, whose panic is none of who asks for counts.
            panics::contain(|| self.hit_cost = core.hit_cost(registry::current()));
        }
        self
    }

    /// Adds what is known of another table of the same function, which is counted under the same number.
    pub(in crate::cache) fn and<K: Key, R: Output>(mut self, core: &Core<K, R>) -> Self {
        self.counts = self.counts.and(core.seen.counts());
        let more = core.outlook.totals();
        self.outlook = std::array::from_fn(|at| self.outlook[at] + more[at]);
        self.census = self.census.and(core.census(registry::current()));
        self
    }

    pub(in crate::cache) fn stats(&self) -> Stats {
        let Self { totals: (hits, ran), counts, outlook: [shared, helped, vain], census, store, .. } = *self;
        // The body's place was taken by a value of the store.
        let misses = ran.saturating_sub(store.found + counts.twice);
        let call_cost = counts.call_cost();
        let saved = call_cost.unwrap_or(0).saturating_sub(self.hit_cost.unwrap_or(0)).saturating_mul(hits);
        let unfinished = counts.panics + counts.dropped + census.claimed as u64;
        Stats {
            hits,
            misses,
            computed: misses.saturating_sub(unfinished),
            panics: counts.panics,
            in_flight: census.claimed,
            waits: counts.waits,
            store_hits: store.found,
            store_errors: store.errors,
            store: store.condition,
            entries: census.ready,
            len: census.ready,
            estimated_bytes: census.bytes,
            call_cost: call_cost.map(Duration::from_nanos),
            hit_cost: self.hit_cost.map(Duration::from_nanos),
            time_saved: Duration::from_nanos(saved),
            side_by_side: counts.taken,
            shared,
            helped,
            vain,
            ..Stats::default()
        }
    }
}
