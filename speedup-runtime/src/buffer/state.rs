//! What all readers and producers of one buffer share.

use std::{cell::UnsafeCell, marker::PhantomData, sync::OnceLock};

#[cfg(not(loom))]
use once_cell::sync::OnceCell;

use super::{
    apart::Apart,
    engagement::Engagement,
    mark::Mark,
    pace::Pace,
    patience::Patience,
    settings::Settings,
    stats::Counters,
    store::Store,
    turn::Turn,
    wishes::{Rank, Wishes},
    work::Work,
};
#[cfg(not(loom))]
use crate::seeing::registry::Ticket;
use crate::{
    panics::{self, Payload},
    sync::{AtomicBool, AtomicU32, AtomicUsize, Mutex, Ordering, const_unless_loom, lock},
};

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
    pub(super) patience: Patience,
    pub(super) lingering: Patience,
    /// Set when the owner is gone: producers stop at the next value.
    pub(super) closed: AtomicBool,
    /// Written by producers again and again, as the counters are: apart from what readers look at.
    pub(super) turn: Apart<Turn>,
    pub(super) counters: Apart<Counters>,
    pub(super) pace: Pace,
    /// The generator; touched by the holder of the turn only.
    pub(super) work: UnsafeCell<Work<T>>,
    /// How many values are known not to decrease. Relaxed: it saves debug builds from looking twice.
    pub(super) sorted: AtomicUsize,
    /// What the generator panicked with; set before the phase says so.
    failure: OnceLock<Mutex<Payload>>,
    /// That it is on the list of all that have been used: from the first value on.
    #[cfg(not(loom))]
    pub(super) ticket: OnceCell<Ticket>,
    owns: PhantomData<T>,
}

// SAFETY: `work` is reached only by the holder of the turn, one thread at a time, and generators are `Send`. Values are
// shared between readers and made on any thread, so they have to be `Send + Sync`, and are: an engine does nothing until
// it is asked through a handle, and whatever makes a handle asks for `T: Item`. It is asked there and nowhere else, so that
// an item which is not gives one error.
unsafe impl<T, S> Sync for Engine<T, S> {}
// SAFETY: as for `Sync`.
unsafe impl<T, S> Send for Engine<T, S> {}

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
                sorted: AtomicUsize::new(0),
                failure: OnceLock::new(),
                #[cfg(not(loom))]
                ticket: OnceCell::new(),
                owns: PhantomData,
            }
        }
    }
}

impl<T, S> Engine<T, S> {
    /// Whether there is more to come.
    #[inline]
    pub(super) fn phase(&self) -> Phase {
        Phase::of(self.phase.load(Ordering::Acquire))
    }

    /// Whether there may be more.
    pub(super) fn is_open(&self) -> bool {
        self.phase() == Phase::Open
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
    pub(super) fn fail_again(&self) -> ! {
        let copy = self.failure.get().and_then(|payload| panics::copy_of(&lock(payload)));
        match copy {
            Some(copy) => std::panic::resume_unwind(copy),
            None => panic!("the generator of this buffer has panicked"),
        }
    }
}

impl<T, S: Store<T>> Engine<T, S> {
    /// How many values there may be, for the readers seen so far.
    pub(super) fn limit(&self, settings: &Settings<T>) -> usize {
        self.wishes.ahead(settings.size).min(settings.max)
    }

    /// The oldest of `len` values that has to be kept, for the readers seen so far.
    ///
    /// Who asks for a value that is not there yet, or never will be, is as far as the values are.
    pub(super) fn floor(&self, settings: &Settings<T>, len: usize) -> usize {
        self.wishes.furthest().min(len).saturating_sub(settings.keep)
    }

    /// Tells the producers that the value `index` is needed.
    #[inline]
    pub(super) fn want(&self, index: usize, rank: Rank) {
        self.wishes.want(index.saturating_add(1), rank);
    }
}
