//! What happens during a turn: the generator is made, advanced, watched and, at its end, dropped.

use std::{
    mem::MaybeUninit,
    panic::{AssertUnwindSafe, catch_unwind},
};

use super::{
    circle,
    engine::{Engine, Phase, Shared},
    function::Settings,
    pace::Watch,
    sink::{Overseer, Room, Sink},
    source::{Advance, Generator, Source},
    store::Store,
    turn::Held,
};
use crate::sync::{AtomicUsize, Ordering};

/// The generator through its life.
pub(super) enum Work<T> {
    /// To be made by the settings' `make`.
    Unmade,
    /// To be made by this.
    Deferred(Box<dyn FnOnce() -> Source<T> + Send>),
    /// Under way.
    Running(Box<dyn Generator<T>>),
    /// Ended, failed, or panicking at this moment.
    Over,
}

/// How far a production goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Goal {
    /// To this value and no further: the producer is itself inside another production.
    Exactly(usize),
    /// To this value and, where values are cheap, a batch further.
    Batch(usize),
    /// As far ahead of the readers as the settings allow, value by value.
    Ahead,
}

impl<T, S> Shared<Engine<T, S>>
where
    T: 'static,
    S: Store<T> + 'static,
{
    /// Advances the generator for whoever holds the turn.
    pub(super) fn produce(&self, _held: &Held<'_>, settings: &Settings<T>, goal: Goal) {
        if self.phase() != Phase::Open {
            return;
        }
        circle::producing(&self.turn, || self.run(settings, goal));
    }

    /// Advances the generator as one of the calling thread's productions.
    fn run(&self, settings: &Settings<T>, goal: Goal) {
        // SAFETY: the caller holds the turn, and no reference from an earlier turn is alive.
        let work = unsafe { &mut *self.work.get() };
        let before = self.store.len();
        let mut timing = Timing { watch: self.pace.watch(), since: before, start: before };
        let result = catch_unwind(AssertUnwindSafe(|| self.advance(work, settings, goal, &mut timing)));
        let len = self.store.published().load(Ordering::Relaxed);
        self.store.settle(len, self.floor(settings));
        self.pace.record(timing.watch, len - timing.since);
        self.counters.produced(len - before, matches!(goal, Goal::Ahead));
        match result {
            Ok(Phase::Open) => {}
            Ok(phase) => self.retire(work, phase),
            Err(payload) => {
                *work = Work::Over;
                self.fail(payload);
            }
        }
        // Where values are made ahead, readers are to tell how far they are, and raise the mark as they do.
        if self.phase() != Phase::Open || !self.pace.pays_ahead(settings.size) {
            self.quiet.raise(self.store.len());
        }
    }

    /// Drops the generator, which may panic, and closes the buffer.
    fn retire(&self, work: &mut Work<T>, phase: Phase) {
        let over = std::mem::replace(work, Work::Over);
        match catch_unwind(AssertUnwindSafe(|| drop(over))) {
            Ok(()) => self.finish(phase),
            Err(payload) => self.fail(payload),
        }
    }

    /// Makes the generator if need be and lets it run; the phase afterwards.
    fn advance(&self, work: &mut Work<T>, settings: &Settings<T>, goal: Goal, timing: &mut Timing) -> Phase {
        let generator = running(work, settings);
        let len = self.store.len();
        let mut overseer = Foreman { engine: self, settings, goal, timing, ended: false };
        let Some(room) = overseer.more(len) else {
            return if overseer.ended { Phase::Ended } else { self.probe(generator, settings, goal) };
        };
        let mut sink = Sink::new(len, room, self.store.published(), &mut overseer);
        match generator.advance(&mut sink) {
            Advance::Ended => Phase::Ended,
            Advance::Paused if overseer.ended => Phase::Ended,
            Advance::Paused => Phase::Open,
        }
    }

    /// At `max` values a reader asked for one more: whether the generator has one decides between end and error.
    fn probe(&self, generator: &mut dyn Generator<T>, settings: &Settings<T>, goal: Goal) -> Phase {
        let asked = match goal {
            Goal::Exactly(index) | Goal::Batch(index) => index,
            Goal::Ahead => self.wishes.furthest().saturating_sub(1),
        };
        if self.store.len() < settings.max || asked < settings.max {
            return Phase::Open;
        }
        let mut surplus = MaybeUninit::<T>::uninit();
        let count = AtomicUsize::new(0);
        let mut stop = Stop;
        let advance = {
            let room = Room { slot: surplus.as_mut_ptr(), until: 1 };
            generator.advance(&mut Sink::new(0, room, &count, &mut stop))
        };
        if count.load(Ordering::Relaxed) == 1 {
            // SAFETY: the sink counted one value, which it has written here.
            unsafe { surplus.assume_init_drop() };
            return Phase::Full;
        }
        debug_assert_eq!(advance, Advance::Ended);
        Phase::Ended
    }
}

/// The generator, made if it is not yet.
fn running<'a, T>(work: &'a mut Work<T>, settings: &Settings<T>) -> &'a mut dyn Generator<T> {
    if !matches!(work, Work::Running(_)) {
        let source = match std::mem::replace(work, Work::Over) {
            Work::Unmade => settings.make.expect("a buffer without a source of its own has settings that make one")(),
            Work::Deferred(make) => make(),
            Work::Running(_) | Work::Over => unreachable!("an open buffer has a generator"),
        };
        *work = Work::Running(source.generator);
    }
    match work {
        Work::Running(generator) => &mut **generator,
        _ => unreachable!("it was made above"),
    }
}

/// The stretch of a production that is being timed.
struct Timing {
    watch: Watch,
    /// The length at its beginning.
    since: usize,
    /// The length at the beginning of the production.
    start: usize,
}

/// Values after which a long production takes the time anew.
const STRETCH: usize = 64;

/// Decides at each pause of a production whether it goes on.
struct Foreman<'a, T: 'static, S: 'static> {
    engine: &'a Shared<Engine<T, S>>,
    settings: &'a Settings<T>,
    goal: Goal,
    timing: &'a mut Timing,
    /// The value before this pause was the last one by the settings' `last`.
    ended: bool,
}

impl<T, S> Foreman<'_, T, S>
where
    T: 'static,
    S: Store<T> + 'static,
{
    /// Takes the time of long productions anew, so that what they cost is known before they end.
    fn take_time(&mut self, len: usize) {
        let pace = &self.engine.pace;
        if len - self.timing.since >= STRETCH {
            pace.record(std::mem::replace(&mut self.timing.watch, pace.watch()), len - self.timing.since);
            self.timing.since = len;
        }
    }
}

impl<T, S> Overseer<T> for Foreman<'_, T, S>
where
    T: 'static,
    S: Store<T> + 'static,
{
    fn more(&mut self, len: usize) -> Option<Room<T>> {
        self.take_time(len);
        let (engine, settings) = (self.engine, self.settings);
        engine.store.settle(len, engine.floor(settings));
        if settings.last.is_some_and(|last| engine.store.last_is(len, last)) {
            self.ended = true;
            return None;
        }
        let goal = match self.goal {
            Goal::Exactly(index) => index.saturating_add(1),
            Goal::Batch(index) => index.saturating_add(engine.pace.batch(settings.size)),
            Goal::Ahead => engine.limit(settings),
        };
        let goal = goal.min(settings.max);
        if len >= goal || engine.is_closed() {
            return None;
        }
        if len > self.timing.start {
            engine.turn.wake_whom_it_sees();
        }
        let mut room = engine.store.room(len);
        let few = if settings.last.is_some() { 1 } else { engine.pace.untold() };
        room.until = room.until.min(goal).min(len.saturating_add(few));
        Some(room)
    }
}

/// Takes one value and no more.
struct Stop;

impl<T> Overseer<T> for Stop {
    fn more(&mut self, _: usize) -> Option<Room<T>> {
        None
    }
}
