//! What the engine knows of a thread: a record that outlives it and is used again.
//!
//! Every thread that calls a cached function has a [`Worker`]. Its number names it in the slots that it claims.

use std::{cell::Cell, marker::PhantomData, ptr::null, sync::Mutex, time::Duration};

use once_cell::sync::OnceCell;

use crate::cache::{
    memory::{
        epoch::{Entered, Reader},
        garbage::DOMAIN,
        membarrier,
    },
    thread::{
        board::Board,
        engine::Header,
        frame::{Frame, Top},
        handed::Handed,
        order::Order,
        parker::Parker,
        segment::Segment,
        site::Site,
        tally::{NEAR, TALLIES, Tally},
        timing::{Counted, Timing},
        window::{Sample, Window},
    },
};
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering, atomic::fence, lock};

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

/// A thread, as the engine knows it.
#[repr(align(128))]
pub(in crate::cache) struct Worker {
    reader: Reader,
    /// What only the thread itself looks at.
    pub(in crate::cache) own: Own,
    /// Hits and computations of the first caches, by number. Relaxed: written by the thread alone.
    near: [Tally; NEAR],
    /// The same for all others.
    far: OnceCell<Box<[Tally]>>,
    /// The name of this worker in slots.
    pub(in crate::cache) number: u32,
    /// Calls that this thread has begun to compute; to others a sign of life. Relaxed: written by the thread alone.
    pub(in crate::cache) progress: AtomicU64,
    /// The address of the cache of the outermost call. Relaxed: a hint.
    pub(in crate::cache) outermost: AtomicUsize,
    /// How many calls on the stack are of functions that are known to use rayon. Relaxed: a hint for waiters.
    pub(in crate::cache) rayon_frames: AtomicU32,
    /// Which pool the thread belongs to, and whether it was seen waiting inside rayon.
    pub(in crate::cache) site: Site,
    /// What others may help with, from the first parallel call on.
    board: OnceCell<Board<Header>>,
    /// Odd while an outermost call is running, which is what a helper's invitation is for. Release by the thread,
    /// Acquire by helpers.
    pub(in crate::cache) root: AtomicU64,
    /// How many helpers are invited. `AcqRel` everywhere: a count.
    pub(in crate::cache) helpers: AtomicU32,
    /// Whether the outermost call, and those who help with it, share.
    pub(in crate::cache) window: Window,
    /// Ends of calls that were computed ahead for the running calls.
    pub(in crate::cache) handed: Handed,
    parker: Parker,
}

// SAFETY: `own` is touched by the thread that has the worker alone, which `current` sees to; `Registry` hands a worker
// on only after its thread has ended. Everything else is `Sync`.
unsafe impl Sync for Worker {}
// SAFETY: as above.
unsafe impl Send for Worker {}

/// The part of a worker that its thread alone touches.
#[derive(Default)]
pub(in crate::cache) struct Own {
    /// The innermost running call. The only part that others look at, too: whether there is one.
    pub(in crate::cache) top: Top,
    /// Where the sampling of costs stands.
    pub(in crate::cache) sample: Sample,
    /// Where the timing of calls stands.
    pub(in crate::cache) timing: Timing,
    /// What the caller of the call that begins next passes on to its body, see [`Callee::run`].
    ///
    /// [`Callee::run`]: crate::cache::call::callee::Callee::run
    pub(in crate::cache) context: Cell<*const ()>,
    /// Whether that may be used on this thread alone.
    pub(in crate::cache) is_local: Cell<bool>,
    /// The order in which this thread takes the members of groups.
    pub(in crate::cache) order: Cell<Order>,
    /// The worker whose outermost call this thread is helping, if it is.
    pub(in crate::cache) home: Cell<Option<&'static Worker>>,
    /// The stack in use.
    pub(in crate::cache) stack: Cell<Segment>,
    /// Calls on the stack that were not claimed but are computed all the same.
    pub(in crate::cache) recomputing: Cell<u32>,
    /// The innermost call at the time when the engine itself let rayon run what is queued.
    pub(in crate::cache) yielding: Cell<Option<std::ptr::NonNull<Frame>>>,
    /// How many questions about its place the thread had answered when it last did so.
    pub(in crate::cache) answers: Cell<u64>,
    /// The worker on behalf of which this thread computes in isolation, if it does.
    pub(in crate::cache) isolated_for: Cell<Option<u32>>,
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
    let tallies = registry.all.iter().filter_map(|worker| match (cache as usize).checked_sub(NEAR) {
        None => worker.near.get(cache as usize),
        Some(far) => worker.far.get()?.get(far),
    });
    tallies.fold((0, 0), |(hits, computed), tally| {
        (hits + tally.hits(), computed + tally.computed.load(Ordering::Relaxed))
    })
}

/// Keeps what the tables hold from being freed while this thread looks at it.
pub(in crate::cache) struct Pin {
    worker: &'static Worker,
    entered: Entered,
}

/// A borrowed [`Pin`] that has no address, so that nothing need lie in memory for it.
#[derive(Clone, Copy)]
pub(in crate::cache) struct Pinned<'pin>(PhantomData<&'pin Pin>);

impl Pin {
    /// What to look at tables with, as long as the pin lasts.
    #[inline(always)]
    pub(in crate::cache) fn at(&self) -> Pinned<'_> {
        Pinned(PhantomData)
    }
}

impl Drop for Pin {
    #[inline]
    fn drop(&mut self) {
        self.worker.reader.leave(self.entered);
    }
}

impl Worker {
    fn new(number: u32) -> Self {
        Self {
            reader: Reader::new(true),
            own: Own::default(),
            near: std::array::from_fn(|_| Tally::default()),
            far: OnceCell::new(),
            number,
            progress: AtomicU64::new(0),
            outermost: AtomicUsize::new(0),
            rayon_frames: AtomicU32::new(0),
            site: Site::default(),
            board: OnceCell::new(),
            root: AtomicU64::new(0),
            helpers: AtomicU32::new(0),
            window: Window::new(),
            parker: Parker::new(),
            handed: Handed::default(),
        }
    }

    /// Pins the thread. Only on the calling thread's own worker; pins nest.
    #[inline]
    pub(in crate::cache) fn pin(&'static self) -> Pin {
        Pin { worker: self, entered: self.reader.enter(&DOMAIN) }
    }

    /// Orders what the thread has stored before what it loads next, for who makes the counterpart by [`pass_barrier`].
    #[inline(always)]
    pub(in crate::cache) fn order(&self) {
        self.reader.order();
    }

    /// Whether tables that the worker makes are its own until another one comes: not where others are about to come, nor where
    /// there is no barrier that would end that time.
    pub(in crate::cache) fn may_own(&self) -> bool {
        has_barrier() && !self.own.sample.is_shared() && self.own.home.get().is_none()
    }

    /// As [`pin`](Self::pin), on a worker that is [`swift`].
    #[inline(always)]
    pub(in crate::cache) fn pin_swiftly(&'static self) -> Pin {
        Pin { worker: self, entered: self.reader.enter_swiftly(&DOMAIN) }
    }

    /// The name of the slot of the innermost running call, or 0. Only on the calling thread's own worker.
    pub(in crate::cache) fn running(&self) -> usize {
        // SAFETY: frames are on the list only while they are on the stack, below the caller's frame.
        self.own.top.get().map_or(0, |frame| unsafe { frame.as_ref() }.slot())
    }

    /// Whether the thread computes in isolation. Only on the calling thread's own worker.
    pub(in crate::cache) fn is_isolated(&self) -> bool {
        self.own.isolated_for.get().is_some()
    }

    /// Whether the thread is in the middle of a call.
    pub(in crate::cache) fn is_in_call(&self) -> bool {
        self.own.top.get().is_some()
    }

    /// The board of this worker; only its thread writes it.
    pub(in crate::cache) fn board(&self) -> &Board<Header> {
        self.board.get_or_init(Board::new)
    }

    /// The board, if this worker has ever shown anything.
    pub(in crate::cache) fn shown(&self) -> Option<&Board<Header>> {
        self.board.get()
    }

    /// Counts a hit of a cache, with some bits of the key. Only on the calling thread's own worker.
    #[inline]
    pub(in crate::cache) fn count_hit(&self, cache: u32, key: u64) {
        if let Some(tally) = self.tally(cache) {
            let hits = &tally.hits[key as usize % 4];
            // Relaxed, and no read-modify-write: this thread alone writes.
            hits.store(hits.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
    }

    /// Counts a computation of a cache, and returns the thread's computations of all caches. Only on the calling
    /// thread's own worker.
    #[inline]
    pub(in crate::cache) fn count_computed(&self, cache: u32) -> u64 {
        if let Some(tally) = self.tally(cache) {
            tally.computed.store(tally.computed.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
        let computed = self.computed() + 1;
        self.progress.store(computed, Ordering::Relaxed);
        computed
    }

    /// What the thread has counted, of one cache and of all. Only on the calling thread's own worker.
    pub(in crate::cache) fn counted(&self, cache: u32) -> Counted {
        // A cache that is not counted is taken for the only one.
        let of_cache = self.tally(cache).map_or(self.computed(), |tally| tally.computed.load(Ordering::Relaxed));
        Counted { computed: self.computed(), of_cache, lost: self.own.sample.lost.get() }
    }

    /// The thread's computations of all caches.
    #[inline]
    pub(in crate::cache) fn computed(&self) -> u64 {
        self.progress.load(Ordering::Relaxed)
    }

    /// The counts of a cache; only those of the first [`TALLIES`] caches are kept.
    #[inline]
    fn tally(&self, cache: u32) -> Option<&Tally> {
        let cache = cache as usize;
        if cache < NEAR { Some(&self.near[cache]) } else { self.far_tally(cache) }
    }

    #[cold]
    #[inline(never)]
    fn far_tally(&self, cache: usize) -> Option<&Tally> {
        self.far.get_or_init(|| (NEAR..TALLIES).map(|_| Tally::default()).collect()).get(cache - NEAR)
    }

    /// Lets [`park`](Self::park) return, now or the next time.
    pub(in crate::cache) fn unpark(&self) {
        self.parker.unpark();
    }

    /// Sleeps until [`unpark`](Self::unpark) or so long; only by the worker's own thread.
    pub(in crate::cache) fn park(&self, longest: Duration) {
        self.parker.park(longest);
    }
}
