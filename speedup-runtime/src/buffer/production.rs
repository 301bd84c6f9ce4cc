//! What happens during a turn: the generator is made, advanced, watched and, at its end, dropped.

use std::{
    mem::MaybeUninit,
    panic::{AssertUnwindSafe, catch_unwind},
};

use super::{
    circle::{self, Producing},
    pace::Watch,
    settings::Settings,
    shared::Shared,
    sink::{Overseer, Room, Sink},
    source::{Advance, Generator},
    state::{Engine, Phase},
    store::Store,
    token,
    turn::Held,
    wishes::Rank,
    work::{Goal, Work},
};
use crate::sync::{AtomicUsize, Ordering};

impl<T, S> Shared<Engine<T, S>>
where
    T: 'static,
    S: Store<T> + 'static,
{
    /// Advances the generator for whoever holds the turn; what it reads meanwhile is read for `rank`.
    pub(super) fn produce(&self, _held: &Held<'_>, settings: &Settings<T>, goal: Goal, rank: Rank) {
        if self.phase() != Phase::Open {
            return;
        }
        let work = |producing: &Producing| self.run(settings, goal, producing);
        if circle::outermost() {
            circle::producing(&self.turn, rank, work);
        } else {
            token::with_stack(|| circle::producing(&self.turn, rank, work));
        }
    }

    /// Makes the value `index` and none beyond, if it is the next one and there is nothing to think of but the value: what
    /// [`produce`](Self::produce) comes to for a cheap value, which may be a sample. A few more where the generator waits for nobody.
    /// `false` if nothing was done.
    #[inline]
    pub(super) fn produce_few(&self, _held: &Held<'_>, settings: &Settings<T>, index: usize) -> bool {
        // SAFETY: the caller holds the turn, and no reference from an earlier turn is alive.
        let work = unsafe { &mut *self.work.get() };
        let Work::Running(generator) = work else { return false };
        if self.store.len() != index || index >= settings.max || settings.last.is_some() {
            return false;
        }
        let Some(mut room) = self.store.ready_room(index) else { return false };
        let most = if settings.batches { self.pace.batch(settings.size) } else { 1 };
        let most = most.min(room.until.min(settings.max) - index);
        let (values, watch) = self.pace.next(most);
        // A few values tell more than one, for the same two looks at the clock.
        let values = if watch.is_some() { most } else { values };
        room.until = index + values;
        let mut sink = Sink::limited(index, room, self.store.published());
        let result = circle::producing(&self.turn, Rank::READER, |_| {
            catch_unwind(AssertUnwindSafe(|| generator.advance(&mut sink)))
        });
        if let (Some(watch), Ok(Advance::Paused)) = (&watch, &result) {
            self.pace.record(watch, values, settings.size, settings.batches);
        }
        match result {
            // From now on readers are to tell how far they are, and raise the mark as they do.
            Ok(Advance::Paused) if self.pace.pays_ahead() => {}
            Ok(Advance::Paused) => self.quiet.raise(index + values),
            Ok(Advance::Ended) => self.retire(work, Phase::Ended),
            Err(payload) => {
                *work = Work::Over;
                self.fail(payload);
            }
        }
        true
    }

    /// Advances the generator as one of the calling thread's productions.
    fn run(&self, settings: &Settings<T>, goal: Goal, producing: &Producing) {
        // SAFETY: the caller holds the turn, and no reference from an earlier turn is alive.
        let work = unsafe { &mut *self.work.get() };
        let before = self.store.len();
        let foreman = Foreman { engine: self, settings, goal, producing, watch: None, start: before, ended: false };
        let result = catch_unwind(AssertUnwindSafe(|| self.advance(work, foreman)));
        let len = self.store.published().load(Ordering::Relaxed);
        self.store.settle(len, self.floor(settings, len));
        if let Goal::Ahead = goal {
            self.counters.made_ahead(len - before);
        }
        match result {
            Ok(Phase::Open) => {}
            Ok(phase) => self.retire(work, phase),
            Err(payload) => {
                *work = Work::Over;
                self.fail(payload);
            }
        }
        // Where values are made ahead, readers are to tell how far they are, and raise the mark as they do.
        if self.phase() != Phase::Open || !self.pace.pays_ahead() {
            self.quiet.raise(self.store.len());
        }
    }

    /// Drops the generator, which may panic, and closes the buffer.
    #[cold]
    pub(super) fn retire(&self, work: &mut Work<T>, phase: Phase) {
        let over = std::mem::replace(work, Work::Over);
        match catch_unwind(AssertUnwindSafe(|| drop(over))) {
            Ok(()) => self.finish(phase),
            Err(payload) => self.fail(payload),
        }
    }

    /// Makes the generator if need be and lets it run; the phase afterwards.
    fn advance(&self, work: &mut Work<T>, mut foreman: Foreman<'_, T, S>) -> Phase {
        #[cfg(not(loom))]
        self.list(foreman.settings);
        let generator = running(work, foreman.settings);
        let len = foreman.start;
        let Some(room) = foreman.more(len) else {
            let ended = foreman.ended;
            return if ended { Phase::Ended } else { self.probe(generator, foreman.settings, foreman.goal) };
        };
        let mut sink = Sink::new(len, room, self.store.published(), &mut foreman);
        match generator.advance(&mut sink) {
            Advance::Ended => Phase::Ended,
            Advance::Paused if foreman.ended => Phase::Ended,
            Advance::Paused => Phase::Open,
        }
    }

    /// At `max` values a reader asked for one more: whether the generator has one decides between end and error.
    fn probe(&self, generator: &mut dyn Generator<T>, settings: &Settings<T>, goal: Goal) -> Phase {
        let asked = match goal {
            Goal::Exactly(index) => index,
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
#[inline]
fn running<'a, T>(work: &'a mut Work<T>, settings: &Settings<T>) -> &'a mut dyn Generator<T> {
    if !matches!(work, Work::Running(_)) {
        make(work, settings);
    }
    match work {
        Work::Running(generator) => &mut **generator,
        _ => unreachable!("it was made above"),
    }
}

#[cold]
fn make<T>(work: &mut Work<T>, settings: &Settings<T>) {
    let source = match std::mem::replace(work, Work::Over) {
        Work::Unmade => settings.make.expect("a buffer without a source of its own has settings that make one")(),
        Work::Deferred(make) => make(),
        Work::Running(_) | Work::Over => unreachable!("an open buffer has a generator"),
    };
    *work = Work::Running(source.generator);
}

/// Decides at each pause of a production whether it goes on.
struct Foreman<'a, T: 'static, S: 'static> {
    engine: &'a Shared<Engine<T, S>>,
    settings: &'a Settings<T>,
    goal: Goal,
    producing: &'a Producing,
    /// Set while the value that is being made is a sample of what values cost.
    watch: Option<Watch>,
    /// The length at the beginning of the production.
    start: usize,
    /// The value before this pause was the last one by the settings' `last`.
    ended: bool,
}

impl<T, S> Overseer<T> for Foreman<'_, T, S>
where
    T: 'static,
    S: Store<T> + 'static,
{
    fn more(&mut self, len: usize) -> Option<Room<T>> {
        let (engine, settings) = (self.engine, self.settings);
        if let Some(watch) = self.watch.take() {
            engine.pace.record(&watch, 1, settings.size, settings.batches);
        }
        engine.store.settle(len, engine.floor(settings, len));
        if settings.last.is_some_and(|last| engine.store.last_is(len, last)) {
            self.ended = true;
            return None;
        }
        let goal = match self.goal {
            Goal::Exactly(index) => index.saturating_add(1),
            Goal::Ahead => engine.limit(settings),
        };
        let goal = goal.min(settings.max);
        if len >= goal || engine.is_closed() {
            return None;
        }
        if len > self.start {
            // A generator that may wait could wait for who waits for this value.
            engine.turn.tell();
        }
        if let Goal::Ahead = self.goal {
            self.producing.serve(engine.wishes.rank_of(len, settings.size));
        }
        let mut room = engine.store.room(len);
        let few = if settings.batches && settings.last.is_none() { engine.pace.untold() } else { 1 };
        let (values, watch) = engine.pace.next(few.min(room.until.min(goal) - len));
        room.until = len + values;
        self.watch = watch;
        Some(room)
    }

    fn is_over(&self) -> bool {
        self.engine.is_closed()
    }
}

/// Takes one value and no more.
struct Stop;

impl<T> Overseer<T> for Stop {
    fn more(&mut self, _: usize) -> Option<Room<T>> {
        None
    }
}
