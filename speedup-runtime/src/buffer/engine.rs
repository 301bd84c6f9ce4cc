//! The engine of a buffer: who produces the value that a reader misses, and who produces ahead.
//!
//! A reader that misses a value takes the turn and advances the generator itself, or waits for whoever has the turn.
//! Helper threads take the turn when producing ahead pays. `production` is what happens during a turn, `turn` is how
//! the others wait.

use std::{cell::UnsafeCell, marker::PhantomData, ptr::NonNull, sync::OnceLock, time::Duration};

use super::{
    apart::Apart,
    circle::{self, Waiting},
    engagement::Engagement,
    function::Settings,
    helpers::{self, Why},
    lodging,
    mark::Mark,
    pace::Pace,
    patience::Patience,
    production::{Goal, Work},
    stats::Counters,
    store::Store,
    turn::Turn,
    wishes::Wishes,
};
use crate::{
    panics::{self, Payload},
    sync::{Arc, AtomicBool, AtomicU32, Mutex, Ordering, const_unless_loom, lock},
};

/// How long a thread that cannot produce in place sleeps before it looks around again.
const LOOK_AROUND: Duration = Duration::from_millis(1);
/// How long a thread sleeps that is sure to be woken.
const LONG_SLEEP: Duration = Duration::from_millis(50);
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

/// Shared by all readers and producers of one buffer.
pub(super) struct Engine<T, S> {
    pub(super) store: S,
    /// Written by readers, read by producers.
    pub(super) wishes: Apart<Wishes>,
    /// Read with every read by index; while values are made ahead, written by readers.
    pub(super) quiet: Apart<Mark>,
    /// A [`Phase`]. Stored with Release by the holder of the turn after the last value; read with Acquire, and whoever
    /// finds it not open looks at the length once more.
    phase: AtomicU32,
    pub(super) engagement: Engagement,
    /// How long readers look for a value, and a helper for readers, before they sleep or leave.
    patience: Patience,
    pub(super) lingering: Patience,
    /// Set when the owner is gone: producers stop at the next value.
    pub(super) closed: AtomicBool,
    /// Written by producers again and again, as the counters are: apart from what readers look at.
    pub(super) turn: Apart<Turn>,
    pub(super) counters: Apart<Counters>,
    pub(super) pace: Pace,
    /// The generator; touched by the holder of the turn only.
    pub(super) work: UnsafeCell<Work<T>>,
    /// What the generator panicked with; set before the phase says so.
    failure: OnceLock<Mutex<Payload>>,
    owns: PhantomData<T>,
}

// SAFETY: `work` is reached only by the holder of the turn, one thread at a time, and generators are `Send`. Values are
// shared between readers and made on any thread, so they have to be `Send + Sync`, and are: an engine does nothing until
// it is asked through a handle, and whatever makes a handle asks for `T: Item`. It is asked there and nowhere else, so that
// an item which is not gives one error.
unsafe impl<T, S> Sync for Engine<T, S> {}
// SAFETY: as for `Sync`.
unsafe impl<T, S> Send for Engine<T, S> {}

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
                wishes: Apart(Wishes::new()),
                quiet: Apart(Mark::new()),
                phase: AtomicU32::new(Phase::Open as u32),
                engagement: Engagement::new(),
                patience: Patience::new(),
                lingering: Patience::new(),
                closed: AtomicBool::new(false),
                turn: Apart(Turn::new()),
                counters: Apart(Counters::new()),
                pace: Pace::new(),
                work: UnsafeCell::new(work),
                failure: OnceLock::new(),
                owns: PhantomData,
            }
        }
    }
}

/// A static or counted reference to an engine: what a job on a helper thread keeps alive.
pub(super) struct Shared<E: 'static> {
    /// Always valid: it is `'static` or what `owner` counts. Kept apart so that a read needs no case distinction.
    engine: NonNull<E>,
    owner: Option<Arc<E>>,
}

// SAFETY: as for `&E` and `Arc<E>`, which need the same.
unsafe impl<E: Send + Sync> Send for Shared<E> {}
// SAFETY: as for `&E` and `Arc<E>`, which need the same.
unsafe impl<E: Send + Sync> Sync for Shared<E> {}

impl<E> Shared<E> {
    /// A reference to a static engine.
    pub(super) const fn of(engine: &'static E) -> Self {
        Shared { engine: NonNull::from_ref(engine), owner: None }
    }

    /// The first reference to an owned engine.
    pub(super) fn owning(engine: E) -> Self {
        let owner = Arc::new(engine);
        Shared { engine: NonNull::from_ref(&*owner), owner: Some(owner) }
    }

    /// Whether the engine goes when its references go.
    pub(super) fn is_owned(&self) -> bool {
        self.owner.is_some()
    }
}

impl<E> Clone for Shared<E> {
    fn clone(&self) -> Self {
        Shared { engine: self.engine, owner: self.owner.clone() }
    }
}

impl<E> std::ops::Deref for Shared<E> {
    type Target = E;

    #[inline]
    fn deref(&self) -> &E {
        // SAFETY: see the field.
        unsafe { self.engine.as_ref() }
    }
}

impl<T, S> Shared<Engine<T, S>>
where
    T: 'static,
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
        let outermost = is_outermost();
        // Where nobody produces ahead and nothing is forgotten, nobody needs to know how far readers are.
        if settings.keep != usize::MAX || self.pace.pays_ahead(settings.size) {
            self.want(index, outermost);
        }
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
            self.look_ahead(settings, index, self.store.len());
        }
        found
    }

    /// One attempt to bring the value nearer: produce, or wait for who does.
    fn step(&self, settings: &Settings<T>, index: usize, outermost: bool) {
        if lodging::serves(&self.turn) {
            self.asked_itself(settings, index);
        }
        let in_place = !settings.uses_rayon && !on_rayon();
        if !in_place {
            self.want(index, outermost);
        }
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
        // Values that come fast are better taken a few at a time: a reader at the heels of the producer takes from it the
        // very cache line that it writes.
        let more = if in_place { self.pace.together(settings.size) } else { 0 };
        let enough = || {
            index.saturating_add(more) < self.store.len()
                || self.phase() != Phase::Open
                || in_place && self.turn.holder().is_none()
        };
        if self.patience.look(enough) || done() {
            return;
        }
        self.counters.waited();
        // Nobody waits for a thread that holds no turn, so it is part of no circle.
        let _waiting = if circle::outermost() { None } else { Some(self.join_chain(settings, index)) };
        let mut time = LOOK_AROUND;
        while !done() {
            self.turn.sleep(time, done);
            if in_place {
                time = (time * 2).min(LONG_SLEEP);
            } else {
                self.look_around(settings, index, done);
            }
        }
    }

    /// Enters the chain of waiting threads, or panics if that closes a circle.
    fn join_chain(&self, settings: &Settings<T>, index: usize) -> Waiting<'_> {
        match Waiting::enter(&self.turn, self.store.visible(), settings.name, index) {
            Ok(waiting) => waiting,
            Err(circle) => panic!(
                "the buffers wait for each other in a circle: {}, each of which needs the next and the last the first",
                circle.chain.join(", ")
            ),
        }
    }

    /// What a thread that cannot produce in place does while it waits: keep the helpers going and, on a rayon pool all
    /// of whose threads may be waiting, run jobs that a generator may be waiting for.
    fn look_around(&self, settings: &Settings<T>, index: usize, done: impl Fn() -> bool) {
        while !done() {
            self.want(index, is_outermost());
            self.engage(settings, Why::Demanded);
            helpers::hurry();
            let executed = on_rayon()
                && circle::outermost()
                && rayon::yield_now().is_some_and(|yielded| yielded == rayon::Yield::Executed);
            if !executed {
                return;
            }
        }
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

/// Whether the calling thread is outside all generators, as far as can be known.
pub(super) fn is_outermost() -> bool {
    circle::outermost() && !lodging::is_lodger()
}

/// Whether the calling thread belongs to a rayon pool and shares it with other threads.
pub(super) fn on_rayon() -> bool {
    rayon::current_thread_index().is_some() && !lodging::is_alone()
}
