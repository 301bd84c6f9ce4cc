//! Whether a function's calls are worth being shared out.
//!
//! What a call costs is measured in windows: the time since a window began, divided by the calls computed since. A
//! window's end is a number of calls, so no clock is read per call.
//!
//! - A thread begins by sharing: it shows its groups and invites others.
//! - If its calls turn out to be cheap enough for the sharing itself to matter, it goes on alone for a window, to learn
//!   what they cost without. Below [`WORTH_SHARING`] they run one after the other from then on.
//! - Above, sharing must pay: a thread that shares with others must get on faster than its own share of the work would
//!   take alone. Where it does not, it goes on alone for [`ALONE`] times as many calls and tries again.
//! - In a chain, who helps makes the next call and both wait for each other when the values come back, which no window
//!   sees. So the whole of an outermost call is looked at, too, and if it did not pay, fewer of the next ones are shared.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use super::{number::Number, worker::Worker};
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// Calls that cost at least this, in nanoseconds, are worth sharing out.
const WORTH_SHARING: u64 = 180;
/// Calls dearer than this, in nanoseconds, make the cost of sharing them out small.
const DEAR: u64 = 5_000;
/// Before others are invited to cheaper calls, the outermost call has been running for this long.
const PATIENCE: Duration = Duration::from_micros(10);
/// So many calls make the first window.
const WINDOW: u64 = 16;
/// A window of so many calls is not fooled by what is done once, such as making a page.
const SETTLED: u64 = 64;
/// After a shared window of so many cheap calls, what they cost alone is measured again.
const CHECKED: u64 = 1024;
/// Sharing pays if it makes at least this many percent of what one thread would.
const GAIN: u128 = 110;
/// A thread for which sharing did not pay goes on alone until it has made so many times as many calls.
const ALONE: u64 = 8;
/// At most one outermost call in 2 to this power is shared where it does not pay.
const RARELY: u32 = 6;

/// What is known of the cost of one cache's calls. Relaxed throughout: hints.
pub(super) struct Grain {
    /// Mean nanoseconds of a call; 0 while unknown.
    cost: AtomicU64,
    /// Whether the cost is that of calls made alone.
    measured: AtomicBool,
    /// Whether calls run one after the other.
    sequential: AtomicBool,
    /// Calls and nanoseconds of outermost calls too short for a window.
    tried: AtomicU64,
    spent: AtomicU64,
    /// How many shared outermost calls in a row did not pay.
    unpaid: AtomicU32,
    /// Outermost calls since then.
    skipped: AtomicU64,
}

/// How the members of a group are to be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// One after the other, by the thread that needs them.
    Sequential,
    /// Shown to others who may help.
    Parallel,
}

/// Where a thread stands within the current outermost call; only the thread itself looks at it.
#[derive(Default)]
pub(super) struct Sample {
    /// When the window began, if there is one.
    start: Cell<Option<Instant>>,
    /// Calls computed when it began.
    base: Cell<u64>,
    /// The count of calls at which it ends.
    next: Cell<u64>,
    /// Whether the outermost call has been found worth inviting others.
    invited: Cell<bool>,
    /// Nanoseconds lost by waiting since the window began.
    lost: Cell<u64>,
    stage: Cell<Stage>,
    /// How many calls the next shared window is to have, after one alone that checks what calls cost.
    stretch: Cell<u64>,
    /// When sharing was first looked at, and the calls that all threads had computed by then.
    whole: Cell<Option<(Instant, u64)>>,
}

/// How a thread goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// The outermost call has not come to a group that may be worth sharing out.
    #[default]
    Fresh,
    /// For a while without sharing.
    Alone,
    /// Sharing.
    Shared,
}

impl Sample {
    /// Whether calls are shown to others.
    #[inline]
    pub(super) fn is_shared(&self) -> bool {
        self.stage.get() == Stage::Shared
    }

    /// Whether the end of the outermost call is to be looked at.
    #[inline]
    pub(super) fn is_open(&self) -> bool {
        self.start.get().is_some()
    }

    /// Notes time lost by waiting.
    pub(super) fn lose(&self, time: Duration) {
        self.lost.set(self.lost.get().saturating_add(nanos(time)));
    }

    /// Begins a window.
    fn open(&self, now: Instant, computed: u64, alone: bool, len: u64) {
        self.start.set(Some(now));
        self.base.set(computed);
        self.lost.set(0);
        self.stage.set(if alone { Stage::Alone } else { Stage::Shared });
        self.next.set(computed + len);
    }
}

impl Grain {
    /// Nothing is known.
    pub(super) const fn new() -> Self {
        Self {
            cost: AtomicU64::new(0),
            measured: AtomicBool::new(false),
            sequential: AtomicBool::new(false),
            tried: AtomicU64::new(0),
            spent: AtomicU64::new(0),
            unpaid: AtomicU32::new(0),
            skipped: AtomicU64::new(0),
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
        sample.stage.set(if self.mode() == Mode::Sequential { Stage::Alone } else { Stage::Fresh });
        sample.stretch.set(0);
        sample.whole.set(None);
        sample.next.set(worker.computed() + SETTLED);
    }

    /// A call begins to be computed: the worker's count of them.
    #[inline]
    pub(super) fn count(&self, worker: &Worker, computed: u64, number: &Number) {
        if computed >= worker.own.sample.next.get() {
            self.look(worker, number);
        }
    }

    /// Whether the members of a group are to be shown to others. The first group of an outermost call opens a window.
    #[inline]
    pub(super) fn shares(&self, worker: &Worker, number: &Number) -> bool {
        match worker.own.sample.stage.get() {
            Stage::Alone => false,
            Stage::Fresh => self.first_group(worker, number),
            Stage::Shared => self.mode() == Mode::Parallel,
        }
    }

    #[cold]
    #[inline(never)]
    fn first_group(&self, worker: &Worker, number: &Number) -> bool {
        if self.mode() == Mode::Parallel {
            self.look(worker, number);
        }
        worker.own.sample.is_shared()
    }

    /// Whether to invite others to the current outermost call now.
    pub(super) fn invites(&self, worker: &Worker) -> bool {
        let sample = &worker.own.sample;
        let invites = sample.invited.get()
            || match self.cost.load(Ordering::Relaxed) {
                0 => self.tried.load(Ordering::Relaxed) < WINDOW,
                cost if cost >= DEAR => true,
                _ => sample.start.get().is_some_and(|start| start.elapsed() >= PATIENCE),
            };
        sample.invited.set(invites);
        invites
    }

    /// An outermost call ends.
    #[inline]
    pub(super) fn end(&self, worker: &Worker, number: &Number) {
        let sample = &worker.own.sample;
        if sample.whole.get().is_some() {
            self.judge(worker, number);
        } else if sample.is_open() && self.cost.load(Ordering::Relaxed) == 0 {
            self.remember(worker);
        }
    }

    /// Opens the first window of an outermost call, or closes one and opens the next.
    #[cold]
    fn look(&self, worker: &Worker, number: &Number) {
        let (sample, computed, now) = (&worker.own.sample, worker.computed(), Instant::now());
        let Some(start) = sample.start.get() else {
            let alone = self.mode() == Mode::Sequential || self.rather_not();
            return sample.open(now, computed, alone, if alone { SETTLED } else { WINDOW });
        };
        let calls = (computed - sample.base.get()).max(1);
        let each = nanos(now - start) / calls;
        if sample.stage.get() == Stage::Alone {
            self.measure(each);
            let rather = self.mode() == Mode::Sequential || sample.whole.get().is_none() && self.is_unpaid();
            let shared = sample.stretch.replace(0).max(WINDOW);
            return sample.open(now, computed, rather, if rather { calls * 2 } else { shared });
        }
        if sample.whole.get().is_none() {
            sample.whole.set(Some((now, number.totals().1)));
        }
        let (cost, takers) = (self.cost.load(Ordering::Relaxed), u128::from(takers(worker)));
        let measured = self.measured.load(Ordering::Relaxed);
        if !measured && each >= DEAR && pays(nanos(now - start).into(), sample.lost.get().into(), takers) {
            // The first window of all pays for what is done once, such as starting the pool.
            if calls > WINDOW {
                self.cost.store(each, Ordering::Relaxed);
            }
            sample.open(now, computed, false, calls * 2);
        } else if !measured {
            sample.open(now, computed, true, 2 * SETTLED);
        } else if u128::from(each) * GAIN < u128::from(cost) * takers * 100 {
            // A cost that was measured too high would make sharing look good for ever.
            let check = cost < DEAR && calls >= CHECKED;
            sample.stretch.set(if check { calls * 2 } else { 0 });
            sample.open(now, computed, check, if check { 2 * SETTLED } else { calls * 2 });
        } else {
            sample.open(now, computed, true, (calls * ALONE).max(SETTLED));
        }
    }

    /// Whether sharing did not pay lately.
    fn is_unpaid(&self) -> bool {
        self.unpaid.load(Ordering::Relaxed) > 0
    }

    /// Whether this outermost call is one of those that are made alone because sharing has not paid.
    fn rather_not(&self) -> bool {
        let unpaid = self.unpaid.load(Ordering::Relaxed).min(RARELY);
        unpaid > 0 && !self.skipped.fetch_add(1, Ordering::Relaxed).is_multiple_of(1 << unpaid)
    }

    /// Finds out whether sharing out an outermost call has paid.
    #[cold]
    fn judge(&self, worker: &Worker, number: &Number) {
        let cost = self.cost.load(Ordering::Relaxed);
        let Some((since, before)) = worker.own.sample.whole.get() else { return };
        let calls = number.totals().1.saturating_sub(before);
        if !self.measured.load(Ordering::Relaxed) || calls < SETTLED {
            return;
        }
        if u128::from(calls) * u128::from(cost) >= since.elapsed().as_nanos() {
            self.unpaid.store(0, Ordering::Relaxed);
        } else {
            self.unpaid.fetch_add(1, Ordering::Relaxed);
            self.skipped.store(1, Ordering::Relaxed);
        }
    }

    /// Adds up outermost calls that are too short for a window.
    #[cold]
    fn remember(&self, worker: &Worker) {
        let sample = &worker.own.sample;
        let (Some(start), calls) = (sample.start.get(), worker.computed() - sample.base.get()) else { return };
        let spent = nanos(start.elapsed());
        let tried = self.tried.fetch_add(calls, Ordering::Relaxed) + calls;
        let spent = self.spent.fetch_add(spent, Ordering::Relaxed).saturating_add(spent);
        if tried >= WINDOW {
            self.measure(spent / tried.max(1));
        }
    }

    /// What a call costs that is made alone.
    ///
    /// A lower figure is believed at once, a higher one slowly: what is done once (first touches of stack and table) and
    /// what others do on the machine only ever add.
    fn measure(&self, each: u64) {
        let (each, known) = (each.max(1), self.cost.load(Ordering::Relaxed));
        let cost =
            if !self.measured.load(Ordering::Relaxed) || each < known { each } else { known + (each - known) / 8 };
        self.cost.store(cost, Ordering::Relaxed);
        self.measured.store(true, Ordering::Relaxed);
        self.sequential.store(cost < WORTH_SHARING, Ordering::Relaxed);
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// How many threads take part in the outermost call that this worker works for.
fn takers(worker: &Worker) -> u32 {
    let home = worker.own.home.get().unwrap_or(worker);
    home.helpers.load(Ordering::Relaxed) + 1
}

/// Whether so many threads, each losing that much of its time, do more together than one alone.
fn pays(spent: u128, lost: u128, takers: u128) -> bool {
    takers < 2 || spent.saturating_sub(lost) * takers * 100 >= spent * GAIN
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
