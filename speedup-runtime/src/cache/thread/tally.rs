//! What a thread counts.

use crate::sync::{AtomicU64, Ordering};

/// Hits and computations of one cache by one thread.
#[derive(Default)]
pub(in crate::cache) struct Tally {
    /// Several counters, of which the key chooses one: a counter that is increased again at once has to wait for itself,
    /// which takes longer than all the rest of a hit.
    pub(super) hits: [AtomicU64; 4],
    pub(super) computed: AtomicU64,
}

impl Tally {
    /// All of them.
    pub(super) fn hits(&self) -> u64 {
        self.hits.iter().map(|hits| hits.load(Ordering::Relaxed)).sum()
    }
}

/// How many caches have their counts in the worker itself.
pub(super) const NEAR: usize = 32;

/// How many caches have their hits counted; those made later count nothing.
pub(in crate::cache) const TALLIES: usize = 1024;
