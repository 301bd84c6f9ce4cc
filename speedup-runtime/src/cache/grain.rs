//! Whether a function's calls are worth being shared out.
//!
//! The mean cost of a call is the time since the outermost call divided by the calls computed since. It is looked at
//! when the number of calls doubles, so no clock is read per call. Below [`WORTH_SHARING`] the calls run one after the
//! other; whether that is still right is looked at again all the time at the same price.

use std::time::{Duration, Instant};

use super::worker::Worker;
use crate::sync::{AtomicU64, Ordering};

/// Calls cheaper than this, in nanoseconds, are not shared out: handing one over costs about as much.
const WORTH_SHARING: u64 = 150;
/// Calls dearer than this, in nanoseconds, are offered to others from the first group on.
const WORTH_INVITING: u64 = 5_000;
/// Before others are invited to cheaper calls, the outermost call has been running for this long.
const PATIENCE: Duration = Duration::from_micros(10);
/// So many calls make a sample.
const SAMPLE: u64 = 16;
/// After so many calls without a look at the clock the next sample begins.
const INTERVAL: u64 = 64;

/// What is known of the cost of one cache's calls.
pub(super) struct Grain {
    /// Mean nanoseconds a call; 0 while unknown. Relaxed: a hint.
    mean: AtomicU64,
    /// Calls and nanoseconds of outermost calls too short to be a sample of their own. Relaxed: a hint.
    tried: AtomicU64,
    spent: AtomicU64,
}

/// How the members of a group are to be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// One after the other, by the thread that needs them.
    Sequential,
    /// Shown to others who may help.
    Parallel,
}

/// Where a thread's sampling stands within the current outermost call.
#[derive(Clone, Copy, Default)]
pub(super) struct Sample {
    /// When the sample began, if there is one.
    start: Option<Instant>,
    /// Calls computed when it began.
    base: u64,
    /// The count of calls at which to look next.
    next: u64,
    /// The count of calls at the last look at the clock.
    last: u64,
    /// Whether others have been invited to this outermost call.
    pub(super) invited: bool,
}

impl Sample {
    /// Whether the outermost call has come to a group that may be worth sharing out.
    #[inline]
    pub(super) fn shares(&self) -> bool {
        self.start.is_some()
    }
}

impl Grain {
    /// Nothing is known.
    pub(super) const fn new() -> Self {
        Self { mean: AtomicU64::new(0), tried: AtomicU64::new(0), spent: AtomicU64::new(0) }
    }

    /// How to compute the next group.
    #[inline]
    pub(super) fn mode(&self) -> Mode {
        let mean = self.mean.load(Ordering::Relaxed);
        if mean == 0 || mean >= WORTH_SHARING { Mode::Parallel } else { Mode::Sequential }
    }

    /// An outermost call begins.
    #[inline]
    pub(super) fn begin(&self, worker: &Worker) {
        let mut sample = worker.own.sample.get();
        sample.start = None;
        sample.invited = false;
        sample.next = worker.own.computed.get() + INTERVAL;
        worker.own.sample.set(sample);
    }

    /// A call begins to be computed.
    #[inline]
    pub(super) fn count(&self, worker: &Worker) {
        let computed = worker.own.computed.get() + 1;
        worker.own.computed.set(computed);
        if computed >= worker.own.sample.get().next {
            self.look(worker);
        }
    }

    /// A group begins to be computed: the first of an outermost call begins a sample.
    #[inline]
    pub(super) fn group(&self, worker: &Worker) {
        let sample = worker.own.sample.get();
        let due = self.mode() == Mode::Parallel || worker.own.computed.get() >= sample.last + INTERVAL;
        if sample.start.is_none() && due {
            self.look(worker);
        }
    }

    /// Whether to invite others to the current outermost call now.
    pub(super) fn invites(&self, worker: &Worker) -> bool {
        let sample = worker.own.sample.get();
        match self.mean.load(Ordering::Relaxed) {
            0 => self.tried.load(Ordering::Relaxed) < SAMPLE,
            mean if mean >= WORTH_INVITING => true,
            _ => sample.invited || sample.start.is_some_and(|start| start.elapsed() >= PATIENCE),
        }
    }

    /// An outermost call ends.
    #[inline]
    pub(super) fn end(&self, worker: &Worker) {
        if worker.own.sample.get().start.is_some() && self.mean.load(Ordering::Relaxed) == 0 {
            self.remember(worker);
        }
    }

    /// Begins a sample, or takes one.
    #[cold]
    fn look(&self, worker: &Worker) {
        let (mut sample, computed, now) = (worker.own.sample.get(), worker.own.computed.get(), Instant::now());
        sample.last = computed;
        if let Some(start) = sample.start {
            let calls = computed - sample.base;
            self.learn((now - start).as_nanos(), calls);
            sample.next = computed + calls.max(SAMPLE);
        } else {
            sample.start = Some(now);
            sample.base = computed;
            sample.next = computed + SAMPLE;
        }
        worker.own.sample.set(sample);
    }

    /// Adds up outermost calls that are too short for a sample.
    #[cold]
    fn remember(&self, worker: &Worker) {
        let sample = worker.own.sample.get();
        let (Some(start), calls) = (sample.start, worker.own.computed.get() - sample.base) else { return };
        let nanos = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let tried = self.tried.fetch_add(calls, Ordering::Relaxed) + calls;
        let spent = self.spent.fetch_add(nanos, Ordering::Relaxed).saturating_add(nanos);
        if tried >= SAMPLE {
            self.learn(spent.into(), tried);
        }
    }

    fn learn(&self, nanos: u128, calls: u64) {
        let mean = u64::try_from(nanos / u128::from(calls.max(1))).unwrap_or(u64::MAX);
        self.mean.store(mean.max(1), Ordering::Relaxed);
    }
}
