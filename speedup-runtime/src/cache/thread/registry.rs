//! What the engine knows of a thread: a record that outlives it and is used again.
//!
//! Every thread that calls a cached function has a [`Worker`]. Its number names it in the slots that it claims.

use std::{cell::Cell, ptr::null, sync::Mutex};

pub(in crate::cache) use crate::cache::thread::{pins::Pinned, worker::Worker};
use crate::cache::{
    memory::{
        garbage::{self, DOMAIN},
        membarrier, registration,
    },
    thread::{segment::Segment, worker::SWIFT},
};
use crate::{
    first,
    sync::{Ordering, atomic::fence, lock, of_thread},
};

/// All workers ever made, by number, and those whose threads have ended.
static REGISTRY: Mutex<Registry> = Mutex::new(Registry { all: Vec::new(), unused: Vec::new() });

struct Registry {
    all: Vec<&'static Worker>,
    unused: Vec<&'static Worker>,
}

thread_local! {
    /// Null until the thread's first call, and again when the thread ends.
    static CURRENT: Cell<*const Worker> = const { Cell::new(null()) };
    static LEASE: Lease = const { Lease(Cell::new(None)) };
}

/// Gives a worker back when its thread ends.
struct Lease(Cell<Option<&'static Worker>>);

impl Drop for Lease {
    fn drop(&mut self) {
        CURRENT.set(null());
        SWIFT.set(null());
        garbage::carry(None);
        if let Some(worker) = self.0.get() {
            let mut registry = lock(&REGISTRY);
            // It pins no more, so nobody need wait for its saying so.
            worker.reader.set_fenced(true);
            worker.site.leave();
            registry.unused.push(worker);
        }
    }
}

/// The worker of this thread, if it has one that pins without a barrier.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(in crate::cache) fn swift() -> Option<&'static Worker> {
    let worker = of_thread(&SWIFT);
    // SAFETY: workers are never freed.
    unsafe { worker.as_ref() }
}

/// The worker of this thread.
#[inline]
pub(in crate::cache) fn current() -> &'static Worker {
    let worker = of_thread(&CURRENT);
    if worker.is_null() {
        return enrol();
    }
    // SAFETY: workers are never freed.
    unsafe { &*worker }
}

#[cold]
#[inline(never)]
#[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
fn enrol() -> &'static Worker {
    let mut registry = lock(&REGISTRY);
    let fenced = !registration::is_done();
    let worker = registry.unused.pop().unwrap_or_else(|| {
        let number = registry.all.len() as u32;
        // Made where it lies: a stack would be touched for it, too.
        let worker: &'static Worker = Box::leak(Box::write(Box::new_uninit(), Worker::new(number)));
        first::push(&mut registry.all, worker);
        DOMAIN.adopt(&worker.bag);
        worker
    });
    worker.reader.set_fenced(fenced);
    drop(registry);
    // What the worker knows of a stack is about that of the thread that had it before.
    worker.own.stack.set(Segment::default());
    worker.site.enter(worker.number);
    CURRENT.set(worker);
    garbage::carry(Some(&worker.bag));
    if !fenced {
        SWIFT.set(worker);
    }
    // A thread whose locals are being destroyed keeps its worker for good: a handful of bytes in a rare case.
    let _ = LEASE.try_with(|lease| lease.0.set(Some(worker)));
    worker
}

/// The worker with this number.
pub(in crate::cache) fn by_number(number: u32) -> Option<&'static Worker> {
    lock(&REGISTRY).all.get(number as usize).copied()
}

/// The workers that are such.
pub(in crate::cache) fn which(such: impl Fn(&Worker) -> bool) -> Vec<u32> {
    lock(&REGISTRY).all.iter().filter(|worker| such(worker)).map(|worker| worker.number).collect()
}

/// The workers that help with an outermost call of this one, by number. A hint.
pub(in crate::cache) fn helpers_of(home: &Worker) -> Vec<&'static Worker> {
    let helps = |worker: &&Worker| worker.helps.load(Ordering::Relaxed) == home.number + 1;
    lock(&REGISTRY).all.iter().copied().filter(helps).collect()
}

/// Has all threads look at each call that they begin, as long as what the caller has just said is so. See
/// [`Attention`](crate::cache::thread::attention::Attention).
pub(crate) fn demand_attention() {
    fence(Ordering::SeqCst);
    lock(&REGISTRY).all.iter().for_each(|worker| worker.own.attention.demand());
}

/// How many workers are such.
pub(in crate::cache) fn count(such: impl Fn(&Worker) -> bool) -> usize {
    lock(&REGISTRY).all.iter().filter(|worker| such(worker)).count()
}

/// Frees what nobody can be looking at. Runs users' destructors: the caller holds no lock.
#[cold]
pub(in crate::cache) fn collect() {
    if registration::is_refused() {
        fence_from_now_on();
    }
    let oldest = || lock(&REGISTRY).all.iter().filter_map(|worker| worker.reader.pinned()).min();
    DOMAIN.collect(pass_barrier, oldest);
}

/// Makes a barrier, of which all other threads that call cached functions have made or now pass the counterpart; whether that
/// worked. If it does not, everybody is to make his own from now on, see [`epoch`](crate::cache::memory::epoch).
#[cold]
pub(in crate::cache) fn pass_barrier() -> bool {
    // Before the looks at who is fenced: see there.
    fence(Ordering::SeqCst);
    let me = CURRENT.get();
    // Who has ended has done so under this lock, fenced, and who comes will see what has been done before.
    if lock(&REGISTRY).all.iter().all(|worker| worker.reader.is_fenced() || std::ptr::eq(*worker, me)) {
        return true;
    }
    // Somebody is not fenced, so the process has been registered.
    let passed = registration::is_done() && membarrier::heavy();
    if !passed {
        registration::refuse();
        fence_from_now_on();
    }
    passed
}

/// The pins of this thread make their own barrier from now on.
fn fence_from_now_on() {
    // SAFETY: workers are never freed.
    if let Some(worker) = unsafe { CURRENT.get().as_ref() } {
        worker.reader.set_fenced(true);
        SWIFT.set(null());
    }
}

/// Frees what has piled up, if it has.
#[inline]
pub(in crate::cache) fn collect_if_due() {
    if DOMAIN.is_due() {
        collect();
    }
}

/// The hits and computations of a cache, over all threads.
#[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
pub(in crate::cache) fn totals(cache: u32) -> (u64, u64) {
    let registry = lock(&REGISTRY);
    let totals = registry.all.iter().filter_map(|worker| worker.totals(cache));
    totals.fold((0, 0), |(hits, computed), (more, ran)| (hits + more, computed + ran))
}

impl Worker {
    /// Whether tables that the worker makes are its own until another one comes: not where others are about to come.
    pub(in crate::cache) fn may_own(&self) -> bool {
        !self.own.sample.is_shared() && self.own.home.get().is_none()
    }

    /// A key was found in a hash table. Only on the calling thread's own worker.
    #[inline]
    pub(in crate::cache) fn finds(&self) {
        self.own.lately.finds();
    }
}
