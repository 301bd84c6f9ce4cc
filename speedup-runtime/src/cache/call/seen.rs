//! What a cache counts of its calls beside hits and computations, all of it off the way of a hit.

use crate::cache::thread::timing::Timed;
use crate::sync::{AtomicU64, Ordering};

/// Counts of one cache. Relaxed throughout: only the numbers matter.
pub(in crate::cache) struct Seen {
    /// Computations that ended in a panic.
    panics: AtomicU64,
    /// Calls that found their value being computed, and waited.
    waits: AtomicU64,
    /// Calls that a thread took from another one's group.
    taken: AtomicU64,
    /// Calls of an `async` function that were dropped before they ended.
    dropped: AtomicU64,
    /// Calls that were counted a second time, by their place.
    twice: AtomicU64,
    /// Times of calls of this cache alone, and of such that led to calls of others.
    pure: Times,
    mixed: Times,
}

/// Some calls, and the time that they took.
struct Times {
    samples: AtomicU64,
    calls: AtomicU64,
    nanos: AtomicU64,
}

/// The same as plain numbers, for adding up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::cache) struct Counts {
    pub(in crate::cache) panics: u64,
    pub(in crate::cache) waits: u64,
    pub(in crate::cache) taken: u64,
    pub(in crate::cache) dropped: u64,
    pub(in crate::cache) twice: u64,
    pure: Mean,
    mixed: Mean,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Mean {
    samples: u64,
    calls: u64,
    nanos: u64,
}

impl Seen {
    pub(in crate::cache) const fn new() -> Self {
        Self {
            panics: AtomicU64::new(0),
            waits: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            twice: AtomicU64::new(0),
            pure: Times::new(),
            mixed: Times::new(),
        }
    }

    pub(in crate::cache) fn panicked(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }

    pub(in crate::cache) fn waited(&self) {
        self.waits.fetch_add(1, Ordering::Relaxed);
    }

    pub(in crate::cache) fn took(&self) {
        self.taken.fetch_add(1, Ordering::Relaxed);
    }

    #[cfg(feature = "async")]
    pub(in crate::cache) fn dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    pub(in crate::cache) fn counted_twice(&self) {
        self.twice.fetch_add(1, Ordering::Relaxed);
    }

    pub(in crate::cache) fn timed(&self, timed: Timed) {
        let times = if timed.is_pure { &self.pure } else { &self.mixed };
        times.add(Mean { samples: 1, calls: timed.calls, nanos: timed.nanos });
    }

    /// How many calls have been timed.
    #[inline]
    pub(in crate::cache) fn samples(&self) -> u64 {
        self.pure.samples.load(Ordering::Relaxed) + self.mixed.samples.load(Ordering::Relaxed)
    }

    pub(in crate::cache) fn counts(&self) -> Counts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            panics: read(&self.panics),
            waits: read(&self.waits),
            taken: read(&self.taken),
            dropped: read(&self.dropped),
            twice: read(&self.twice),
            pure: self.pure.read(),
            mixed: self.mixed.read(),
        }
    }

    /// Adds what another one, which is about to go, has counted of the same function.
    pub(in crate::cache) fn add(&self, counts: &Counts) {
        let each = [
            (&self.panics, counts.panics),
            (&self.waits, counts.waits),
            (&self.taken, counts.taken),
            (&self.dropped, counts.dropped),
            (&self.twice, counts.twice),
        ];
        for (count, more) in each {
            count.fetch_add(more, Ordering::Relaxed);
        }
        self.pure.add(counts.pure);
        self.mixed.add(counts.mixed);
    }
}

impl Times {
    const fn new() -> Self {
        Self { samples: AtomicU64::new(0), calls: AtomicU64::new(0), nanos: AtomicU64::new(0) }
    }

    fn add(&self, more: Mean) {
        self.samples.fetch_add(more.samples, Ordering::Relaxed);
        self.calls.fetch_add(more.calls, Ordering::Relaxed);
        self.nanos.fetch_add(more.nanos, Ordering::Relaxed);
    }

    fn read(&self) -> Mean {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Mean { samples: read(&self.samples), calls: read(&self.calls), nanos: read(&self.nanos) }
    }
}

impl Counts {
    /// Both together.
    pub(in crate::cache) fn and(self, other: Self) -> Self {
        Self {
            panics: self.panics + other.panics,
            waits: self.waits + other.waits,
            taken: self.taken + other.taken,
            dropped: self.dropped + other.dropped,
            twice: self.twice + other.twice,
            pure: self.pure.and(other.pure),
            mixed: self.mixed.and(other.mixed),
        }
    }

    /// The mean cost of a call in nanoseconds, if any was timed: of those that led to no calls of other functions, if there are some.
    pub(in crate::cache) fn call_cost(&self) -> Option<u64> {
        self.pure.each().or_else(|| self.mixed.each())
    }
}

impl Mean {
    fn and(self, other: Self) -> Self {
        Self { samples: self.samples + other.samples, calls: self.calls + other.calls, nanos: self.nanos + other.nanos }
    }

    fn each(self) -> Option<u64> {
        self.nanos.checked_div(self.calls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_that_of_calls_that_led_to_no_others_if_there_are_any() {
        let seen = Seen::new();
        assert_eq!(seen.counts().call_cost(), None);
        seen.timed(Timed { calls: 2, is_pure: false, nanos: 2_000 });
        assert_eq!(seen.counts().call_cost(), Some(1_000));
        seen.timed(Timed { calls: 10, is_pure: true, nanos: 100 });
        seen.timed(Timed { calls: 10, is_pure: true, nanos: 300 });
        assert_eq!(seen.counts().call_cost(), Some(20));
    }

    #[test]
    fn what_goes_is_added_to_what_stays() {
        let (whole, branch) = (Seen::new(), Seen::new());
        branch.waited();
        branch.timed(Timed { calls: 1, is_pure: true, nanos: 7 });
        whole.add(&branch.counts());
        whole.panicked();
        assert_eq!(whole.counts(), branch.counts().and(Counts { panics: 1, ..Counts::default() }));
    }
}
