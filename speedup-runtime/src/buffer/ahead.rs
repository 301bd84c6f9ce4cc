//! Production ahead of the readers: when a helper thread is engaged, how far it goes, and how it leaves.

use std::time::Duration;

use super::{
    helpers::{self, Ticket, Why},
    lodging::{self, Room, on_rayon},
    settings::Settings,
    shared::Shared,
    state::{Engine, Phase},
    store::Store,
    token,
    wishes::Rank,
    work::{Goal, Work},
};
use crate::sync::Ordering;

/// How long a thread sleeps that is sure to be woken.
const LONG_SLEEP: Duration = Duration::from_millis(50);

impl<T, S> Shared<Engine<T, S>>
where
    T: 'static,
    S: Store<T> + 'static,
{
    /// Tells the producers that a reader has come to the value `index`, one of `len` computed ones. Returns how far it
    /// may read on before it tells them again: more than that one value, so that reader and producer do not pull a cache
    /// line to and fro for each of them.
    #[inline]
    pub(super) fn note(&self, settings: &Settings<T>, index: usize, len: usize) -> usize {
        if self.phase() != Phase::Open || !self.pace.pays_ahead() {
            self.quiet.raise(len);
            return len;
        }
        let rank = lodging::rank();
        if rank == Rank::LAST {
            return len;
        }
        self.wishes.hint(index.saturating_add(1), rank);
        self.look_ahead(settings, index, len);
        let end = len.min(index.saturating_add(self.pace.stride(settings.size)));
        self.quiet.raise(end);
        end
    }

    /// Engages a helper thread if producing ahead of `index` pays and there is room for it among `len` values.
    #[inline]
    pub(super) fn look_ahead(&self, settings: &Settings<T>, index: usize, len: usize) {
        if self.pace.pays_ahead()
            && !self.engagement.is_engaged()
            && self.phase() == Phase::Open
            && len.saturating_sub(index) <= settings.size / 2 + 1
            && len < settings.max
        {
            self.engage(settings, Why::Ahead);
        }
    }

    /// Sets a helper thread to work unless one is; `false` when none can be had.
    pub(super) fn engage(&self, settings: &Settings<T>, why: Why) -> bool {
        if !self.engagement.engage() {
            return true;
        }
        let (engine, settings) = (self.clone(), *settings);
        let room = if settings.uses_rayon {
            Some(Room::Wide)
        } else {
            // Where jobs wait for the value, a generator that uses rayon unbeknown to us must not share their threads.
            on_rayon().then_some(Room::Single)
        };
        let job = move || match room {
            Some(room) => lodging::run(&engine.turn, room, || engine.help(&settings)),
            None => engine.help(&settings),
        };
        let submitted = helpers::submit(Box::new(job), why);
        match submitted {
            Some(Ticket(number)) => self.engagement.note(number),
            None => self.engagement.cancel(),
        }
        submitted.is_some()
    }

    /// For the last handle: nothing is wished for any more. A helper at work stops at the next value.
    pub(super) fn close(&self) {
        // Relaxed: it only has to arrive some time.
        self.closed.store(true, Ordering::Relaxed);
        // A job that waits in the queue would keep everything alive until it has its turn.
        if self.engagement.is_engaged() && helpers::withdraw(Ticket(self.engagement.ticket())) {
            self.engagement.cancel();
        }
    }

    /// Ends the generator and drops it, after whoever is just making a value.
    pub(super) fn end(&self) {
        self.close();
        let held = loop {
            match self.turn.take(token::me()) {
                Ok(held) => break held,
                Err(holder) if holder == token::me() => {
                    panic!("a generator closed the buffer that it makes values for")
                }
                Err(_) => self.turn.sleep(LONG_SLEEP, || self.turn.holder().is_none()),
            }
        };
        // SAFETY: this thread holds the turn, and no reference from an earlier turn is alive.
        let work = std::mem::replace(unsafe { &mut *self.work.get() }, Work::Over);
        if self.phase() == Phase::Open {
            self.finish(Phase::Ended);
        }
        drop(held);
        drop(work);
    }

    /// A helper thread's work for this buffer: produce ahead of the readers until they pause.
    fn help(&self, settings: &Settings<T>) {
        loop {
            if self.can_go_ahead(settings) {
                match self.turn.take(token::me()) {
                    Ok(held) => self.produce(&held, settings, Goal::Ahead, Rank::LAST),
                    // A reader is at it: for a value, whose end only looking is quick enough to catch, or for long.
                    Err(_) => {
                        let free = || self.turn.holder().is_none();
                        if !self.lingering.look(free) {
                            self.turn.sleep(LONG_SLEEP, free);
                        }
                    }
                }
            }
            if self.linger(settings) {
                continue;
            }
            if self.leave() {
                self.turn.announce();
                return;
            }
        }
    }

    /// Whether a value is missing, or the readers are near enough for a few more: not one at a time, since each turn has
    /// a price.
    fn can_go_ahead(&self, settings: &Settings<T>) -> bool {
        let len = self.store.len();
        // Beyond `max` a wish is for an answer rather than a value.
        let wanted = len < self.wishes.furthest() || len + settings.size.div_ceil(4) <= self.limit(settings);
        wanted && self.phase() == Phase::Open && !self.is_closed()
    }

    /// Has the values below `len` made in the background.
    pub(super) fn prefetch(&self, settings: &Settings<T>, len: usize) {
        self.wishes.want(len, Rank::LAST);
        if self.can_go_ahead(settings) {
            self.engage(settings, Why::Ahead);
        }
    }

    /// Waits a little for the readers; `true` when there is something to do.
    fn linger(&self, settings: &Settings<T>) -> bool {
        let over = || self.phase() != Phase::Open || self.is_closed();
        self.lingering.look(|| over() || self.can_go_ahead(settings)) && !over()
    }

    /// Signs the helper off; `false` when a reader wished for more meanwhile and it has to stay.
    fn leave(&self) -> bool {
        self.engagement
            .sign_off(|| self.phase() == Phase::Open && !self.is_closed() && self.store.len() < self.wishes.furthest())
    }
}
