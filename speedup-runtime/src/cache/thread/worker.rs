//! A thread that calls cached functions: what it alone knows, and what others may know of it.

use std::{
    cell::{Cell, RefCell},
    ptr::NonNull,
    time::Duration,
};

use once_cell::sync::OnceCell;

#[cfg(not(speedup_simulated))]
use crate::cache::thread::parker::Parker;
use crate::cache::{
    memory::{bag::Bag, epoch::Reader},
    thread::{
        attention::Attention,
        blame::Blame,
        board::Board,
        engine::Header,
        failures::Failures,
        frame::{Frame, Top},
        handed::Handed,
        lately::Lately,
        left::Left,
        opened,
        order::Order,
        segment::Segment,
        site::Site,
        tally::Tallies,
        timing::{Counted, Timing},
        window::{Sample, Window},
    },
};
use crate::seeing::watch;
#[cfg(speedup_simulated)]
use crate::sync::timed::Parker;
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};

thread_local! {
    /// The worker of this thread, as long as it leaves its barriers to others. See [`swift`](super::registry::swift).
    pub(super) static SWIFT: Cell<*const Worker> = const { Cell::new(std::ptr::null()) };
}

/// A thread, as the engine knows it.
#[repr(align(128))]
pub(in crate::cache) struct Worker {
    pub(in crate::cache) reader: Reader,
    /// What, almost, only the thread itself looks at.
    pub(in crate::cache) own: Own,
    tallies: Tallies,
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
    /// The number of the worker with whose outermost call this one helps, and one more; 0 if it does not. Relaxed: a hint.
    pub(in crate::cache) helps: AtomicU32,
    /// How many of those who work for the outermost call want work. Relaxed: a hint.
    pub(in crate::cache) wanted: AtomicU32,
    /// Whether an invitation is on its way to all threads of the pool. Relaxed: a hint that keeps them from being many.
    pub(in crate::cache) passed_on: AtomicBool,
    /// Whether the outermost call, and those who help with it, share.
    pub(in crate::cache) window: Window,
    /// Ends of calls that were computed ahead for the running calls.
    pub(in crate::cache) handed: Handed,
    /// Calls that have panicked within the outermost call.
    pub(in crate::cache) failures: Failures,
    /// The number of the last outermost call within which a recursion was too deep. Relaxed: a hint.
    too_deep: AtomicU64,
    /// Keys to be let go of when the outermost call has ended.
    pub(in crate::cache) left: Left,
    parker: Parker,
    /// What the thread has retired. It stays when the thread ends, and is emptied by whoever collects.
    pub(in crate::cache) bag: Bag,
}

// SAFETY: `own` is touched by the thread that has the worker alone, which `current` sees to; `Registry` hands a worker
// on only after its thread has ended. What others look at of it (`top`) or change (when calls look, in `attention`) are atomics, and everything else is `Sync`.
unsafe impl Sync for Worker {}
// SAFETY: as above.
unsafe impl Send for Worker {}

/// The part of a worker that its thread alone touches, but for what says otherwise.
#[derive(Default)]
pub(in crate::cache) struct Own {
    /// The innermost running call. Others look at it, too: whether there is one.
    pub(in crate::cache) top: Top,
    /// How often this thread has looked whether it may leave its barriers to others.
    pub(super) looks: Cell<u32>,
    /// When calls have to heed what follows. Others may [demand](Attention::demand) that, too.
    pub(in crate::cache) attention: Attention,
    /// Where the sampling of costs stands.
    pub(in crate::cache) sample: Sample,
    /// Where the timing of calls stands.
    pub(in crate::cache) timing: Timing,
    /// What the caller of the call that begins next passes on to its body, see [`Callee::run_claimed`].
    ///
    /// [`Callee::run_claimed`]: crate::cache::call::callee::Callee::run_claimed
    pub(in crate::cache) context: Cell<*const ()>,
    /// The order in which this thread takes the members of groups.
    pub(in crate::cache) order: Cell<Order>,
    /// The innermost group that the thread computes alone and may show later.
    pub(in crate::cache) opened: opened::List,
    /// The worker whose outermost call this thread is helping, if it is.
    pub(in crate::cache) home: Cell<Option<&'static Worker>>,
    /// The number of that call, see [`Worker::root`].
    pub(in crate::cache) home_root: Cell<u64>,
    /// The count of calls up to which the thread wants work: 0 if it does not, the largest number if it has found none.
    pub(in crate::cache) wants: Cell<u64>,
    /// The stack in use.
    pub(in crate::cache) stack: Cell<Segment>,
    /// How many bytes the pieces take that were put to it.
    pub(in crate::cache) taken: Cell<usize>,
    /// Calls on the stack that were not claimed but are computed all the same.
    pub(in crate::cache) recomputing: Cell<u32>,
    /// The innermost call at the time when the engine itself let rayon run what is queued.
    pub(in crate::cache) yielding: Cell<Option<NonNull<Frame>>>,
    /// How many questions about its place the thread had answered when it last did so.
    pub(in crate::cache) answers: Cell<u64>,
    /// The call with which a panic on its way up has begun.
    pub(in crate::cache) blame: Blame,
    /// The worker on behalf of which this thread computes in isolation, if it does.
    pub(in crate::cache) isolated_for: Cell<Option<u32>>,
    pub(in crate::cache) lately: Lately,
    /// What this thread visits, see [`Worker::visits`].
    pub(in crate::cache) visits: RefCell<Vec<usize>>,
}

impl Own {
    /// The order in which to take the members of the next group.
    pub(in crate::cache) fn next_order(&self) -> Order {
        let order = self.order.get();
        self.order.set(order.next());
        order
    }
}

/// A visit of this thread.
pub(in crate::cache) struct Visits(&'static Worker);

impl Drop for Visits {
    fn drop(&mut self) {
        self.0.own.visits.borrow_mut().pop();
    }
}

impl Worker {
    /// The worker with this number, of no thread yet.
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    pub(in crate::cache) fn new(number: u32) -> Self {
        Self {
            reader: Reader::new(true),
            own: Own::default(),
            tallies: Tallies::new(),
            number,
            progress: AtomicU64::new(0),
            outermost: AtomicUsize::new(0),
            rayon_frames: AtomicU32::new(0),
            site: Site::default(),
            board: OnceCell::new(),
            root: AtomicU64::new(0),
            helpers: AtomicU32::new(0),
            helps: AtomicU32::new(0),
            wanted: AtomicU32::new(0),
            passed_on: AtomicBool::new(false),
            window: Window::new(),
            parker: Parker::new(),
            handed: Handed::default(),
            failures: Failures::default(),
            too_deep: AtomicU64::new(0),
            left: Left::default(),
            bag: Bag::new(),
        }
    }

    /// Says when calls have to look again, when one of so many has. Only on the calling thread's own worker.
    #[inline]
    pub(in crate::cache) fn has_looked(&self, computed: u64, rest: u64) {
        let Own { attention, sample, timing, .. } = &self.own;
        // Calls of functions that are never shared pass by where the window is to be looked at.
        let look = if sample.next.get() > computed { sample.next.get() } else { computed + rest };
        attention.lasts_until(look.min(timing.next()), || sample.is_shared() || watch::is_recording());
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

    /// The outermost call that this thread works for, if others may do so as well: whose it is, and its number. Only on the
    /// calling thread's own worker.
    #[inline]
    pub(in crate::cache) fn shared_root(&'static self) -> Option<(&'static Self, u64)> {
        let (home, root) = match self.own.home.get() {
            Some(home) => (home, self.own.home_root.get()),
            // Relaxed: only this thread writes it.
            None => (self, self.root.load(Ordering::Relaxed)),
        };
        (root % 2 == 1).then_some((home, root))
    }

    /// Notes that a recursion was too deep within the outermost call that this thread works for.
    pub(in crate::cache) fn note_too_deep(&'static self) {
        if let Some((home, root)) = self.shared_root() {
            home.too_deep.store(root, Ordering::Relaxed);
        }
    }

    /// Whether a recursion was. Then calls are made in the order of the body alone, whose first panic ends them all.
    #[inline]
    pub(in crate::cache) fn is_too_deep(&'static self) -> bool {
        self.shared_root().is_some_and(|(home, root)| home.too_deep.load(Ordering::Relaxed) == root)
    }

    /// Whether the outermost call that this thread helps with has ended. Only on the calling thread's own worker.
    pub(in crate::cache) fn is_left_behind(&self) -> bool {
        let ended = |home: &Self| home.root.load(Ordering::Acquire) != self.own.home_root.get();
        self.own.home.get().is_some_and(ended)
    }

    /// Whether the thread is in the middle of a call.
    pub(in crate::cache) fn is_in_call(&self) -> bool {
        self.own.top.get().is_some()
    }

    /// The board of this worker; only its thread writes it.
    pub(in crate::cache) fn board(&self) -> &Board<Header> {
        self.board.get_or_init(Board::new)
    }

    /// Notes that this thread looks at, or works on, what belongs to another one, which waits for that: an entry of a board, or a gate, by
    /// its address. Until what is returned is dropped, in the reverse of the order in which it was made.
    pub(in crate::cache) fn visits(&'static self, what: usize) -> Visits {
        self.own.visits.borrow_mut().push(what);
        Visits(self)
    }

    /// The board, if this worker has ever shown anything.
    #[inline]
    pub(in crate::cache) fn shown(&self) -> Option<&Board<Header>> {
        self.board.get()
    }

    /// Counts a hit of a cache, with some bits of the key. Only on the calling thread's own worker.
    #[inline]
    pub(in crate::cache) fn count_hit(&self, cache: u32, key: u64) {
        self.tallies.hit(cache, key);
    }

    /// Counts a computation of a cache, which makes it so many of all caches. Only on the calling thread's own worker.
    #[inline]
    pub(in crate::cache) fn count_computed(&self, cache: u32, computed: u64) {
        self.tallies.computed(cache);
        self.progress.store(computed, Ordering::Relaxed);
    }

    /// What the thread has counted, of one cache and of all. Only on the calling thread's own worker.
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    pub(in crate::cache) fn counted(&self, cache: u32) -> Counted {
        // A cache that is not counted is taken for the only one.
        let of_cache = self.totals(cache).map_or(self.computed(), |(_, computed)| computed);
        Counted { computed: self.computed(), of_cache, lost: self.own.sample.lost.get() }
    }

    /// The hits and computations of a cache, if they are counted.
    pub(in crate::cache) fn totals(&self, cache: u32) -> Option<(u64, u64)> {
        self.tallies.of(cache)
    }

    /// The thread's computations of all caches.
    #[inline]
    pub(in crate::cache) fn computed(&self) -> u64 {
        self.progress.load(Ordering::Relaxed)
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
