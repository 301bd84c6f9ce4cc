//! What a thread counts.

use once_cell::sync::OnceCell;

use crate::sync::{AtomicU64, Ordering};

/// How many caches have their counts in the worker itself.
const NEAR: usize = 32;

/// How many caches have their hits counted; those made later count nothing.
pub(in crate::cache) const TALLIES: usize = 1024;

/// A cache has several counters of hits, of which the key chooses one: a counter that is increased again at once has to wait for itself,
/// which takes longer than all the rest of a hit.
const EACH: usize = 4;

/// Hits and computations by one thread, by the number of the cache. Relaxed: written by the thread alone.
pub(in crate::cache) struct Tallies {
    hits: [AtomicU64; NEAR * EACH],
    computed: [AtomicU64; NEAR],
    /// The same of the caches with larger numbers.
    far: OnceCell<Box<[Far]>>,
}

#[derive(Default)]
struct Far {
    hits: AtomicU64,
    computed: AtomicU64,
}

impl Tallies {
    /// Nothing has been counted.
    pub(super) fn new() -> Self {
        Self {
            hits: std::array::from_fn(|_| AtomicU64::new(0)),
            computed: std::array::from_fn(|_| AtomicU64::new(0)),
            far: OnceCell::new(),
        }
    }

    /// Counts a hit, with some bits of the key.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn hit(&self, cache: u32, key: u64) {
        let cache = cache as usize;
        if cache < NEAR {
            count(&self.hits[cache * EACH + key as usize % EACH]);
        } else if let Some(far) = self.far(cache) {
            count(&far.hits);
        }
    }

    /// Counts a computation.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn computed(&self, cache: u32) {
        let cache = cache as usize;
        if cache < NEAR {
            count(&self.computed[cache]);
        } else if let Some(far) = self.far(cache) {
            count(&far.computed);
        }
    }

    #[cold]
    #[inline(never)]
    fn far(&self, cache: usize) -> Option<&Far> {
        self.far.get_or_init(|| (NEAR..TALLIES).map(|_| Far::default()).collect()).get(cache - NEAR)
    }

    /// The hits and the computations of a cache, if they are counted.
    pub(super) fn of(&self, cache: u32) -> Option<(u64, u64)> {
        let (cache, read) = (cache as usize, |count: &AtomicU64| count.load(Ordering::Relaxed));
        if let Some(computed) = self.computed.get(cache) {
            let hits = &self.hits[cache * EACH..][..EACH];
            return Some((hits.iter().map(read).sum(), read(computed)));
        }
        let counts = |far: &[Far]| far.get(cache - NEAR).map(|far| (read(&far.hits), read(&far.computed)));
        self.far.get().map_or((cache < TALLIES).then_some((0, 0)), |far| counts(far))
    }
}

/// No read-modify-write: one thread alone writes.
#[cfg_attr(not(debug_assertions), inline(always))]
fn count(counter: &AtomicU64) {
    counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}
