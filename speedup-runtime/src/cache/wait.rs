//! Waiting for a value that another thread computes, without ever waiting in a circle.
//!
//! A waiting thread runs nothing that the awaited call does not itself wait for, so its stack stays a chain of calls
//! that need each other. It looks at the slot for a moment, then tries to help, then enters itself in the graph of who
//! waits for whom and sleeps. Who closes a circle finds it in the graph, since the graph is changed under one lock.
//!
//! Publishing a value is one store, not a locked instruction, so a publisher may overlook a thread that is just
//! beginning to wait. That is why nobody sleeps for long: a sleeper looks at its slot at least every [`LONGEST_SLEEP`].

use std::{
    any::Any,
    collections::HashMap,
    panic::resume_unwind,
    sync::Mutex,
    time::{Duration, Instant},
};

use once_cell::sync::Lazy;

use super::{
    chain,
    engine::Engine,
    help::{self, Found},
    isolate,
    key::Output,
    stall::Stall,
    worker::{self, Worker},
};
use crate::{
    panics::Payload,
    sync::{AtomicU32, Ordering, lock, spin_loop},
};

/// Looks at the slot before anything else is tried.
const SPINS: u32 = 40;
/// Rounds of helping and yielding before the first sleep.
const YIELDS: u32 = 20;
const SHORTEST_SLEEP: Duration = Duration::from_micros(50);
const LONGEST_SLEEP: Duration = Duration::from_millis(2);

/// A slot that another worker has claimed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Busy {
    /// The number of the worker.
    pub(super) owner: u32,
    /// The address of the state word.
    pub(super) slot: usize,
    /// The number of the table that the slot is part of.
    pub(super) table: u64,
}

/// How waiting ended.
pub(super) enum Waited {
    /// The slot has changed: ask again.
    Again,
    /// The call ended without a value that is kept.
    Outcome(Outcome),
    /// Waiting would never end: compute the value here as well.
    Recompute,
    /// As `Recompute`, on a thread of its own.
    Isolate,
}

/// What a call that leaves no value behind gives to those who waited for it.
pub(super) enum Outcome {
    /// A result that is not kept.
    Value(Box<dyn Any + Send>),
    /// A panic.
    Panic(Payload),
}

impl Outcome {
    /// A result that is not kept.
    pub(super) fn value<R: Output>(value: R) -> Self {
        Self::Value(Box::new(value))
    }

    /// A panic.
    pub(super) fn panic(payload: Payload) -> Self {
        Self::Panic(payload)
    }

    /// The value; `None` for one of another type, which does not happen.
    ///
    /// # Panics
    /// With the payload of a panic.
    pub(super) fn into_value<R: Output>(self) -> Option<R> {
        match self {
            Self::Value(value) => (value as Box<dyn Any>).downcast::<R>().ok().map(|value| *value),
            Self::Panic(payload) => resume_unwind(payload),
        }
    }
}

/// Who waits for whom. Every thread in it is inside [`wait`] or [`for_worker`].
static GRAPH: Lazy<Mutex<HashMap<u32, Edge>>> = Lazy::new(Mutex::default);

/// What one thread waits for.
enum Edge {
    Slot {
        busy: Busy,
        /// The cache of the slot, kept alive by the waiting thread.
        engine: *const dyn Engine,
        outcome: Option<Outcome>,
    },
    /// The end of what a worker computes in isolation.
    Worker(u32),
}

// SAFETY: the engine is `Sync` and outlives the edge, which the waiting thread removes before it goes on.
unsafe impl Send for Edge {}

/// Waits until the slot changes, or says why that would take for ever.
///
/// # Panics
/// When the call needs itself, with a message that names the chain.
pub(super) fn wait(engine: &dyn Engine, busy: Busy, worker: &'static Worker) -> Waited {
    if let Some(own) = isolate::own(&busy, worker) {
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
    let (mut idle, mut helping) = (0, true);
    loop {
        if !engine.is_busy(&busy, worker) {
            return Waited::Again;
        }
        let searched = Instant::now();
        match if helping { help::toward(&busy, worker) } else { Found::Nothing } {
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
        let Some(entered) = Entered::new(engine, busy, worker) else { return isolate::resolve(&busy, worker) };
        if engine.is_busy(&busy, worker) {
            worker.park(sleep);
        }
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
pub(super) fn for_worker<T>(worker: &'static Worker, other: u32, body: impl FnOnce() -> T) -> T {
    lock(&GRAPH).insert(worker.number, Edge::Worker(other));
    let result = body();
    lock(&GRAPH).remove(&worker.number);
    result
}

/// Wakes who waits for the slot at this address, which a slot of a later table may have too.
#[cold]
pub(super) fn wake(slot: usize, table: u64) {
    for (number, edge) in lock(&GRAPH).iter() {
        if matches!(edge, Edge::Slot { busy, .. } if (busy.slot, busy.table) == (slot, table))
            && let Some(worker) = worker::by_number(*number)
        {
            worker.unpark();
        }
    }
}

/// Gives an outcome to everybody who waits for the slot at this address.
#[cold]
pub(super) fn deliver(slot: usize, table: u64, make: impl Fn() -> Option<Outcome>) {
    // Made before the lock is taken: cloning runs users' code.
    let here = (slot, table);
    let waiting =
        |edge: &Edge| matches!(edge, Edge::Slot { busy, outcome: None, .. } if (busy.slot, busy.table) == here);
    let count = lock(&GRAPH).values().filter(|edge| waiting(edge)).count();
    let mut outcomes: Vec<_> = (0..count).map_while(|_| make()).collect();
    for (number, edge) in lock(&GRAPH).iter_mut() {
        if waiting(edge)
            && let Edge::Slot { outcome, .. } = edge
        {
            *outcome = outcomes.pop();
            if let Some(worker) = worker::by_number(*number) {
                worker.unpark();
            }
        }
    }
}

/// The worker at the end of the waits that begin with this one: it is running, or it is the asking worker itself.
pub(super) fn running(mut number: u32, asking: &'static Worker) -> u32 {
    let graph = lock(&GRAPH);
    // No more steps than there are waits: a circle that does not pass through the asking worker is somebody else's.
    for _ in 0..=graph.len() {
        if number == asking.number {
            break;
        }
        match graph.get(&number) {
            Some(edge) => match edge.target(asking) {
                Some(next) => number = next,
                None => break,
            },
            None => break,
        }
    }
    number
}

impl Edge {
    /// The worker that is waited for, unless the wait is over and the thread has only not noticed yet.
    fn target(&self, asking: &'static Worker) -> Option<u32> {
        match self {
            Self::Worker(number) => Some(*number),
            Self::Slot { busy, engine, outcome } => {
                // SAFETY: the waiting thread cannot leave `wait` while the graph is locked.
                (outcome.is_none() && unsafe { &**engine }.is_busy(busy, asking)).then_some(busy.owner)
            }
        }
    }
}

/// A thread's entry in the graph, taken out when dropped.
struct Entered(&'static Worker);

impl Entered {
    /// Enters the wait, or returns `None` if that would close a circle.
    fn new(engine: &dyn Engine, busy: Busy, worker: &'static Worker) -> Option<Self> {
        // SAFETY: only the lifetime is dropped; the edge is removed before this thread goes on.
        let engine = unsafe { std::mem::transmute::<*const (dyn Engine + '_), *const (dyn Engine + 'static)>(engine) };
        let mut graph = lock(&GRAPH);
        graph.insert(worker.number, Edge::Slot { busy, engine, outcome: None });
        let (mut at, mut steps) = (busy.owner, graph.len());
        // The owner may have published since the slot was last looked at, gone on to something else and be waiting for this
        // very thread by now: that is no circle.
        if graph.get(&worker.number).and_then(|edge| edge.target(worker)).is_none() {
            return Some(Self(worker));
        }
        while let Some(next) = graph.get(&at).and_then(|edge| edge.target(worker)) {
            if at == worker.number || steps == 0 {
                break;
            }
            (at, steps) = (next, steps - 1);
        }
        if at == worker.number {
            graph.remove(&worker.number);
            return None;
        }
        Some(Self(worker))
    }

    /// Leaves the graph with what was delivered meanwhile.
    fn leave(self) -> Option<Outcome> {
        let edge = lock(&GRAPH).remove(&self.0.number);
        std::mem::forget(self);
        match edge {
            Some(Edge::Slot { outcome, .. }) => outcome,
            _ => None,
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        lock(&GRAPH).remove(&self.0.number);
    }
}

/// Adds up the time that a thread loses by waiting, for `grain` to see whether sharing pays.
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
pub(super) fn cycle(worker: &Worker, slot: usize) -> ! {
    std::panic::panic_any(chain::cycle(worker, slot))
}
