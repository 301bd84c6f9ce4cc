//! What becomes of a reader's wish: it takes the turn and advances the generator itself, or waits for whoever has the
//! turn.
//!
//! A reader that makes a value makes none beyond the one it needs. What comes next may wait for what this very thread
//! does with the value, and no trust in a generator can rule that out: only its author can, or who reads its body and
//! finds nothing that waits.

use std::{task::Waker, time::Duration};

use super::{
    circle::{self, Waiting},
    helpers::{self, Ticket, Why},
    lodging::{self, on_rayon},
    settings::Settings,
    shared::Shared,
    state::{Engine, Phase},
    store::Store,
    token,
    wishes::Rank,
    work::Goal,
};

/// How long a thread that cannot produce in place sleeps before it looks around again.
const LOOK_AROUND: Duration = Duration::from_millis(1);
/// How long a thread sleeps that is sure to be woken.
const LONG_SLEEP: Duration = Duration::from_millis(50);

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
        if self.take_few(settings, index) {
            return Found::Ready;
        }
        let rank = lodging::rank();
        // Where nobody produces ahead and nothing is forgotten, nobody needs to know how far readers are.
        if settings.keep != usize::MAX || self.pace.pays_ahead() {
            self.want(index, rank);
        }
        let found = loop {
            if index < self.store.len() {
                break Found::Ready;
            }
            match self.phase() {
                Phase::Open => self.step(settings, index, rank),
                closed => break self.closed_at(index, closed),
            }
        };
        if rank != Rank::LAST && found == Found::Ready {
            self.look_ahead(settings, index, self.store.len());
        }
        found
    }

    /// Makes a cheap value on the spot: the way that most values go which nobody makes ahead.
    #[inline]
    fn take_few(&self, settings: &Settings<T>, index: usize) -> bool {
        let simple = self.phase() == Phase::Open && !self.pace.pays_ahead() && !settings.uses_rayon;
        if !simple || !circle::outermost() || on_rayon() {
            return false;
        }
        let Ok(held) = self.turn.take(token::me()) else { return false };
        self.produce_few(&held, settings, index) && index < self.store.len()
    }

    /// One attempt to bring the value nearer: produce, or wait for who does.
    fn step(&self, settings: &Settings<T>, index: usize, rank: Rank) {
        if lodging::serves(&self.turn) {
            self.asked_itself(settings, index);
        }
        let in_place = !settings.uses_rayon && !on_rayon();
        if !in_place {
            self.want(index, rank);
        }
        if in_place || !self.engage(settings, Why::Demanded) {
            match self.turn.take(token::me()) {
                Ok(held) => {
                    self.produce(&held, settings, Goal::Exactly(index), rank);
                    return;
                }
                Err(holder) if holder == token::me() => self.asked_itself(settings, index),
                Err(_) => {}
            }
        }
        self.wait(settings, index, in_place);
    }

    /// For a task that misses the value `index`: has it made by a helper and the task woken; `false` if there is no thread
    /// to be had.
    pub(super) fn await_value(&self, settings: &Settings<T>, index: usize, task: &Waker) -> bool {
        if lodging::serves(&self.turn) || self.turn.holder() == Some(token::me()) {
            self.asked_itself(settings, index);
        }
        self.want(index, lodging::rank());
        self.turn.register(task);
        self.engage(settings, Why::Demanded)
    }

    /// For a task that has come to the computed value `index`: has more made when half of those ahead are read.
    pub(super) fn awaited(&self, settings: &Settings<T>, index: usize) {
        let len = self.store.len();
        if len - index <= settings.size / 2 && len < settings.max && self.phase() == Phase::Open {
            self.want(index, lodging::rank());
            self.engage(settings, Why::Ahead);
        }
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
            self.want(index, lodging::rank());
            self.engage(settings, Why::Demanded);
            helpers::hurry(Ticket(self.engagement.ticket()));
            let executed = on_rayon()
                && circle::outermost()
                && rayon_core::yield_now().is_some_and(|yielded| yielded == rayon_core::Yield::Executed);
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
