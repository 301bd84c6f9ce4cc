//! Taking the time of some calls, so that the mean of all is known: most calls read no clock.
//!
//! One call of a thread is timed at a time, with all that it leads to, and gives the mean of those. Where all of them were calls of
//! one function, that is the cost of its body alone, whose inner calls were hits.

use std::{cell::Cell, time::Instant};

use crate::{
    cache::thread::{attention::Attention, window::nanos},
    stopwatch::overhead,
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
    began: Cell<Option<(Instant, Counted)>>,
}

/// What a thread has counted.
#[derive(Clone, Copy)]
pub(in crate::cache) struct Counted {
    /// Calls, and those of the cache in question.
    pub(in crate::cache) computed: u64,
    pub(in crate::cache) of_cache: u64,
    /// Nanoseconds lost by waiting.
    pub(in crate::cache) lost: u64,
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
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn is_due(&self, computed: u64) -> bool {
        computed >= self.next.get()
    }

    /// The count of calls at which one is timed.
    pub(in crate::cache) fn next(&self) -> u64 {
        self.next.get()
    }

    /// Has the next call timed, unless one is.
    pub(in crate::cache) fn soon(&self, attention: &Attention) {
        if self.began.get().is_none() {
            self.next.set(0);
            attention.demand();
        }
    }

    /// Takes the time of the call that has just been counted, from now to its end.
    #[cold]
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    pub(in crate::cache) fn begin(&self, counted: Counted) {
        self.next.set(u64::MAX);
        self.began.set(Some((Instant::now(), counted)));
    }

    /// The call that is timed has ended. `known` tells how many have been timed of its cache. `None` if it has panicked.
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    pub(in crate::cache) fn end(
        &self,
        now: Counted,
        known: u64,
        panicked: bool,
        attention: &Attention,
    ) -> Option<Timed> {
        let (at, before) = self.began.take()?;
        let spent = nanos(at.elapsed());
        let pause = match known {
            ..FIRST => 1,
            _ if known < THEN.0 => THEN.1,
            _ => RARELY,
        };
        self.next.set(now.computed + pause);
        attention.demand_at(self.next.get());
        if panicked {
            return None;
        }
        // With the call itself, which was counted before.
        let calls = now.computed - before.computed + 1;
        let of_cache = now.of_cache - before.of_cache + 1;
        let lost = now.lost - before.lost + overhead();
        Some(Timed { calls, is_pure: of_cache == calls, nanos: spent.saturating_sub(lost) })
    }
}
