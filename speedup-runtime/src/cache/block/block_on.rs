//! Waiting for a value that another thread computes, without ever waiting in a circle.
//!
//! A waiting thread runs nothing that the awaited call does not itself wait for, so its stack stays a chain of calls
//! that need each other, unless a body uses rayon (see `isolation`). It looks at the slot for a moment, then tries to
//! help, then enters itself in the graph of who waits for whom and sleeps. Who closes a circle finds it in the graph,
//! since the graph is changed under one lock.
//!
//! Publishing a value is one store, not a locked instruction, so a publisher may overlook a thread that is just
//! beginning to wait. That is why nobody sleeps for long: a sleeper looks at its slot at least every [`LONGEST_SLEEP`].

use std::time::{Duration, Instant};

use once_cell::sync::Lazy;

pub(in crate::cache) use crate::cache::{block::wait_for_graph::Busy, call::outcome::Outcome};
use crate::cache::{
    block::{
        isolation, poison,
        progress::Stall,
        wait_for_graph::{Entering, Graph, Look},
    },
    call::{call_stack, erased::Engine},
    fork::leapfrog::{self, Found},
    thread::registry::{self, Worker},
};
use crate::{
    panics::Payload,
    sync::{AtomicU32, Ordering, spin_loop},
};

/// Looks at the slot before anything else is tried.
const SPINS: u32 = 40;
/// Rounds of helping and yielding before the first sleep.
const YIELDS: u32 = 20;
const SHORTEST_SLEEP: Duration = Duration::from_micros(50);
const LONGEST_SLEEP: Duration = Duration::from_millis(2);

/// How waiting ended.
pub(in crate::cache) enum Waited {
    /// The slot has changed: ask again.
    Again,
    /// The call ended without a value that is kept.
    Outcome(Outcome),
    /// Waiting would never end: compute the value here as well.
    Recompute,
    /// As `Recompute`, on a thread of its own.
    Isolate,
}

/// Who waits for whom in this process. Every thread in it is inside [`wait`] or [`for_worker`].
static GRAPH: Lazy<Graph<Awaited, Outcome>> = Lazy::new(Graph::new);

/// The cache of an awaited slot.
struct Awaited(*const dyn Engine);

// SAFETY: the engine is `Sync` and outlives the edge, which the waiting thread removes before it goes on.
unsafe impl Send for Awaited {}

impl Look for Awaited {
    fn is_claimed(&self, busy: &Busy) -> bool {
        // SAFETY: the waiting thread cannot leave `wait` while the graph is locked.
        unsafe { &*self.0 }.is_busy(busy, registry::current())
    }
}

/// Waits until the slot changes, or says why that would take for ever. `is_still` looks the key up: whether its slot is
/// the one that was seen, and still claimed.
///
/// # Panics
/// When the call needs itself, with a message that names the chain.
pub(in crate::cache) fn wait(
    engine: &dyn Engine,
    busy: Busy,
    worker: &'static Worker,
    is_still: impl Fn() -> bool,
) -> Waited {
    if let Some(own) = isolation::own(&busy, worker) {
        return own;
    }
    let _waiting = Waiting::new(engine.waiters());
    let mut lost = Lost { worker, since: Instant::now() };
    for _ in 0..SPINS {
        if !engine.is_busy(&busy, worker) {
            return Waited::Again;
        }
        spin_loop();
    }
    let (mut sleep, mut stall) = (SHORTEST_SLEEP, Stall::default());
    // What another thread is in the middle of may be more than the awaited call needs, if its body gave way inside rayon:
    // nothing for a thread on which each call is needed by the one before.
    let (mut idle, mut helping) = (0, !isolation::is_isolated(worker));
    loop {
        if !engine.is_busy(&busy, worker) {
            return Waited::Again;
        }
        let searched = Instant::now();
        match if helping { call_stack::aside(worker, || leapfrog::toward(&busy, worker)) } else { Found::Nothing } {
            Found::Computed => {
                lost.pause(searched);
                (sleep, idle) = (SHORTEST_SLEEP, 0);
                continue;
            }
            Found::Panicked => helping = false,
            Found::Nothing => {}
        }
        idle += 1;
        if idle < YIELDS {
            std::thread::yield_now();
            continue;
        }
        // SAFETY: only the lifetime is dropped; the edge is removed before this thread goes on.
        let awaited = unsafe { std::mem::transmute::<*const (dyn Engine + '_), *const (dyn Engine + 'static)>(engine) };
        let Entering::Waits(entered) = GRAPH.enter(worker.number, busy, Awaited(awaited)) else {
            return isolation::resolve(&busy, worker);
        };
        // By the key, since the owner may have claimed the same memory for another one meanwhile. If it has not, this
        // thread will be told when the claim ends.
        if !is_still() {
            return Waited::Again;
        }
        worker.park(sleep);
        if let Some(outcome) = entered.leave() {
            return Waited::Outcome(outcome);
        }
        sleep = (sleep * 2).min(LONGEST_SLEEP);
        if engine.is_busy(&busy, worker) && stall.look(&busy, worker) {
            return Waited::Recompute;
        }
    }
}

/// Enters that a worker waits until another one, which computes for it in isolation, is done.
pub(in crate::cache) fn for_worker<T>(worker: &'static Worker, other: u32, body: impl FnOnce() -> T) -> T {
    let _entered = GRAPH.enter_for(worker.number, other);
    body()
}

/// Wakes who waits for this thread's claim of the slot at this address, which has ended.
#[cold]
pub(in crate::cache) fn wake(slot: usize, table: u64) {
    GRAPH.over(&Busy { owner: registry::current().number, slot, table }, unpark);
}

/// Gives an outcome to everybody who waits for this thread's claim of the slot at this address.
#[cold]
pub(in crate::cache) fn deliver(slot: usize, table: u64, make: impl Fn() -> Option<Outcome>) {
    GRAPH.deliver(&Busy { owner: registry::current().number, slot, table }, make, unpark);
}

/// If a call has ended with the panic of a cycle, gives that to everybody who waits for this claim, which is another
/// thread's; tells whether it has.
#[cold]
pub(in crate::cache) fn doomed(engine: &dyn Engine, busy: &Busy, payload: &Payload, worker: &'static Worker) -> bool {
    let Some(text) = call_stack::as_cycle(payload) else { return false };
    poison::involve(engine, busy, worker);
    GRAPH.deliver(busy, || Some(Outcome::panic(Box::new(text.to_string()))), unpark);
    true
}

fn unpark(number: u32) {
    if let Some(worker) = registry::by_number(number) {
        worker.unpark();
    }
}

/// The worker at the end of the waits that begin with this one: it is running, or it is the asking worker itself.
pub(in crate::cache) fn running(number: u32, asking: &'static Worker) -> u32 {
    GRAPH.end(number, asking.number)
}

/// How many threads of the pool with this number wait for calls.
pub(in crate::cache) fn waiting_in(pool: usize) -> usize {
    GRAPH.waiting(|number| registry::by_number(number).is_some_and(|worker| worker.site.pool() == pool))
}

/// Adds up the time that a thread loses by waiting, for `granularity` to see whether sharing pays.
struct Lost {
    worker: &'static Worker,
    since: Instant,
}

impl Lost {
    /// Work was found at this moment and has been done.
    fn pause(&mut self, until: Instant) {
        self.worker.own.sample.lose(until - self.since);
        self.since = Instant::now();
    }
}

impl Drop for Lost {
    fn drop(&mut self) {
        self.worker.own.sample.lose(self.since.elapsed());
    }
}

/// Counts a thread as waiting for slots of a cache.
struct Waiting<'a>(&'a AtomicU32);

impl<'a> Waiting<'a> {
    fn new(waiters: &'a AtomicU32) -> Self {
        // SeqCst: with the load in `Flight::withdraw`, which must not overlook who has entered.
        waiters.fetch_add(1, Ordering::SeqCst);
        Self(waiters)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The panic of a call that needs itself.
pub(in crate::cache) fn cycle(worker: &Worker, slot: usize) -> ! {
    std::panic::panic_any(call_stack::cycle(worker, slot))
}
