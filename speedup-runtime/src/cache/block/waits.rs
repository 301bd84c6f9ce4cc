//! Who waits for whom in this process, and the waking of those who do. Nothing here is generic, so that no crate of users compiles the graph again.

use once_cell::sync::Lazy;

use crate::cache::{
    block::{
        deputies,
        outcome::Outcome,
        wait_for_graph::{Entered, Entering, Graph, Look, Waiter},
    },
    thread::{
        claim::Busy,
        engine::Engine,
        registry::{self, Worker},
        waiters::Waiters,
    },
};

/// Every thread in it is inside [`block_on`](super::block_on) or waits for a deputy.
static GRAPH: Lazy<Graph<Awaited, Outcome>> = Lazy::new(Graph::new);

/// A thread that is in the graph.
pub(in crate::cache) type InGraph = Entered<'static, Awaited, Outcome>;

/// The cache of an awaited slot.
pub(in crate::cache) struct Awaited(*const dyn Engine);

// SAFETY: the engine is `Sync` and outlives the edge, which the waiting thread removes before it goes on.
unsafe impl Send for Awaited {}

impl Look for Awaited {
    fn is_claimed(&self, busy: &Busy) -> bool {
        // SAFETY: the waiting thread cannot go on while the graph is locked.
        unsafe { &*self.0 }.is_busy(busy)
    }
}

/// Enters that the worker waits until a claim ends. What is returned has yet to [count](Entered::count).
///
/// # Safety
/// What is returned is dropped before the engine is, and not forgotten.
pub(in crate::cache) unsafe fn enter(worker: &Worker, busy: Busy, engine: &dyn Engine) -> InGraph {
    // SAFETY: only the lifetime is dropped, and the edge is removed first, by the contract.
    let awaited = unsafe { std::mem::transmute::<*const (dyn Engine + '_), *const (dyn Engine + 'static)>(engine) };
    GRAPH.enter(waiter(worker), busy, Awaited(awaited))
}

/// Enters that the worker waits for another one. If that closes a circle, it is for the others to leave it.
pub(in crate::cache) fn enter_for(worker: &Worker, other: u32) -> InGraph {
    GRAPH.enter_for(waiter(worker), other)
}

/// Enters that the worker waits until nobody [visits](Worker::visits) this any more; one of those who did.
pub(in crate::cache) fn enter_for_visitors(worker: &Worker, what: usize, one: u32) -> InGraph {
    GRAPH.enter_for_visitors(waiter(worker), what, one)
}

/// The calling thread, which is about to wait.
fn waiter(worker: &Worker) -> Waiter {
    Waiter { number: worker.number, visits: worker.own.visits.borrow().clone() }
}

/// Enters that the worker waits for a deputy; `None` if it would so wait for itself.
pub(in crate::cache) fn enter_for_deputy(worker: &Worker, other: u32) -> Option<InGraph> {
    match GRAPH.enter_for_unless_circle(waiter(worker), other) {
        Entering::Waits(entered) => Some(entered),
        Entering::Circle => None,
    }
}

/// Wakes who waits for this thread's claim of the slot at this address, or for its deputy: it has ended.
#[cold]
pub(in crate::cache) fn ended(slot: usize, table: u64, waiters: &Waiters) {
    if let Some(deputy) = deputies::end(slot, table, waiters) {
        wake_for(deputy.worker);
    }
    GRAPH.over(&Busy { owner: registry::current().number, slot, table }, unpark);
}

/// Gives an outcome to everybody who waits for this thread's claim of the slot at this address.
#[cold]
pub(in crate::cache) fn deliver(slot: usize, table: u64, make: &dyn Fn() -> Option<Outcome>) {
    deliver_to(&Busy { owner: registry::current().number, slot, table }, make);
}

/// Gives an outcome to everybody who waits for a claim.
#[cold]
pub(in crate::cache) fn deliver_to(busy: &Busy, make: &dyn Fn() -> Option<Outcome>) {
    GRAPH.deliver(busy, make, unpark);
}

/// Wakes who waits for this worker.
pub(in crate::cache) fn wake_for(worker: u32) {
    GRAPH.over_worker(worker, unpark);
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

/// The worker for which this one waits, if it does.
pub(in crate::cache) fn next(number: u32) -> Option<u32> {
    GRAPH.next(number)
}

/// How many threads of the pool with this number wait for calls.
pub(in crate::cache) fn waiting_in(pool: usize) -> usize {
    GRAPH.waiting(|number| registry::by_number(number).is_some_and(|worker| worker.site.pool() == pool))
}
