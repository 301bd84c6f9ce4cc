//! Whether a function's calls are worth being shared out.
//!
//! Whoever computes calls looks up every [`LOOK_EVERY`] of them or so, so no clock is read per call, and moves the window of
//! the outermost call on that it works for. There are two kinds of window:
//!
//! - In a *shared* window the threads show their groups and help each other. It tells how fast they get on together.
//! - In a window *alone* nobody shows anything. It tells what a call costs one thread.
//!
//! An outermost call begins alone, and asks at its groups, and after each of their members, whether it has become worth the
//! price of sharing: a few microseconds where the threads of the pool are running, and some hundred where they have yet to be
//! started ([`ready`]). A body that took so long before it came to its first group is dear at once; cheap calls ask ever more
//! rarely, so that few of them read the clock. Meanwhile windows alone tell what a call costs.
//! Below [`WORTH_SHARING`](ready::WORTH_SHARING) calls run one after the other from then on. Above,
//! sharing is tried: if all threads together get on faster than one would alone, it goes on; if not (as in a chain, in
//! which each call needs the one before), the threads go on alone for a time that grows with each attempt.

mod advance;
mod cost;
mod ready;
mod rest;
mod verdict;

use std::{hint::cold_path, time::Duration};

pub(in crate::cache) use self::rest::{Told, Trial};
use self::{
    ready::{DEAR, Spent, is_ready, is_ready_for, is_single, seem_cheap},
    verdict::pays,
};
use crate::cache::{
    sharing::start,
    thread::{
        call_stack,
        counters::Number,
        order::Order,
        registry::Worker,
        window::{Kind, Measurer, Open, Sample, Stage, nanos},
    },
};
use crate::seeing::switch;
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, Ordering, lock, timed::Instant};

/// So many calls tell cheap ones from dear ones.
const FIRST: u64 = 16;
/// A thread looks at the window after so many calls, and where they run one after the other, after so many.
pub(in crate::cache) const LOOK_EVERY: u64 = 64;
const LOOK_RARELY: u64 = 256;
/// So many calls alone tell what they cost, or those of so long a time if they are more than a few.
const SETTLED: u64 = 256;
const SETTLED_AFTER: Duration = Duration::from_micros(100);
/// A helper takes so long to come and to find work; what happens until then tells nothing.
const ARRIVAL: Duration = Duration::from_micros(200);
/// A shared window lasts at least this long.
const ATTEMPT: Duration = Duration::from_micros(400);
/// A window alone for want of anything better lasts this long, and a shared window that is followed by a check.
const CHECKED: Duration = Duration::from_millis(2);
/// Calls made alone are shown to nobody, so work is hard to find later: their cost is measured again only until it has
/// been measured so often, and at the beginning of one in so many outermost calls.
const MEASURED: u64 = 3;
/// A cost that cannot be true is measured again more often.
const MEASURED_AT_MOST: u64 = 16;
const CHECK_EVERY: u64 = 16;
/// So many calls since the last question tell what a call takes lately.
const ENOUGH: u64 = 4;
/// The groups of so many calls are noted of an outermost call that is made alone for a while.
const NOTED: u64 = 4;
/// Of so many running calls and more nobody counts how many they are.
const DEEP: usize = 1024;
/// Sharing pays if it makes at least this many percent of what one thread would.
const GAIN: u128 = 105;
/// An attempt that did not pay is followed by so many times as long alone, at first.
const ALONE: u32 = 8;
/// That time doubles with each attempt, but no more often than this.
const RARELY: u32 = 6;

/// What is known of the cost of one cache's calls. Relaxed throughout: hints.
pub(in crate::cache) struct Grain {
    /// Nanoseconds of a call made alone; 0 while unknown.
    cost: AtomicU64,
    /// The last figure measured, and how many there were.
    measured: AtomicU64,
    measures: AtomicU64,
    /// Outermost calls whose time is taken from their beginning, so far.
    timed: AtomicU64,
    /// Outermost calls that came to a group.
    calls: AtomicU64,
    /// Whether calls run one after the other.
    sequential: AtomicBool,
    /// Calls and nanoseconds of outermost calls too short for a window.
    tried: AtomicU64,
    spent: AtomicU64,
    /// Whether shared calls have told their cost since it was last asked.
    told: AtomicBool,
    /// How many attempts to share in a row did not pay.
    unpaid: AtomicU32,
    /// Outermost calls since then.
    skipped: AtomicU64,
}

impl Grain {
    /// Nothing is known.
    pub(in crate::cache) const fn new() -> Self {
        Self {
            cost: AtomicU64::new(0),
            measured: AtomicU64::new(0),
            measures: AtomicU64::new(0),
            timed: AtomicU64::new(0),
            calls: AtomicU64::new(0),
            sequential: AtomicBool::new(false),
            tried: AtomicU64::new(0),
            spent: AtomicU64::new(0),
            told: AtomicBool::new(false),
            unpaid: AtomicU32::new(0),
            skipped: AtomicU64::new(0),
        }
    }

    /// Takes over what another one knows of the same function.
    pub(in crate::cache) fn learn_from(&self, other: &Self) {
        if other.cost() != 0 {
            for (mine, others) in
                [(&self.cost, &other.cost), (&self.measured, &other.measured), (&self.measures, &other.measures)]
            {
                mine.store(others.load(Ordering::Relaxed), Ordering::Relaxed);
            }
            self.unpaid.store(other.unpaid.load(Ordering::Relaxed), Ordering::Relaxed);
            self.sequential.store(other.is_sequential(), Ordering::Relaxed);
        }
    }

    #[inline]
    fn is_sequential(&self) -> bool {
        self.sequential.load(Ordering::Relaxed)
    }

    #[inline]
    fn cost(&self) -> u64 {
        self.cost.load(Ordering::Relaxed)
    }

    /// The first of the calls on the thread's stack begins.
    #[inline]
    pub(in crate::cache) fn begin(&self, worker: &Worker) {
        let sample = &worker.own.sample;
        if sample.goes_on.get() && sample.is_shared() {
            return;
        }
        sample.next.set(worker.computed() + LOOK_EVERY);
        worker.own.attention.demand_at(sample.next.get());
        // An outermost call that comes to no group leaves nothing behind.
        if sample.stage.get() != Stage::Fresh {
            sample.renew();
        }
        // Only the first ones, so that calls that never come to a group read no clock.
        if self.timed.load(Ordering::Relaxed) < FIRST && self.cost() == 0 {
            self.timed.fetch_add(1, Ordering::Relaxed);
            sample.began.set(Some(Instant::now()));
        }
        if let Some(home) = worker.own.home.get() {
            sample.stage.set(if self.is_sequential() { Stage::Alone } else { of_helper(home.window.stage(), worker) });
            worker.own.attention.demand();
        }
    }

    /// Looks at the window if it is time, where a call begins of a function that may never share.
    #[inline]
    pub(in crate::cache) fn look_if_due(&self, worker: &Worker, number: &Number, is_sequential: bool) {
        if worker.computed() >= worker.own.sample.next.get() && !is_sequential {
            self.look(worker, number);
        }
    }

    /// Whether it is certain that no cache's group may be shared now: what can be known without looking for the cache.
    // No table of jumps, as below.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn is_alone(worker: &Worker) -> bool {
        let sample = &worker.own.sample;
        let stage = sample.stage.get();
        stage == Stage::Alone || stage == Stage::Asking && worker.computed() < sample.ask.get()
    }

    /// Where that is not certain, whether it is for this cache's groups: sharing its calls is known not to pay.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn goes_alone(&self, worker: &Worker) -> bool {
        self.is_sequential() && worker.own.sample.stage.get() != Stage::Asking
    }

    /// Whether a group is to be computed in a way in which it may be shared. The first one of an outermost call opens a window.
    // No table of jumps: of cheap calls, which ask all the time, nothing is shared.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn may_share(&self, worker: &Worker, number: &Number) -> bool {
        let stage = worker.own.sample.stage.get();
        // Mostly.
        if stage == Stage::Alone {
            return false;
        }
        cold_path();
        if stage == Stage::Asking {
            return worker.computed() >= worker.own.sample.ask.get();
        }
        !self.is_sequential() && (matches!(stage, Stage::Shared | Stage::InOrder) || self.open(worker, number))
    }

    /// Whether the members of a group, of which so many are left, are to be shown to others from now on.
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    pub(in crate::cache) fn shares(&self, left: usize, worker: &Worker, number: &Number) -> bool {
        match worker.own.sample.stage.get() {
            Stage::Alone | Stage::Fresh | Stage::InOrder => false,
            Stage::Asking => worker.computed() >= worker.own.sample.ask.get() && self.ask(left, worker, number),
            Stage::Shared => !self.is_sequential(),
        }
    }

    /// Whether calls are shared that are known to be so cheap that to show a group costs as much as a part of one.
    #[inline]
    pub(in crate::cache) fn is_fine(&self, worker: &Worker) -> bool {
        worker.own.sample.is_shared() && (1..DEAR).contains(&self.cost())
    }

    /// Whether the worker shows nothing, but keeps to its order.
    pub(in crate::cache) fn is_in_order(worker: &Worker) -> bool {
        worker.own.sample.stage.get() == Stage::InOrder
    }

    /// Whether so many calls that nobody has begun, made from outside of all calls, are to be shared at once: where nothing is
    /// known, who asks for many at once knows better.
    pub(in crate::cache) fn shares_all(&self, missing: usize) -> bool {
        let cost = self.cost();
        switch::shares()
            && (cost == 0
                || !self.is_sequential()
                    && is_ready(&Spent { calls: missing as u64, time: cost * missing as u64, lately: [0; 2] }, cost))
    }

    /// Whether the calls of an outermost one that asks whether it is worth sharing have seemed cheap so far, and were more than a few.
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    pub(in crate::cache) fn seems_cheap(&self, worker: &Worker) -> bool {
        let sample = &worker.own.sample;
        let (_, calls, lately) = sample.asked.get();
        sample.stage.get() == Stage::Asking && seem_cheap(calls, lately)
    }

    /// Whether to share from now on, where so many calls at least are left.
    #[cold]
    #[inline(never)]
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    fn ask(&self, left: usize, worker: &Worker, number: &Number) -> bool {
        let (sample, now) = (&worker.own.sample, Instant::now());
        if sample.checks.get() {
            let is_first = sample.opened.get().is_some_and(|(_, before)| worker.computed() - before < NOTED);
            sample.ask.set(if is_first { worker.computed() } else { u64::MAX });
            return false;
        }
        let Some(mut spent) = spent(sample, now, worker) else { return false };
        let (time, calls, before) = sample.asked.get();
        let (time, calls) = (spent.time.saturating_sub(time), spent.calls.saturating_sub(calls));
        // A call or two tell nothing, unless they are so dear: one may have touched a new page of memory.
        if calls >= ENOUGH || time >= ENOUGH * DEAR {
            spent.lately = [time / calls.max(1), before];
            sample.asked.set((spent.time, spent.calls, spent.lately[0]));
        }
        // What is dear lately is, whatever cheaper ones have told.
        let seeming = spent.seeming();
        let is_dear = seeming > self.cost();
        let is_known_to_pay = || self.cost() != 0 && is_ready_for(left, self.cost());
        if self.is_doubtful() && !is_dear || !is_ready(&spent, self.cost().max(seeming)) && !is_known_to_pay() {
            sample.ask.set(worker.computed() + spent.next_question());
            return false;
        }
        if is_dear {
            self.find_dear(seeming);
        }
        self.begin_sharing(worker, number, now);
        true
    }

    /// A shared window begins.
    fn begin_sharing(&self, worker: &Worker, number: &Number, now: Instant) {
        let sample = &worker.own.sample;
        // Who helped with an outermost call before this one may be looking at it for a moment.
        let mut window = lock(&worker.window.0);
        *window = Open {
            cache: number.index(),
            kind: Kind::shared(measured_by(worker), now, number.totals().1, ATTEMPT),
            is_late: false,
        };
        sample.stage.set(Stage::Shared);
        worker.own.attention.demand();
        sample.next.set(worker.computed() + if self.cost() == 0 { FIRST } else { LOOK_EVERY });
    }

    /// Opens the first window of an outermost call.
    #[cold]
    #[inline(never)]
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    fn open(&self, worker: &Worker, number: &Number) -> bool {
        if !switch::shares() || is_single() {
            // Until the end of the outermost call.
            worker.own.sample.stage.set(Stage::Alone);
            worker.own.sample.next.set(u64::MAX);
            return false;
        }
        let (sample, now, computed) = (&worker.own.sample, Instant::now(), worker.computed());
        sample.opened.set(Some((now, computed)));
        sample.lost_before.set(sample.lost.get());
        sample.asked.set((0, 0, 0));
        let mut window = lock(&worker.window.0);
        let nth = self.calls.fetch_add(1, Ordering::Relaxed);
        let is_due = nth.is_multiple_of(CHECK_EVERY) && !self.told.swap(false, Ordering::Relaxed);
        let check = self.measures.load(Ordering::Relaxed) < MEASURED || is_due;
        let check = check && (1..DEAR).contains(&self.cost());
        let alone = check || self.is_doubtful() || self.rather_not();
        let ready = || spent(sample, now, worker).is_some_and(|spent| is_ready(&spent, self.cost()));
        window.kind = match () {
            () if alone => Kind::alone(measured_by(worker), now, CHECKED, ATTEMPT),
            () if ready() => Kind::shared(measured_by(worker), now, number.totals().1, ATTEMPT),
            () => Kind::alone(measured_by(worker), now, CHECKED, ATTEMPT).asking(),
        };
        window.cache = number.index();
        window.is_late = alone;
        sample.checks.set(alone);
        sample.stage.set(if alone { Stage::Asking } else { window.kind.stage() });
        worker.own.attention.demand();
        sample.ask.set(computed);
        sample.next.set(computed + if self.cost() == 0 { FIRST } else { LOOK_EVERY });
        true
    }

    /// Whether this outermost call is one of those that are made alone because sharing has not paid.
    fn rather_not(&self) -> bool {
        let unpaid = self.unpaid.load(Ordering::Relaxed).min(RARELY);
        // Once is no proof: at the end of an outermost call there may be little left to share.
        unpaid > 1 && !self.skipped.fetch_add(1, Ordering::Relaxed).is_multiple_of(1 << unpaid)
    }

    /// An outermost call ends.
    #[cold]
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    pub(in crate::cache) fn end(&self, worker: &Worker, number: &Number) {
        let kind = std::mem::take(&mut lock(&worker.window.0).kind);
        let Some((opened, before)) = worker.own.sample.opened.get() else { return };
        let (cost, spent) = (self.cost(), opened.elapsed());
        if cost == 0 {
            let (calls, spent) = (worker.computed() - before, nanos(spent));
            let tried = self.tried.fetch_add(calls, Ordering::Relaxed) + calls;
            let spent = self.spent.fetch_add(spent, Ordering::Relaxed).saturating_add(spent);
            if tried >= FIRST {
                self.measure(spent / tried);
            }
        } else if let Kind::Shared { since, computed, .. } = kind {
            let calls = number.totals().1.saturating_sub(computed);
            if !has_invited(worker) || !start::is_started() {
                return;
            }
            if calls < LOOK_EVERY || pays(calls, cost, since.elapsed(), 100) {
                self.unpaid.store(0, Ordering::Relaxed);
            } else if since.elapsed() >= ATTEMPT {
                self.unpaid.fetch_add(1, Ordering::Relaxed);
                self.skipped.store(1, Ordering::Relaxed);
            }
        }
    }
}

/// Whether anybody was invited to the outermost call that the worker works for. Otherwise nothing was shared, as where its only group was computed
/// before sharing began.
fn has_invited(worker: &Worker) -> bool {
    worker.own.home.get().unwrap_or(worker).root.load(Ordering::Relaxed) % 2 == 1
}

/// This worker, which measures from now on.
fn measured_by(worker: &Worker) -> Measurer {
    Measurer {
        worker: worker.number,
        computed: worker.computed(),
        lost: worker.own.sample.lost.get(),
        named: worker.own.sample.named.get(),
        height: call_stack::height(worker),
    }
}

/// How a helper goes on: where nothing is shown, in its order.
fn of_helper(stage: Stage, worker: &Worker) -> Stage {
    if stage == Stage::Alone && worker.own.order.get() != Order::Forward { Stage::InOrder } else { stage }
}

/// What the outermost call has taken so far, if it has come to a group.
fn spent(sample: &Sample, now: Instant, worker: &Worker) -> Option<Spent> {
    let (opened, before) = sample.opened.get()?;
    let since = sample.began.get().unwrap_or(opened);
    Some(Spent { calls: worker.computed() - before + 1, time: nanos(now - since), lately: [0; 2] })
}

#[cfg(all(test, not(loom)))]
mod tests;
