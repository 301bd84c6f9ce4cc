//! Production ahead of the readers: when a helper thread is engaged, how far it goes, and how it leaves.

use super::{
    circle,
    engine::{Engine, Phase, Shared, is_outermost, on_rayon},
    function::Settings,
    helpers::{self, Why},
    lodging::{self, Room},
    production::Goal,
    store::Store,
};
impl<T, S> Shared<Engine<T, S>>
where
    T: 'static,
    S: Store<T> + 'static,
{
    /// Tells the producers how far readers are.
    ///
    /// A generator that reads counts for the value it asks for and not for values ahead of it: two generators that read
    /// each other would drive each other on for ever.
    #[inline]
    pub(super) fn want(&self, index: usize, outermost: bool) {
        let len = index.saturating_add(1);
        if outermost { self.wishes.want(len) } else { self.wishes.ask(len) }
    }

    /// Tells the producers that a reader has come to the value `index`, one of `len` computed ones. Returns how far it
    /// may read on before it tells them again: more than that one value, so that reader and producer do not pull a cache
    /// line to and fro for each of them.
    pub(super) fn note(&self, settings: &Settings<T>, index: usize, len: usize) -> usize {
        if self.phase() != Phase::Open || !self.pace.pays_ahead(settings.size) {
            self.quiet.raise(len);
            return len;
        }
        // A generator that reads has no say in how far values are made ahead.
        if !is_outermost() {
            return len;
        }
        self.wishes.hint(index.saturating_add(1));
        self.look_ahead(settings, index, len);
        let end = len.min(index.saturating_add(self.pace.stride(settings.size)));
        self.quiet.raise(end);
        end
    }

    /// Engages a helper thread if producing ahead of `index` pays and there is room for it among `len` values.
    #[inline]
    pub(super) fn look_ahead(&self, settings: &Settings<T>, index: usize, len: usize) {
        if self.pace.pays_ahead(settings.size)
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
        if !submitted {
            self.engagement.cancel();
        }
        submitted
    }

    /// A helper thread's work for this buffer: produce ahead of the readers until they pause.
    fn help(&self, settings: &Settings<T>) {
        loop {
            if self.can_go_ahead(settings)
                && let Ok(held) = self.turn.take(circle::me())
            {
                self.produce(&held, settings, Goal::Ahead);
            }
            if self.linger(settings) {
                continue;
            }
            if self.leave() {
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

    /// How many values there may be, for the readers seen so far.
    pub(super) fn limit(&self, settings: &Settings<T>) -> usize {
        self.wishes.ahead(settings.size).min(settings.max)
    }

    /// The oldest value that has to be kept, for the readers seen so far.
    pub(super) fn floor(&self, settings: &Settings<T>) -> usize {
        self.wishes.furthest().saturating_sub(settings.keep)
    }

    /// Has the values below `len` made in the background.
    pub(super) fn prefetch(&self, settings: &Settings<T>, len: usize) {
        self.wishes.ask(len);
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
