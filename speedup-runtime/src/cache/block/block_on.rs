//! Waiting for a value that another thread computes, without ever waiting in a circle.
//!
//! A waiting thread runs nothing that the awaited call does not itself wait for, so its stack stays a chain of calls that
//! need each other, unless a body uses rayon (see `isolation`). It looks at the slot for a moment, then tries to help
//! (leapfrogging), then enters itself in the graph of who waits for whom and sleeps. Who closes a circle finds it in the
//! graph, since the graph is changed under one lock.
//!
//! No wake is lost (see `waiters`). A sleeper wakes now and then all the same: the awaited call may have come to a group that
//! can be helped with, or to a wait inside rayon, which nobody tells.

use std::time::Duration;

use crate::cache::{
    block::{
        deputies,
        isolation::{self, Way},
        joins::Looks,
        outcome::Outcome,
        progress::Stall,
        waits,
    },
    sharing::{
        idle::Wanting,
        leapfrog::{self, Found},
    },
    thread::{
        call_stack,
        claim::Busy,
        engine::Engine,
        registry::{self, Worker},
    },
};
use crate::sync::timed::{Instant, spin_loop, yield_now};

/// Looks at the slot before anything else is tried.
const SPINS: u32 = 40;
/// A thread helps and gives way for so long before it first sleeps, about twice what it takes to wake one: who waits about as
/// long as waking costs before it sleeps loses little more than who knew would.
const AWAKE: Duration = Duration::from_micros(100);
/// Who has waited for so long says that it wants work.
const PATIENT: Duration = Duration::from_micros(10);
const SHORTEST_SLEEP: Duration = Duration::from_micros(50);
const LONGEST_SLEEP: Duration = Duration::from_millis(2);

/// How waiting ended.
pub(in crate::cache) enum Waited {
    /// The slot has changed: ask again.
    Again,
    /// The call ended without a value that is kept, or its deputy did.
    Outcome(Outcome),
    /// Waiting might never end: see [`isolation::compute`].
    Deputy,
}

/// Waits until the slot, of the key with this mark, changes, or says that it cannot be waited for. `is_still` looks the key up: whether its slot is the
/// one that was seen, and still claimed.
///
/// # Panics
/// When the call needs itself, with a message that names the chain.
pub(in crate::cache) fn wait(
    engine: &dyn Engine,
    (busy, mark): (Busy, u16),
    worker: &'static Worker,
    is_still: &dyn Fn() -> bool,
) -> Waited {
    if let Way::Deputy = isolation::way(&busy, mark, worker) {
        return Waited::Deputy;
    }
    let waiting = engine.waiters().begin();
    let mut lost = Lost::begin(worker);
    for _ in 0..SPINS {
        if !engine.is_busy(&busy) {
            return Waited::Again;
        }
        spin_loop();
    }
    let (mut sleep, mut stall, mut joins) = (SHORTEST_SLEEP, Stall::default(), Looks::new());
    let wanting = Wanting::of(worker);
    let (mut idle_since, mut helping, mut settled) = (Instant::now(), true, false);
    loop {
        if !engine.is_busy(&busy) {
            return Waited::Again;
        }
        let searched = Instant::now();
        match if helping { call_stack::aside(worker, || leapfrog::toward(&busy, mark, worker)) } else { Found::Nothing }
        {
            Found::Computed => {
                lost.pause(searched);
                (sleep, idle_since) = (SHORTEST_SLEEP, Instant::now());
                continue;
            }
            Found::Panicked => helping = false,
            Found::Nothing => {}
        }
        let idle = idle_since.elapsed();
        if idle >= PATIENT {
            wanting.begin();
        }
        if idle < AWAKE {
            yield_now();
            continue;
        }
        if !std::mem::replace(&mut settled, true) {
            waiting.settle(registry::pass_barrier);
        }
        // SAFETY: dropped before this returns.
        let entered = unsafe { waits::enter(worker, busy, engine) };
        // In the graph, so that who ends the claim, or its deputy, tells this thread from here on. By the key, since the owner
        // may have claimed the same memory for another one meanwhile.
        if !is_still() {
            return Waited::Again;
        }
        if !entered.count() {
            return Waited::Deputy;
        }
        if let Some(outcome) = deputies::of(&busy).and_then(|deputy| deputy.outcome()).flatten() {
            return Waited::Outcome(outcome);
        }
        worker.park(sleep);
        if let Some(outcome) = entered.leave() {
            return Waited::Outcome(outcome);
        }
        sleep = (sleep * 2).min(LONGEST_SLEEP);
        joins.look(busy.owner, busy.name(), worker, &|| engine.is_busy(&busy) && is_still());
        if engine.is_busy(&busy) && stall.look(busy.owner, worker) {
            return Waited::Deputy;
        }
    }
}

/// Adds up the time that a thread loses by waiting, for `granularity` to see whether sharing pays.
pub(in crate::cache) struct Lost {
    worker: &'static Worker,
    since: Instant,
}

impl Lost {
    pub(in crate::cache) fn begin(worker: &'static Worker) -> Self {
        Self { worker, since: Instant::now() }
    }

    /// Work was found at this moment and has been done.
    pub(in crate::cache) fn pause(&mut self, until: Instant) {
        self.worker.own.sample.lose(until - self.since);
        self.since = Instant::now();
    }
}

impl Drop for Lost {
    fn drop(&mut self) {
        self.worker.own.sample.lose(self.since.elapsed());
    }
}
