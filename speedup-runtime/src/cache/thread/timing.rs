//! Taking the time of some calls, so that the mean of all is known: most calls read no clock.
//!
//! One call of a thread is timed at a time, with all that it leads to, and gives the mean of those. Where all of them were calls of
//! one function, that is the cost of its body alone, whose inner calls were hits.

use std::{
    cell::Cell,
    sync::OnceLock,
    time::{Duration, Instant},
};

use crate::cache::thread::{
    frame::{Frame, Mark},
    registry::Worker,
    window::nanos,
};

/// Of each function the first so many calls are timed if they come one after the other ..
const FIRST: u64 = 8;
/// .. up to the second number one of as many, and from then on one of so many.
const THEN: (u64, u64) = (64, 64);
const RARELY: u64 = 1024;

/// Where a thread stands; only the thread itself looks at it.
#[derive(Default)]
pub(in crate::cache) struct Timing {
    /// The thread's count of calls at which one is timed.
    next: Cell<u64>,
    /// The call that is being timed.
    began: Cell<Option<Began>>,
}

#[derive(Clone, Copy)]
struct Began {
    at: Instant,
    /// The thread's count of calls, and of those of this cache, before it.
    computed: u64,
    of_cache: u64,
    /// What had been lost by waiting.
    lost: u64,
}

/// What came of timing a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cache) struct Timed {
    /// The call and those that it led to on its thread.
    pub(in crate::cache) calls: u64,
    /// Whether all of them were of the same cache.
    pub(in crate::cache) is_pure: bool,
    pub(in crate::cache) nanos: u64,
}

impl Timing {
    /// Whether the call that is the so many-th of the thread is to be timed.
    #[inline(always)]
    pub(in crate::cache) fn is_due(&self, computed: u64) -> bool {
        computed >= self.next.get()
    }

    /// Has the next call timed, unless one is.
    pub(in crate::cache) fn soon(&self) {
        if self.began.get().is_none() {
            self.next.set(0);
        }
    }
}

/// Takes the time of a call of this cache, from now to its end.
#[cold]
#[inline(never)]
pub(in crate::cache) fn begin(frame: &Frame, cache: u32, worker: &Worker) {
    let (computed, of_cache, lost) = (worker.computed(), worker.computed_of(cache), worker.own.sample.lost.get());
    worker.own.timing.next.set(u64::MAX);
    frame.mark(Mark::Timed, true);
    // The call itself has been counted.
    let began = Began { at: Instant::now(), computed: computed - 1, of_cache: of_cache.saturating_sub(1), lost };
    worker.own.timing.began.set(Some(began));
}

/// The call that was timed, one of this cache, has ended. `known` tells how many have been timed of the cache. `None` if it has panicked.
pub(in crate::cache) fn end(cache: u32, known: u64, worker: &Worker) -> Option<Timed> {
    let began = worker.own.timing.began.take()?;
    let spent = nanos(began.at.elapsed());
    let computed = worker.computed();
    let pause = match known {
        ..FIRST => 1,
        _ if known < THEN.0 => THEN.1,
        _ => RARELY,
    };
    worker.own.timing.next.set(computed + pause);
    if std::thread::panicking() {
        return None;
    }
    let calls = computed - began.computed;
    let lost = worker.own.sample.lost.get() - began.lost + nanos(clock());
    // Caches beyond those that are counted have no count of their own.
    let of_cache = worker.computed_of(cache) - began.of_cache;
    Some(Timed { calls, is_pure: of_cache == calls || of_cache == 0, nanos: spent.saturating_sub(lost) })
}

/// What it takes to read the clock.
pub(in crate::cache) fn clock() -> Duration {
    static CLOCK: OnceLock<Duration> = OnceLock::new();
    *CLOCK.get_or_init(|| {
        let mut last = Instant::now();
        let steps = (0..32).map(|_| std::mem::replace(&mut last, Instant::now()).elapsed());
        steps.min().unwrap_or_default()
    })
}
