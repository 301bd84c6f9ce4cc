//! What the calls of one cache share of its policies: the queue, ages, counts.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use once_cell::sync::OnceCell;

use super::rules::{Rules, Way};
use crate::{
    cache::{
        bound::{Admitted, Comes, Form, Hashed, Room, Stored},
        call::{claim_guard::Flight, function::Settle, renewals::Why, state::Core},
        table::{
            Found, Table,
            key::{Key, Output},
        },
        thread::{
            claim::Goal,
            registry::{self, Pinned, Worker},
        },
    },
    clock, panics,
    seeing::stats::Stats,
    timer::{self, Errand},
};

/// A core of values with policies.
pub(super) type Kept<K, R> = Core<Hashed<K>, Stored<R>>;

/// The policies of one cache at work.
pub(super) struct Shared<K: Key, R: Output> {
    pub(super) rules: Rules<K, R>,
    /// What a hit looks at.
    pub(super) way: Way,
    pub(super) home: Home<K, R>,
    /// Made when the first value is kept, unless there is no bound.
    room: OnceCell<Room>,
    /// Whether a sweep is on the timer's agenda. `AcqRel` where it is set: exactly one puts it there.
    sweeping: AtomicBool,
    /// A count. Relaxed.
    expirations: AtomicU64,
    /// The same of renewals that are over. Release, with the Acquire of who reads it: he sees since when the new values live.
    renewals: AtomicU64,
}

/// Sweeps are this far apart at least, so that they take a small part of the time.
const SHORTEST_SWEEP: u64 = 100_000_000;

/// Where the values are, for who comes without a handle.
pub(super) enum Home<K: Key, R: Output> {
    /// In a static.
    Static,
    /// In something that may be gone by then; told when it has been made.
    Own(OnceCell<Later<K, R>>),
}

/// Makes an errand that does this with the values, unless they are gone by then.
pub(super) type Later<K, R> = Box<dyn Fn(fn(&Kept<K, R>)) -> Errand + Send + Sync>;

impl<K: Key, R: Output> Shared<K, R> {
    pub(super) const fn new(rules: Rules<K, R>, home: Home<K, R>) -> Self {
        Self {
            way: rules.way(),
            rules,
            home,
            room: OnceCell::new(),
            sweeping: AtomicBool::new(false),
            expirations: AtomicU64::new(0),
            renewals: AtomicU64::new(0),
        }
    }

    fn room(&self) -> &Room {
        self.room.get_or_init(|| Room::new(self.rules.bound, self.rules.weight.is_some()))
    }

    /// What the values weigh together, if there is a bound.
    fn weight(&self, core: &Kept<K, R>) -> u64 {
        let pin = registry::current().pin();
        let table = core.table(pin.at()).map(Table::id);
        self.room.get().map_or(0, |room| room.weight(table))
    }

    /// How many values have a place, if there is a bound.
    fn placed(&self, core: &Kept<K, R>) -> Option<usize> {
        let pin = registry::current().pin();
        let table = core.table(pin.at()).map(Table::id);
        self.rules.is_bounded().then(|| self.room.get().map_or(0, |room| room.len(table)))
    }

    fn weigh(&self, value: &R) -> u64 {
        self.rules.weight.as_ref().map_or(1, |weight| weight(value))
    }

    /// Evictions, expirations and renewals.
    pub(super) fn counts(&self) -> [u64; 3] {
        let (expirations, renewals) = (self.expirations.load(Ordering::Relaxed), self.renewals.load(Ordering::Acquire));
        [self.room.get().map_or(0, Room::evictions), expirations, renewals]
    }

    /// When a value ends, as things are.
    fn end_of(&self, stored: &Stored<R>) -> u64 {
        match self.rules.idle {
            u64::MAX => stored.ends(),
            idle => stored.marks().ends_if_idle(idle),
        }
    }

    /// Whether a value may be served; asking does not count as using it.
    pub(super) fn is_fresh(&self, stored: &Stored<R>) -> bool {
        !self.rules.ages() || clock::now() < self.end_of(stored)
    }

    /// Whether a value is of no use any more.
    pub(super) fn is_over(&self, stored: &Stored<R>, now: u64) -> bool {
        self.rules.ages() && now >= self.end_of(stored).saturating_add(self.rules.grace())
    }

    /// A value that was taken out of the table by name is no part of the queue.
    pub(super) fn forget(&self, old: &Stored<R>) {
        if let Some(room) = self.room.get() {
            room.forget(old.marks().ticket());
        }
    }
}

impl<K: Key, R: Output> Shared<K, R> {
    /// Gives a published value its times and its place in the queue, for which others may go. Returns when it ends; `None` if it is too heavy
    /// to be kept.
    fn admit(
        &self,
        core: &Kept<K, R>,
        found: &Found<'_, Hashed<K>, Stored<R>>,
        (worker, pin): (&'static Worker, Pinned<'_>),
        told: &mut Vec<(K, R)>,
    ) -> Option<u64> {
        let (key, marks) = (found.key, found.value.marks());
        if marks.has_begun() {
            return Some(self.end_of(found.value));
        }
        // Where it is placed alone, it begins to live when it is.
        let (now, form) = (clock::now(), self.rules.form());
        let is_placed = form == Form::Place && self.rules.is_bounded();
        let mut comes = Comes { weight: 1, is_nested: false, born: is_placed.then_some(now) };
        let begins = self.told(core, key, || {
            let begins = is_placed || marks.begin(form, self.rules.life_of(now, found.value));
            if begins && self.rules.is_bounded() {
                comes.weight = self.weigh(found.value.get());
            }
            begins
        });
        if begins && self.rules.is_bounded() {
            comes.is_nested = worker.is_in_call() || worker.own.home.get().is_some();
            let admitted =
                self.room().admit(&core.table, found, comes, (worker, pin), |key, value| self.gone(told, key, value));
            if admitted == Admitted::TooHeavy {
                self.remove(core, key);
                return None;
            }
        }
        Some(self.end_of(found.value))
    }

    /// What users' code tells of a value: what it weighs, when it ends. Without that it has no place, and so may not stay.
    fn told<T>(&self, core: &Kept<K, R>, key: &Hashed<K>, tell: impl FnOnce() -> T) -> T {
        if self.rules.weight.is_none() && self.rules.life.is_none() {
            return tell();
        }
        catch_unwind(AssertUnwindSafe(tell)).unwrap_or_else(|payload| {
            self.remove(core, key);
            resume_unwind(payload)
        })
    }

    /// Notes a value that was put out, if anybody wants to know of it.
    #[inline]
    fn gone(&self, told: &mut Vec<(K, R)>, key: &K, value: &R) {
        if self.rules.on_evict.is_some() {
            panics::contain(|| told.push((key.clone(), value.clone())));
        }
    }

    /// Tells who wants to know of a value that is let go. A panic there is nobody's.
    fn tell(&self, key: &K, value: &R) {
        if let Some(on_evict) = &self.rules.on_evict {
            panics::contain(|| on_evict(key, value));
        }
    }

    /// Takes a value out because its time is over.
    pub(super) fn expire(&self, core: &Kept<K, R>, key: &Hashed<K>) {
        if let Some(old) = core.remove(key, registry::current()) {
            self.forget(&old);
            self.expirations.fetch_add(1, Ordering::Relaxed);
            self.tell(&key.0, old.get());
        }
    }

    /// Takes a value out by name.
    pub(super) fn remove(&self, core: &Kept<K, R>, key: &Hashed<K>) -> Option<Stored<R>> {
        let old = core.remove(key, registry::current())?;
        self.forget(&old);
        Some(old)
    }

    /// Frees values that have gone, if they weigh much.
    fn free_what_went(&self) {
        if self.room.get().is_some_and(Room::is_to_be_freed) {
            registry::collect();
        }
    }

    /// Has the queue of what is in the table, which is another one than before.
    fn rebook_now(&self, core: &Kept<K, R>) {
        let Some(room) = self.room.get() else { return };
        let (worker, mut told) = (registry::current(), Vec::new());
        let pin = worker.pin();
        match core.table(pin.at()) {
            None => room.clear(&core.table, pin.at()),
            Some(table) => {
                room.turn_to(table.id(), &core.table, pin.at());
                table.each_place(pin.at(), |found| {
                    // One that is just being published gets its place from who does that.
                    if !found.value.marks().has_begun() {
                        return;
                    }
                    let comes = Comes { weight: self.weigh(found.value.get()), is_nested: false, born: None };
                    let gone = |key: &K, value: &R| self.gone(&mut told, key, value);
                    room.admit(&core.table, &found, comes, (worker, pin.at()), gone);
                });
            }
        }
        drop(pin);
        self.tell_all(told);
    }

    pub(super) fn tell_all(&self, told: Vec<(K, R)>) {
        told.iter().for_each(|(key, value)| self.tell(key, value));
    }

    /// Has what has expired taken out when the first of it does, unless that is on the agenda.
    fn schedule(&self, core: &Kept<K, R>, ends: u64) {
        // One that is just being told its end is scheduled by who tells it.
        if ends == u64::MAX {
            return;
        }
        if self.sweeping.load(Ordering::Relaxed) || self.sweeping.swap(true, Ordering::AcqRel) {
            return;
        }
        let errand: Errand = match &self.home {
            Home::Static => {
                // SAFETY: only caches that lie in statics have this home.
                let core: &'static Kept<K, R> = unsafe { &*std::ptr::from_ref(core) };
                Box::new(move || sweep(core))
            }
            Home::Own(later) => match later.get() {
                Some(later) => later(sweep),
                None => return,
            },
        };
        timer::at(ends.max(clock::now().saturating_add(SHORTEST_SWEEP)), errand);
    }

    /// Takes out what has expired, and comes again when the next one does.
    fn sweep_now(&self, core: &Kept<K, R>) {
        self.sweeping.store(false, Ordering::Release);
        let (now, mut next) = (clock::now(), u64::MAX);
        let mut over = Vec::new();
        core.each(registry::current(), |key, stored| {
            if self.is_over(stored, now) {
                over.push(key.clone());
            } else {
                next = next.min(self.end_of(stored).saturating_add(self.rules.grace()));
            }
        });
        for key in over {
            self.expire(core, &key);
        }
        if next != u64::MAX {
            // A part of what is left to live: what ends soon after goes with it.
            self.schedule(core, next.saturating_add(next.saturating_sub(now) / 8));
        }
    }
}

fn sweep<K: Key, R: Output>(core: &Kept<K, R>) {
    if let Some(settle) = core.function.get().and_then(|function| function.settle.as_deref()) {
        settle.sweep(core);
    }
}

impl<K: Key, R: Output> Settle<Hashed<K>, Stored<R>> for Shared<K, R> {
    unsafe fn land(&self, core: &dyn Any, goal: Goal, worker: &'static Worker, value: Stored<R>) {
        let Some(core) = core.downcast_ref::<Kept<K, R>>() else { return };
        // SAFETY: by the contract.
        let flight = unsafe { Flight::of_goal(core, worker, goal) };
        let mut told = Vec::new();
        let ends = {
            let pin = worker.pin();
            let placed = flight.publish_placed(value, pin.at());
            placed.and_then(|found| self.admit(core, &found, (worker, pin.at()), &mut told))
        };
        self.has_settled(core, ends);
        self.tell_all(told);
    }

    fn settle(&self, core: &dyn Any, key: &Hashed<K>, old: Option<Stored<R>>) {
        if let Some(core) = core.downcast_ref::<Kept<K, R>>() {
            let is_renewal = old.is_some();
            self.settle_now(core, key, old);
            self.renewals.fetch_add(u64::from(is_renewal), Ordering::Release);
        }
    }

    fn rebook(&self, core: &dyn Any) {
        if let Some(core) = core.downcast_ref::<Kept<K, R>>() {
            self.rebook_now(core);
        }
    }

    fn tell(&self, core: &dyn Any, stats: &mut Stats) {
        [stats.evictions, stats.expirations, stats.renewals] = self.counts();
        let Some(core) = core.downcast_ref::<Kept<K, R>>() else { return };
        stats.weight = self.weight(core);
        stats.entries = self.placed(core).map_or(stats.entries, |placed| stats.entries.min(placed));
    }

    fn known(&self, core: &dyn Any) -> Option<usize> {
        self.placed(core.downcast_ref::<Kept<K, R>>()?)
    }

    fn sweep(&self, core: &dyn Any) {
        if let Some(core) = core.downcast_ref::<Kept<K, R>>() {
            self.sweep_now(core);
        }
    }

    fn is_due(&self, why: Why, stored: &Stored<R>) -> bool {
        match why {
            Why::Asked => true,
            Why::Expired => !self.is_fresh(stored),
            Why::Late(ends) => stored.ends() == ends || !self.is_fresh(stored),
        }
    }
}

impl<K: Key, R: Output> Shared<K, R> {
    /// What [`Settle::settle`] does, for a value that was computed or put in.
    pub(super) fn settle_now(&self, core: &Kept<K, R>, key: &Hashed<K>, old: Option<Stored<R>>) {
        let told = self.settle_quietly(core, key, old);
        self.tell_all(told);
    }

    /// The same, but for telling who was put out: that is returned.
    pub(super) fn settle_quietly(&self, core: &Kept<K, R>, key: &Hashed<K>, old: Option<Stored<R>>) -> Vec<(K, R)> {
        if let Some(old) = old {
            self.forget(&old);
        }
        let (worker, mut told) = (registry::current(), Vec::new());
        let ends = {
            let pin = worker.pin();
            let placed = core.table(pin.at()).and_then(|table| table.find_place(key, pin.at()));
            placed.and_then(|found| self.admit(core, &found, (worker, pin.at()), &mut told))
        };
        self.has_settled(core, ends);
        told
    }

    /// What comes after a value has got its place, or has none; `ends` is when it ends.
    #[inline]
    fn has_settled(&self, core: &Kept<K, R>, ends: Option<u64>) {
        self.free_what_went();
        if let Some(ends) = ends.filter(|_| self.rules.ages()) {
            self.schedule(core, ends.saturating_add(self.rules.grace()));
        }
    }
}
