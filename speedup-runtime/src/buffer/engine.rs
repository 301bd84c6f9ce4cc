//! The engine of a buffer: who produces the value that a reader misses, and who produces ahead.
//!
//! A reader that misses a value takes the turn and advances the generator itself, or waits for whoever has the turn.
//! Helper threads take the turn when producing ahead pays. `production` is what happens during a turn, `turn` is how
//! the others wait.

use std::{cell::UnsafeCell, marker::PhantomData, sync::OnceLock, time::Duration};

use super::{
    circle::{self, Waiting},
    function::Settings,
    helpers::{self, Why},
    pace::Pace,
    production::{Goal, Work},
    stats::Counters,
    store::Store,
    turn::Turn,
};
use crate::{
    panics::{self, Payload},
    sync::{
        Arc, AtomicBool, AtomicU32, AtomicUsize, Mutex, Ordering, atomic::fence, const_unless_loom, lock, spin_loop,
        thread,
    },
};

/// How long a thread that cannot produce in place sleeps before it looks around again.
const LOOK_AROUND: Duration = Duration::from_millis(1);
/// How long a thread sleeps that is sure to be woken.
const LONG_SLEEP: Duration = Duration::from_millis(50);
/// Looks at the length before a waiting thread lets others run, and then before it sleeps.
const SPINS: u32 = 200;
const YIELDS: u32 = 20;
/// Looks at the readers before a helper thread that is far enough ahead leaves.
const LINGER: u32 = 400;

/// Whether there is more to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Phase {
    /// As far as anybody knows.
    Open,
    /// The generator has ended.
    Ended,
    /// The generator has more, but the buffer has as many as it may have.
    Full,
    /// The generator has panicked.
    Failed,
}

impl Phase {
    fn of(number: u32) -> Self {
        match number {
            0 => Phase::Open,
            1 => Phase::Ended,
            2 => Phase::Full,
            _ => Phase::Failed,
        }
    }
}

/// Whether a helper thread is at work for a buffer.
mod helper {
    pub(super) const NONE: u32 = 0;
    pub(super) const ENGAGED: u32 = 1;
}

/// Shared by all readers and producers of one buffer.
pub(super) struct Engine<T, S> {
    pub(super) store: S,
    /// One past the furthest value that a reader asked for. Raised by readers, read by helper threads.
    pub(super) wanted: AtomicUsize,
    /// The length that was asked for in advance, whatever readers are up to.
    prefetch: AtomicUsize,
    /// Reads below this index have nothing to tell the producer; at most the store's length. Raised by the holder of the
    /// turn with Release, read with Acquire, so that it covers values exactly as the length does.
    pub(super) quiet: AtomicUsize,
    /// A [`Phase`]. Stored with Release by the holder of the turn after the last value; read with Acquire, and whoever
    /// finds it not open looks at the length once more.
    phase: AtomicU32,
    /// One of [`helper`]. The fences beside it make sure that a reader's wish is seen by the helper that leaves or by
    /// the reader that engages the next one.
    helper: AtomicU32,
    /// Set when the owner is gone: producers stop at the next value.
    pub(super) closed: AtomicBool,
    pub(super) turn: Turn,
    pub(super) pace: Pace,
    /// The generator; touched by the holder of the turn only.
    pub(super) work: UnsafeCell<Work<T>>,
    /// What the generator panicked with; set before the phase says so.
    failure: OnceLock<Mutex<Payload>>,
    pub(super) counters: Counters,
    owns: PhantomData<T>,
}

// SAFETY: `work` is reached only by the holder of the turn, one thread at a time, and generators are `Send`; values
// are shared between readers, hence `Sync` for `T`, and made on any thread, hence `Send`.
unsafe impl<T: Send + Sync, S: Store<T>> Sync for Engine<T, S> {}
// SAFETY: everything inside may move between threads when `T` may.
unsafe impl<T: Send + Sync, S: Store<T>> Send for Engine<T, S> {}

/// What became of a wish for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It is in the store.
    Ready,
    /// The generator ended before it.
    Ended,
    /// It lies beyond the buffer's `max`.
    Full,
}

impl<T, S> Engine<T, S> {
    const_unless_loom! {
        /// An engine around an empty store; the source comes with the settings.
        pub(super) fn new(store: S) -> Self {
            Engine::starting(store, Work::Unmade)
        }
    }

    const_unless_loom! {
        /// An engine that begins with `work`.
        pub(super) fn starting(store: S, work: Work<T>) -> Self {
            Engine {
                store,
                wanted: AtomicUsize::new(0),
                prefetch: AtomicUsize::new(0),
                quiet: AtomicUsize::new(0),
                phase: AtomicU32::new(Phase::Open as u32),
                helper: AtomicU32::new(helper::NONE),
                closed: AtomicBool::new(false),
                turn: Turn::new(),
                pace: Pace::new(),
                work: UnsafeCell::new(work),
                failure: OnceLock::new(),
                counters: Counters::new(),
                owns: PhantomData,
            }
        }
    }
}

/// A counted or static reference to an engine: what a job on a helper thread keeps alive.
pub(super) enum Shared<E: 'static> {
    Static(&'static E),
    Owned(Arc<E>),
}

impl<E> Clone for Shared<E> {
    fn clone(&self) -> Self {
        match self {
            Shared::Static(engine) => Shared::Static(engine),
            Shared::Owned(engine) => Shared::Owned(Arc::clone(engine)),
        }
    }
}

impl<E> std::ops::Deref for Shared<E> {
    type Target = E;

    #[inline]
    fn deref(&self) -> &E {
        match self {
            Shared::Static(engine) => engine,
            Shared::Owned(engine) => engine,
        }
    }
}

impl<T, S> Shared<Engine<T, S>>
where
    T: Send + Sync + 'static,
    S: Store<T> + 'static,
{
    /// Makes sure that the value `index` is in the store, if there is one.
    ///
    /// # Panics
    ///
    /// With the generator's panic if it failed before this value; when the value is asked for, directly or in a circle,
    /// by the production that has yet to make it.
    #[inline(never)]
    pub(super) fn need(&self, settings: &Settings<T>, index: usize) -> Found {
        self.want(index);
        let outermost = circle::outermost();
        let found = loop {
            if index < self.store.len() {
                break Found::Ready;
            }
            match self.phase() {
                Phase::Open => self.step(settings, index, outermost),
                closed => break self.closed_at(index, closed),
            }
        };
        if outermost && found == Found::Ready {
            self.look_ahead(settings, index);
        }
        found
    }

    /// Tells the producers how far readers are.
    #[inline]
    pub(super) fn want(&self, index: usize) {
        let wanted = index.saturating_add(1);
        // Relaxed: a hint, except in `engage` and `leave`, where fences order it against `helper`.
        if self.wanted.load(Ordering::Relaxed) < wanted {
            self.wanted.fetch_max(wanted, Ordering::Relaxed);
        }
    }

    /// Engages a helper thread if producing ahead of `index` pays and there is room for it.
    #[inline]
    pub(super) fn look_ahead(&self, settings: &Settings<T>, index: usize) {
        if self.pace.pays_ahead(settings.size)
            // Relaxed: only a hint that saves the rest; `engage` looks again.
            && self.helper.load(Ordering::Relaxed) == helper::NONE
            && self.phase() == Phase::Open
            && self.store.len().saturating_sub(index) <= settings.size / 2 + 1
            && self.store.len() < settings.max
            && circle::outermost()
        {
            self.engage(settings, Why::Ahead);
        }
    }

    /// One attempt to bring the value nearer: produce, or wait for who does.
    fn step(&self, settings: &Settings<T>, index: usize, outermost: bool) {
        let in_place = !settings.uses_rayon && !on_rayon() || on_helper();
        if in_place || !self.engage(settings, Why::Demanded) {
            match self.turn.take(circle::me()) {
                Ok(held) => {
                    let goal = if outermost { Goal::Batch(index) } else { Goal::Exactly(index) };
                    self.produce(&held, settings, goal);
                    return;
                }
                Err(holder) if holder == circle::me() => self.asked_itself(settings, index),
                Err(_) => {}
            }
        }
        self.wait(settings, index, in_place);
    }

    #[cold]
    fn asked_itself(&self, settings: &Settings<T>, index: usize) -> ! {
        let (name, len) = (settings.name, self.store.len());
        panic!(
            "the generator of the buffer `{name}` asked for value {index} of `{name}` itself, which it has yet to \
             produce: {len} values are computed"
        );
    }

    /// Waits until the value is there, the generator has ended or, for a reader that produces in place, the turn is free.
    fn wait(&self, settings: &Settings<T>, index: usize, in_place: bool) {
        let done =
            || index < self.store.len() || self.phase() != Phase::Open || in_place && self.turn.holder().is_none();
        for look in 0..SPINS + YIELDS {
            if done() {
                return;
            }
            if look < SPINS { spin_loop() } else { thread::yield_now() }
        }
        self.counters.waited();
        let waiting = match Waiting::enter(&self.turn, self.store.visible(), settings.name, index) {
            Ok(waiting) => waiting,
            Err(circle) => panic!(
                "the buffers wait for each other in a circle: {}, each of which needs the next",
                circle.chain.join(", ")
            ),
        };
        let mut time = LOOK_AROUND;
        while !done() {
            self.turn.sleep(time, done);
            if done() {
                break;
            }
            if in_place {
                time = (time * 2).min(LONG_SLEEP);
            } else {
                self.look_around(settings);
            }
        }
        drop(waiting);
    }

    /// What a thread that cannot produce in place does while it waits: keep the helpers going and, on a rayon pool all
    /// of whose threads may be waiting, run a job that a generator may be waiting for.
    fn look_around(&self, settings: &Settings<T>) {
        self.engage(settings, Why::Demanded);
        helpers::hurry();
        if on_rayon() && circle::outermost() {
            rayon::yield_now();
        }
    }

    /// Sets a helper thread to work unless one is; `false` when none can be had.
    fn engage(&self, settings: &Settings<T>, why: Why) -> bool {
        // Orders our wish before the look at `helper`; partner of the fence in `leave`.
        fence(Ordering::SeqCst);
        let engaged = self.helper.compare_exchange(helper::NONE, helper::ENGAGED, Ordering::AcqRel, Ordering::Relaxed);
        if engaged.is_err() {
            return true;
        }
        let (engine, settings) = (self.clone(), *settings);
        let submitted = helpers::submit(Box::new(move || engine.help(&settings)), why);
        if !submitted {
            self.helper.store(helper::NONE, Ordering::Release);
        }
        submitted
    }

    /// A helper thread's work for this buffer: produce ahead of the readers until they pause.
    fn help(&self, settings: &Settings<T>) {
        loop {
            if self.can_go_ahead(settings) {
                if let Ok(held) = self.turn.take(circle::me()) {
                    self.produce(&held, settings, Goal::Ahead);
                }
            }
            if self.linger(settings) {
                continue;
            }
            if self.leave(settings) {
                return;
            }
        }
    }

    /// Whether the readers are near enough for another value.
    fn can_go_ahead(&self, settings: &Settings<T>) -> bool {
        let goal = self.limit(settings).max(self.wanted.load(Ordering::Relaxed));
        self.phase() == Phase::Open && !self.is_closed() && self.store.len() < goal
    }

    /// How many values there may be, for the readers seen so far.
    pub(super) fn limit(&self, settings: &Settings<T>) -> usize {
        // Relaxed: see `want`.
        let ahead = self.wanted.load(Ordering::Relaxed).saturating_add(settings.size);
        ahead.max(self.prefetch.load(Ordering::Relaxed)).min(settings.max)
    }

    /// The oldest value that has to be kept, for the readers seen so far.
    pub(super) fn floor(&self, settings: &Settings<T>) -> usize {
        self.wanted.load(Ordering::Relaxed).saturating_sub(settings.keep)
    }

    /// Has the values below `len` made in the background.
    pub(super) fn prefetch(&self, settings: &Settings<T>, len: usize) {
        self.prefetch.fetch_max(len, Ordering::Relaxed);
        if self.can_go_ahead(settings) {
            self.engage(settings, Why::Ahead);
        }
    }

    /// Waits a little for the readers; `true` when there is something to do.
    fn linger(&self, settings: &Settings<T>) -> bool {
        for look in 0..LINGER {
            if self.phase() != Phase::Open || self.is_closed() {
                return false;
            }
            if self.can_go_ahead(settings) {
                return true;
            }
            if look < LINGER / 2 { spin_loop() } else { thread::yield_now() }
        }
        false
    }

    /// Signs the helper off; `false` when a reader wished for more meanwhile and it has to stay.
    fn leave(&self, settings: &Settings<T>) -> bool {
        self.helper.store(helper::NONE, Ordering::Release);
        // Orders the sign-off before the look at the wishes; partner of the fence in `engage`.
        fence(Ordering::SeqCst);
        let missed = self.phase() == Phase::Open && !self.is_closed() && {
            // Beyond `max` a wish is for an answer rather than a value.
            let wanted = self.wanted.load(Ordering::Relaxed);
            self.store.len() < wanted.max(self.prefetch.load(Ordering::Relaxed).min(settings.max))
        };
        let stays = missed
            && self.helper.compare_exchange(helper::NONE, helper::ENGAGED, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        !stays
    }

    /// The answer for a value that was not there when the phase was found not to be open.
    #[cold]
    fn closed_at(&self, index: usize, phase: Phase) -> Found {
        // The phase was stored after the last value, so this look at the length is the final one.
        if index < self.store.len() {
            return Found::Ready;
        }
        match phase {
            Phase::Failed => self.fail_again(),
            Phase::Full => Found::Full,
            Phase::Open | Phase::Ended => Found::Ended,
        }
    }
}

impl<T, S> Engine<T, S> {
    /// Whether there is more to come.
    #[inline]
    pub(super) fn phase(&self) -> Phase {
        Phase::of(self.phase.load(Ordering::Acquire))
    }

    pub(super) fn is_closed(&self) -> bool {
        // Relaxed: it only has to arrive some time.
        self.closed.load(Ordering::Relaxed)
    }

    /// For the holder of the turn: nothing more will come.
    pub(super) fn finish(&self, phase: Phase) {
        self.phase.store(phase as u32, Ordering::Release);
    }

    /// For the holder of the turn: the generator panicked.
    pub(super) fn fail(&self, payload: Payload) {
        // The first failure stands; there is no second one, since a failed generator is never run again.
        let _ = self.failure.set(Mutex::new(payload));
        self.finish(Phase::Failed);
    }

    /// Panics with what the generator panicked with.
    fn fail_again(&self) -> ! {
        let copy = self.failure.get().and_then(|payload| panics::copy_of(&lock(payload)));
        match copy {
            Some(copy) => std::panic::resume_unwind(copy),
            None => panic!("the generator of this buffer has panicked"),
        }
    }
}

/// Whether the calling thread belongs to a rayon pool.
fn on_rayon() -> bool {
    rayon::current_thread_index().is_some()
}

/// Whether the calling thread is a helper thread.
fn on_helper() -> bool {
    helpers::is_helper()
}
