//! What the engine knows of a thread: a record that outlives it and is used again.
//!
//! Every thread that calls a cached function has a [`Worker`]. Its number names it in the slots that it claims.

use std::{cell::Cell, ptr::null, sync::Mutex};

pub(in crate::cache) use crate::cache::thread::worker::{Pin, Pinned, Worker};
use crate::cache::{
    memory::{garbage::DOMAIN, membarrier},
    thread::segment::Segment,
};
use crate::sync::{AtomicBool, AtomicU32, Ordering, atomic::fence, lock};

/// Whether readers may leave the barrier to who frees: `UNASKED` until the first thread enrols, `PROMISED` after that if so, `NONE`
/// if not or no longer. Written under the registry's lock, but for a promise that is broken: Release, with the Acquire of who
/// enrols.
static BARRIER: AtomicU32 = AtomicU32::new(UNASKED);
const UNASKED: u32 = 0;
const PROMISED: u32 = 1;
const NONE: u32 = 2;

/// All workers ever made, by number, and those whose threads have ended.
static REGISTRY: Mutex<Registry> = Mutex::new(Registry { all: Vec::new(), unused: Vec::new() });

struct Registry {
    all: Vec<&'static Worker>,
    unused: Vec<&'static Worker>,
}

thread_local! {
    /// Null until the thread's first call, and again when the thread ends.
    static CURRENT: Cell<*const Worker> = const { Cell::new(null()) };
    /// The same, but null also where pins need a barrier.
    static SWIFT: Cell<*const Worker> = const { Cell::new(null()) };
    static LEASE: Lease = const { Lease(Cell::new(None)) };
}

/// Gives a worker back when its thread ends.
struct Lease(Cell<Option<&'static Worker>>);

impl Drop for Lease {
    fn drop(&mut self) {
        CURRENT.set(null());
        SWIFT.set(null());
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
#[inline(always)]
pub(in crate::cache) fn swift() -> Option<&'static Worker> {
    let worker = SWIFT.get();
    // SAFETY: workers are never freed.
    unsafe { worker.as_ref() }
}

/// The worker of this thread.
#[inline]
pub(in crate::cache) fn current() -> &'static Worker {
    let worker = CURRENT.get();
    if worker.is_null() {
        return enrol();
    }
    // SAFETY: workers are never freed.
    unsafe { &*worker }
}

#[inline(never)]
fn enrol() -> &'static Worker {
    let mut registry = lock(&REGISTRY);
    if BARRIER.load(Ordering::Acquire) == UNASKED {
        let found = if membarrier::is_promised() { PROMISED } else { NONE };
        // Who makes a barrier before anybody has enrolled may have found it to fail.
        let _ = BARRIER.compare_exchange(UNASKED, found, Ordering::Release, Ordering::Relaxed);
    }
    let fenced = !has_barrier();
    let worker = registry.unused.pop().unwrap_or_else(|| {
        let number = registry.all.len() as u32;
        let worker: &'static Worker = Box::leak(Box::new(Worker::new(number)));
        registry.all.push(worker);
        worker
    });
    worker.reader.set_fenced(fenced);
    drop(registry);
    // What the worker knows of a stack is about that of the thread that had it before.
    worker.own.stack.set(Segment::default());
    worker.site.enter(worker.number);
    CURRENT.set(worker);
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

/// How many workers are such.
pub(in crate::cache) fn count(such: impl Fn(&Worker) -> bool) -> usize {
    lock(&REGISTRY).all.iter().filter(|worker| such(worker)).count()
}

/// Frees what nobody can be looking at. Runs users' destructors: the caller holds no lock.
#[cold]
pub(in crate::cache) fn collect() {
    if !has_barrier() {
        fence_from_now_on();
    }
    let oldest = || lock(&REGISTRY).all.iter().filter_map(|worker| worker.reader.pinned()).min();
    DOMAIN.collect(|| pass_barrier() || all_are_fenced(), oldest);
}

/// Makes all other threads that call cached functions pass a barrier; whether that worked. If it does not, everybody is to make
/// his own from now on, see [`epoch`](crate::cache::memory::epoch).
#[cold]
pub(in crate::cache) fn pass_barrier() -> bool {
    let nobody_else = {
        let registry = lock(&REGISTRY);
        // Who has ended has done so under this lock, and who comes will see what has been done before.
        registry.all.len() - registry.unused.len() == usize::from(!CURRENT.get().is_null())
    };
    if nobody_else {
        return true;
    }
    let passed = has_barrier() && membarrier::heavy();
    if !passed {
        BARRIER.store(NONE, Ordering::Release);
        fence_from_now_on();
    }
    passed
}

/// Whether everybody makes a barrier at each pin, of which this makes the counterpart.
fn all_are_fenced() -> bool {
    let registry = lock(&REGISTRY);
    let fenced = registry.all.iter().all(|worker| worker.reader.is_fenced());
    fence(Ordering::SeqCst);
    fenced
}

/// Whether there is a barrier that one thread can make for all others.
fn has_barrier() -> bool {
    BARRIER.load(Ordering::Acquire) == PROMISED
}

/// Does now what would take longer once there are more threads.
pub(in crate::cache) fn prepare_for_threads() {
    static PREPARED: AtomicBool = AtomicBool::new(false);
    if !PREPARED.load(Ordering::Relaxed) && !PREPARED.swap(true, Ordering::Relaxed) && has_barrier() {
        membarrier::prepare();
    }
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
pub(in crate::cache) fn totals(cache: u32) -> (u64, u64) {
    let registry = lock(&REGISTRY);
    let totals = registry.all.iter().filter_map(|worker| worker.totals(cache));
    totals.fold((0, 0), |(hits, computed), (more, ran)| (hits + more, computed + ran))
}

impl Worker {
    /// Whether tables that the worker makes are its own until another one comes: not where others are about to come, nor where
    /// there is no barrier that would end that time.
    pub(in crate::cache) fn may_own(&self) -> bool {
        has_barrier() && !self.own.sample.is_shared() && self.own.home.get().is_none()
    }
}
