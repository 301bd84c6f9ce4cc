//! What the calls of one cache share of its policies: the queue, ages, counts.

use std::{
    any::Any,
    hash::{BuildHasher, Hasher},
    sync::{
        LazyLock, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use foldhash::fast::RandomState;
use once_cell::sync::OnceCell;

use super::{
    kept::{Hashed, NOWHERE, Stored},
    queue::{Candidate, Queue, Verdict},
    rules::Rules,
};
use crate::{
    cache::{
        call::{function::Settle, state::Core},
        table::key::{Key, Output},
        thread::registry,
    },
    clock, panics,
    seeing::stats::Stats,
    sync::lock_std,
    timer::{self, Errand},
};

/// A core of values with policies.
pub(super) type Kept<K, R> = Core<Hashed<K>, Stored<R>>;

/// The policies of one cache at work.
pub(super) struct Shared<K: Key, R: Output> {
    pub(super) rules: Rules<K, R>,
    pub(super) home: Home<K, R>,
    /// Made when the first value is kept, unless there is no bound.
    queue: OnceCell<Mutex<Queue<K>>>,
    /// Whether a sweep is on the timer's agenda. `AcqRel` where it is set: exactly one puts it there.
    sweeping: AtomicBool,
    /// Counts. Relaxed.
    evictions: AtomicU64,
    expirations: AtomicU64,
    renewals: AtomicU64,
}

/// What a look at a value has shown.
pub(super) enum Look<T> {
    Fresh(T),
    /// To be served, and the caller is to renew it.
    Late(T),
    Expired,
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
            rules,
            home,
            queue: OnceCell::new(),
            sweeping: AtomicBool::new(false),
            evictions: AtomicU64::new(0),
            expirations: AtomicU64::new(0),
            renewals: AtomicU64::new(0),
        }
    }

    pub(super) fn queue(&self) -> &Mutex<Queue<K>> {
        self.queue.get_or_init(|| Mutex::new(Queue::new(self.rules.bound)))
    }

    /// What the values weigh together, if there is a bound.
    pub(super) fn weight(&self) -> u64 {
        self.queue.get().map_or(0, |queue| lock_std(queue).weight())
    }

    /// Evictions, expirations and renewals.
    pub(super) fn counts(&self) -> [u64; 3] {
        [&self.evictions, &self.expirations, &self.renewals].map(|count| count.load(Ordering::Relaxed))
    }

    /// Looks at a value that a call has found.
    #[inline(always)]
    pub(super) fn look<T>(&self, stored: &Stored<R>, take: impl FnOnce(&R) -> T) -> Look<T> {
        if self.rules.is_bounded() {
            stored.visit();
        }
        if !self.rules.ages() {
            return Look::Fresh(take(stored.get()));
        }
        let (now, ends) = (clock::now(), stored.ends());
        if now >= ends || self.rules.idle != u64::MAX && now >= stored.ends_if_idle(self.rules.idle) {
            return Look::Expired;
        }
        if self.rules.idle != u64::MAX {
            stored.use_at(now, self.rules.idle);
        }
        if ends - now <= self.rules.ahead && stored.renew() {
            return Look::Late(take(stored.get()));
        }
        Look::Fresh(take(stored.get()))
    }

    /// When a value ends, as things are.
    fn end_of(&self, stored: &Stored<R>) -> u64 {
        match self.rules.idle {
            u64::MAX => stored.ends(),
            idle => stored.ends_if_idle(idle),
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
        let node = old.node();
        if node != NOWHERE
            && let Some(queue) = self.queue.get()
        {
            // Dropped without the lock: its destructor is users' code.
            let key = lock_std(queue).forget(node);
            drop(key);
        }
    }
}

impl<K: Key, R: Output> Shared<K, R> {
    /// Gives a published value its times and its place in the queue. False if it is too heavy to be kept.
    fn admit(&self, core: &Kept<K, R>, key: &Hashed<K>) -> Option<bool> {
        let (now, worker) = (clock::now(), registry::current());
        core.look(key, worker, |stored| {
            let (born, ends) = self.rules.times(now, stored);
            if !stored.begin(born, now, ends) {
                return true;
            }
            if !self.rules.is_bounded() {
                return true;
            }
            let weight = self.rules.weight.as_ref().map_or(1, |weight| weight(stored.get()));
            // Copied by users' code, and so before the lock.
            let (own, hash) = (key.0.clone(), hash_of(key));
            let mut queue = lock_std(self.queue());
            let fits = weight <= queue.bound();
            if fits {
                stored.set_node(queue.admit(own, hash, weight, worker.is_in_call() || worker.own.home.get().is_some()));
            }
            fits
        })
    }

    /// Puts values out until what is left fits.
    pub(super) fn make_room(&self, core: &Kept<K, R>) {
        let Some(queue) = self.queue.get() else { return };
        let mut verdict = None;
        loop {
            let Some(candidate) = lock_std(queue).next(verdict.take()) else { return };
            let held = Held { queue, node: candidate.node };
            verdict = Some(self.judge(core, candidate));
            std::mem::forget(held);
        }
    }

    /// Looks a candidate up, and takes its value out of the table if it is to go.
    fn judge(&self, core: &Kept<K, R>, candidate: Candidate<K>) -> Verdict<K> {
        let Candidate { node, key, is_small } = candidate;
        let hashed = Hashed::of_ref(&key);
        let visits = core.look(hashed, registry::current(), |stored| {
            (stored.node() == node).then(|| {
                let visits = stored.visits();
                stored.set_visits(if is_small { 0 } else { visits.saturating_sub(1) });
                visits
            })
        });
        match visits.flatten() {
            None => Verdict::Gone { node, ghost: None },
            Some(1..) => Verdict::Stays { node, key },
            Some(0) => {
                let ghost = is_small.then(|| hash_of(hashed));
                if let Some(old) = core.remove(hashed, registry::current()) {
                    if old.node() != node {
                        self.forget(&old);
                    }
                    self.evictions.fetch_add(1, Ordering::Relaxed);
                    self.tell(&key, old.get());
                }
                Verdict::Gone { node, ghost }
            }
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

    /// Makes the queue anew of what is in the table.
    fn rebook_now(&self, core: &Kept<K, R>) {
        let Some(queue) = self.queue.get() else { return };
        let old = lock_std(queue).clear();
        drop(old);
        let (mut keys, worker) = (Vec::new(), registry::current());
        core.each(worker, |key, _| keys.push(key.clone()));
        for key in keys {
            core.look(&key, worker, |stored| {
                let (own, hash) = (key.0.clone(), hash_of(&key));
                let weight = self.rules.weight.as_ref().map_or(1, |weight| weight(stored.get()));
                stored.set_node(lock_std(queue).admit(own, hash, weight, false));
            });
        }
        self.make_room(core);
    }

    /// Has what has expired taken out when the first of it does, unless that is on the agenda.
    fn schedule(&self, core: &Kept<K, R>, ends: u64) {
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
            self.schedule(core, next.saturating_add((next - now) / 8));
        }
    }
}

fn sweep<K: Key, R: Output>(core: &Kept<K, R>) {
    if let Some(settle) = core.function.get().and_then(|function| function.settle.as_deref()) {
        settle.sweep(core);
    }
}

/// A candidate in the hands of users' code. If that panics, its slot is not lost.
struct Held<'a, K> {
    queue: &'a Mutex<Queue<K>>,
    node: u64,
}

impl<K> Drop for Held<'_, K> {
    #[cold]
    fn drop(&mut self) {
        lock_std(self.queue).gone(self.node);
    }
}

impl<K: Key, R: Output> Settle<Hashed<K>, Stored<R>> for Shared<K, R> {
    fn settle(&self, core: &dyn Any, key: &Hashed<K>, old: Option<Stored<R>>) {
        if let Some(core) = core.downcast_ref::<Kept<K, R>>() {
            self.renewals.fetch_add(u64::from(old.is_some()), Ordering::Relaxed);
            self.settle_now(core, key, old);
        }
    }

    fn rebook(&self, core: &dyn Any) {
        if let Some(core) = core.downcast_ref::<Kept<K, R>>() {
            self.rebook_now(core);
        }
    }

    fn tell(&self, stats: &mut Stats) {
        [stats.evictions, stats.expirations, stats.renewals] = self.counts();
        stats.weight = self.weight();
    }

    fn sweep(&self, core: &dyn Any) {
        if let Some(core) = core.downcast_ref::<Kept<K, R>>() {
            self.sweep_now(core);
        }
    }
}

impl<K: Key, R: Output> Shared<K, R> {
    /// What [`Settle::settle`] does, for a value that was computed or put in.
    pub(super) fn settle_now(&self, core: &Kept<K, R>, key: &Hashed<K>, old: Option<Stored<R>>) {
        if let Some(old) = old {
            self.forget(&old);
        }
        if self.admit(core, key) == Some(false) {
            self.remove(core, key);
        }
        if self.rules.is_bounded() {
            self.make_room(core);
        }
        if self.rules.ages() {
            let ends = core.look(key, registry::current(), |stored| self.end_of(stored));
            if let Some(ends) = ends {
                self.schedule(core, ends.saturating_add(self.rules.grace()));
            }
        }
    }
}

fn hash_of<K: Key>(key: &Hashed<K>) -> u64 {
    static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);
    let mut hasher = HASHER.build_hasher();
    key.hash_key(&mut hasher);
    hasher.finish()
}
