//! Whether a function's calls are worth being shared out.
//!
//! The mean cost of a call is the time since the outermost call divided by the calls computed since. It is looked at
//! when the number of calls doubles, so no clock is read per call. Cheap calls run one after the other; whether that is
//! still right is looked at again all the time at the same price.
//!
//! Dear calls may have nothing to gain either: in a chain, who helps makes the next call and then both wait for each
//! other. So the time that a thread loses by waiting is looked at too. If all threads together do hardly more than one
//! would, the thread goes on alone for a while.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use super::worker::Worker;
use crate::sync::{AtomicBool, AtomicU64, Ordering};

/// Calls that run one after the other and cost at least this, in nanoseconds, are worth sharing out.
const WORTH_SHARING: u64 = 150;
/// Calls that are shared out and cost less than this, in nanoseconds, are not worth it: most of it is the sharing.
const NOT_WORTH_SHARING: u64 = 250;
/// Calls dearer than this, in nanoseconds, are offered to others from the first group on.
const WORTH_INVITING: u64 = 5_000;
/// Before others are invited to cheaper calls, the outermost call has been running for this long.
const PATIENCE: Duration = Duration::from_micros(10);
/// So many calls make a sample.
const SAMPLE: u64 = 16;
/// Sharing pays if all who take part do at least this many percent of what one thread would.
const GAIN: u128 = 115;
/// A thread for which sharing did not pay goes on alone until it has made so many times as many calls.
const ALONE: u64 = 8;
/// After so many calls without a look at the clock the next sample begins.
const INTERVAL: u64 = 64;

/// What is known of the cost of one cache's calls.
pub(super) struct Grain {
    /// Mean nanoseconds a call; 0 while unknown. Relaxed: a hint.
    mean: AtomicU64,
    /// Whether calls run one after the other. Relaxed: a hint.
    sequential: AtomicBool,
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

/// Where a thread's sampling stands within the current outermost call; only the thread itself looks at it.
#[derive(Default)]
pub(super) struct Sample {
    /// When the sample began, if there is one.
    start: Cell<Option<Instant>>,
    /// Calls computed when it began.
    base: Cell<u64>,
    /// The count of calls at which to look next.
    next: Cell<u64>,
    /// The count of calls at the last look at the clock.
    last: Cell<u64>,
    /// Whether the outermost call has been found worth inviting others.
    invited: Cell<bool>,
    /// Nanoseconds lost by waiting since the sample began.
    lost: Cell<u64>,
    /// Whether sharing has not paid lately.
    alone: Cell<bool>,
}

impl Sample {
    /// Whether the outermost call has come to a group that may be worth sharing out.
    #[inline]
    pub(super) fn shares(&self) -> bool {
        self.start.get().is_some()
    }

    /// Whether the thread is to go on alone for a while.
    #[inline]
    pub(super) fn is_alone(&self) -> bool {
        self.alone.get()
    }

    /// Notes time lost by waiting.
    pub(super) fn lose(&self, time: Duration) {
        self.lost.set(self.lost.get().saturating_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)));
    }
}

impl Grain {
    /// Nothing is known.
    pub(super) const fn new() -> Self {
        Self {
            mean: AtomicU64::new(0),
            sequential: AtomicBool::new(false),
            tried: AtomicU64::new(0),
            spent: AtomicU64::new(0),
        }
    }

    /// How to compute the next group.
    #[inline]
    pub(super) fn mode(&self) -> Mode {
        if self.sequential.load(Ordering::Relaxed) { Mode::Sequential } else { Mode::Parallel }
    }

    /// An outermost call begins.
    #[inline]
    pub(super) fn begin(&self, worker: &Worker) {
        let sample = &worker.own.sample;
        sample.start.set(None);
        sample.invited.set(false);
        sample.alone.set(false);
        sample.next.set(worker.computed() + INTERVAL);
    }

    /// A call begins to be computed: the worker's count of them.
    #[inline]
    pub(super) fn count(&self, worker: &Worker, computed: u64) {
        if computed >= worker.own.sample.next.get() {
            self.look(worker);
        }
    }

    /// A group begins to be computed: the first of an outermost call begins a sample.
    #[inline]
    pub(super) fn group(&self, worker: &Worker) {
        let sample = &worker.own.sample;
        let due = self.mode() == Mode::Parallel || worker.computed() >= sample.last.get() + INTERVAL;
        if due && !sample.shares() {
            self.look(worker);
        }
    }

    /// Whether to invite others to the current outermost call now.
    pub(super) fn invites(&self, worker: &Worker) -> bool {
        let sample = &worker.own.sample;
        let invites = sample.invited.get()
            || match self.mean.load(Ordering::Relaxed) {
                0 => self.tried.load(Ordering::Relaxed) < SAMPLE,
                mean if mean >= WORTH_INVITING => true,
                _ => sample.start.get().is_some_and(|start| start.elapsed() >= PATIENCE),
            };
        sample.invited.set(invites);
        invites
    }

    /// An outermost call ends.
    #[inline]
    pub(super) fn end(&self, worker: &Worker) {
        if worker.own.sample.shares() && self.mean.load(Ordering::Relaxed) == 0 {
            self.remember(worker);
        }
    }

    /// Begins a sample, or takes one.
    #[cold]
    fn look(&self, worker: &Worker) {
        let (sample, computed, now) = (&worker.own.sample, worker.computed(), Instant::now());
        sample.last.set(computed);
        match sample.start.get() {
            Some(start) if !sample.alone.get() => {
                let (calls, spent, lost) = (computed - sample.base.get(), (now - start).as_nanos(), sample.lost.get());
                self.learn(spent.saturating_sub(lost.into()), calls);
                sample.alone.set(!pays(spent, lost.into(), takers(worker)));
                let next = if sample.alone.get() { calls * ALONE } else { calls };
                sample.next.set(computed + next.max(SAMPLE));
            }
            _ => {
                sample.start.set(Some(now));
                sample.base.set(computed);
                sample.lost.set(0);
                sample.alone.set(false);
                sample.next.set(computed + SAMPLE);
            }
        }
    }

    /// Adds up outermost calls that are too short for a sample.
    #[cold]
    fn remember(&self, worker: &Worker) {
        let sample = &worker.own.sample;
        let (Some(start), calls) = (sample.start.get(), worker.computed() - sample.base.get()) else { return };
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
        let bound = if self.mode() == Mode::Sequential { WORTH_SHARING } else { NOT_WORTH_SHARING };
        self.sequential.store(mean < bound, Ordering::Relaxed);
    }
}

/// How many threads take part in the outermost call that this worker works for.
fn takers(worker: &Worker) -> u32 {
    let home = worker.own.home.get().unwrap_or(worker);
    home.helpers.load(Ordering::Relaxed) + 1
}

/// Whether so many threads, each losing that much of its time, do more together than one alone.
fn pays(spent: u128, lost: u128, takers: u32) -> bool {
    takers < 2 || spent.saturating_sub(lost) * u128::from(takers) * 100 >= spent * GAIN
}

#[cfg(test)]
mod tests {
    use super::pays;

    #[test]
    fn sharing_pays_unless_the_threads_mostly_wait_for_each_other() {
        assert!(pays(1_000, 0, 2), "two that never wait do twice as much");
        assert!(!pays(1_000, 500, 2), "two of which always one waits do nothing more");
        assert!(pays(1_000, 500, 8), "eight that wait half of the time do four times as much");
        assert!(pays(1_000, 900, 1), "nobody takes part");
    }
}
