//! Calls that were found to need themselves, or one that does.
//!
//! A cycle is proven once. But a body that uses rayon goes on with its other branches when one of them has panicked, and
//! other threads are on their way into the same cycle. Left alone each of them would prove it anew, along every way that
//! leads there, of which a dense graph has more than can be gone. So a call that has ended with the panic of a cycle is
//! *doomed* for as long as a thread that took part is in the middle of its outermost call: who asks for it meanwhile gets
//! the same panic at once, and so does who waits for it. After that the next call tries again.
//!
//! What is doomed is told by its cache, its slot and its key, since the memory of a slot may have come to another key.

use std::{
    any::Any,
    collections::{HashMap, HashSet},
    panic::panic_any,
    time::{Duration, Instant},
};

use once_cell::sync::Lazy;

use crate::cache::{
    block::{flags::Notes, outcome::Outcome, waits},
    table::key::Key,
    thread::{
        call_stack,
        claim::Busy,
        engine::Engine,
        registry::{self, Worker},
    },
};
use crate::{
    panics::Payload,
    sync::{
        Arc, Ordering,
        global::{AtomicUsize, Mutex},
        lock,
    },
};

/// Nothing is doomed for longer, whatever the threads do that took part.
const LONGEST: Duration = Duration::from_secs(2);

/// What is doomed at the moment.
static TURMOIL: Lazy<Mutex<Turmoil>> = Lazy::new(Mutex::default);

/// How many calls are doomed. Relaxed: a hint that saves taking the lock.
static CALLS: AtomicUsize = AtomicUsize::new(0);

/// Cycles that are being left. All at once, since they may be parts of one.
#[derive(Default)]
struct Turmoil {
    /// When the first of the calls was doomed.
    since: Option<Instant>,
    /// The workers that took part and have not been seen to end their outermost calls.
    involved: HashSet<u32>,
    /// By cache and slot.
    calls: HashMap<(usize, usize), Doomed>,
}

#[derive(Clone)]
struct Doomed {
    /// Of the key's own type. Shared, so that it is compared and dropped, which is users' code, while nothing is locked. None of a
    /// scope, whose keys may borrow, and whose slots stay those of their keys.
    key: Option<Arc<dyn Any + Send + Sync>>,
    text: Arc<str>,
}

/// A cache whose calls may have been found to need themselves.
#[derive(Clone, Copy)]
pub(in crate::cache) struct Suspects<'a> {
    /// What names the cache as long as it exists.
    pub(in crate::cache) cache: usize,
    pub(in crate::cache) notes: &'a Notes,
    /// Whether the cache is that of a scope.
    pub(in crate::cache) is_scope: bool,
}

impl Suspects<'_> {
    /// If a call of this worker has ended with the panic of a cycle, dooms the call.
    pub(in crate::cache) fn doom<K: Key>(self, key: &K, slot: usize, payload: &Payload, worker: &'static Worker) {
        // On a thread that is not rayon's a panic ends all that led to it, or the helping.
        if worker.site.pool() != 0
            && let Some(text) = call_stack::as_cycle(payload)
        {
            self.notes.note_cycles();
            let key = (!self.is_scope).then(|| Arc::new(key.clone()) as Arc<dyn Any + Send + Sync>);
            let doomed = Doomed { key, text: text.into() };
            drop(insert((self.cache, slot), doomed, worker));
        }
    }

    /// Whether a call is doomed.
    pub(in crate::cache) fn is_doomed<K: Key>(self, key: &K, slot: usize) -> bool {
        self.doom_of(key, slot).is_some()
    }

    /// Ends a call that is doomed.
    ///
    /// # Panics
    /// If it is, with the message about the cycle.
    pub(in crate::cache) fn check_doom<K: Key>(self, key: &K, slot: usize) {
        if let Some(text) = self.doom_of(key, slot) {
            panic_any(text.to_string());
        }
    }

    /// As [`check_doom`](Self::check_doom), for a call that another thread has begun, which so takes part.
    pub(in crate::cache) fn check_doom_of<K: Key>(self, engine: &dyn Engine, key: &K, busy: &Busy) {
        if let Some(text) = self.doom_of(key, busy.name()) {
            involve(engine, busy);
            panic_any(text.to_string());
        }
    }

    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    fn doom_of<K: Key>(self, key: &K, slot: usize) -> Option<Arc<str>> {
        if !self.notes.cycles() || CALLS.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let Doomed { key: known, text } = doomed((self.cache, slot))?;
        let same = |known: Arc<dyn Any + Send + Sync>| known.downcast_ref::<K>().is_some_and(|known| known.is_key(key));
        known.is_none_or(same).then_some(text)
    }

    /// The cache is no more, and another one may come to its memory.
    pub(in crate::cache) fn forget_doom(self) {
        if self.notes.cycles() {
            let cache = self.cache;
            let gone: Vec<_> = {
                let mut turmoil = lock(&TURMOIL);
                let gone = turmoil.calls.extract_if(|(of, _), _| *of == cache).collect();
                CALLS.store(turmoil.calls.len(), Ordering::Relaxed);
                gone
            };
            drop(gone);
        }
    }
}

impl Turmoil {
    /// Nothing is doomed any more; what was is for the caller to drop.
    #[must_use]
    fn end(&mut self) -> HashMap<(usize, usize), Doomed> {
        self.since = None;
        self.involved.clear();
        CALLS.store(0, Ordering::Relaxed);
        std::mem::take(&mut self.calls)
    }
}

/// A call that is doomed: its key, and the message.
#[inline(never)]
fn doomed(at: (usize, usize)) -> Option<Doomed> {
    let mut turmoil = lock(&TURMOIL);
    if turmoil.since.is_some_and(|since| since.elapsed() >= LONGEST) {
        let over = turmoil.end();
        drop(turmoil);
        drop(over);
        return None;
    }
    turmoil.calls.get(&at).cloned()
}

/// Dooms a call on behalf of the threads for which this worker works; what is returned is for the caller to drop.
#[must_use]
fn insert(at: (usize, usize), doomed: Doomed, worker: &'static Worker) -> Option<Doomed> {
    let mut turmoil = lock(&TURMOIL);
    let for_itself = worker.is_in_call().then_some(worker.number);
    turmoil.involved.extend(worker.own.isolated_for.get().or(for_itself));
    if turmoil.involved.is_empty() {
        return Some(doomed);
    }
    turmoil.since.get_or_insert_with(Instant::now);
    let old = turmoil.calls.insert(at, doomed);
    CALLS.store(turmoil.calls.len(), Ordering::Relaxed);
    old
}

/// If a call has ended with the panic of a cycle, gives that to everybody who waits for this claim, which is another
/// thread's; tells whether it has.
#[cold]
pub(in crate::cache) fn deliver(engine: &dyn Engine, busy: &Busy, payload: &Payload) -> bool {
    let Some(text) = call_stack::as_cycle(payload) else { return false };
    involve(engine, busy);
    waits::deliver_to(busy, &|| Some(Outcome::panic(Box::new(text.to_string()))));
    true
}

/// The owner of a claim takes part in a cycle, if the claim has not ended.
pub(in crate::cache) fn involve(engine: &dyn Engine, busy: &Busy) {
    let mut turmoil = lock(&TURMOIL);
    // Looked at under the lock: a worker leaves after it has given up its claims.
    if turmoil.since.is_some() && engine.is_busy(busy) {
        turmoil.involved.insert(busy.owner);
    }
}

/// A call of a worker has panicked and given up its claim. If it was the outermost one, the worker takes part in nothing.
pub(in crate::cache) fn left(worker: &Worker) {
    if worker.is_in_call() || CALLS.load(Ordering::Relaxed) == 0 {
        return;
    }
    let mut turmoil = lock(&TURMOIL);
    turmoil.involved.retain(|number| registry::by_number(*number).is_some_and(Worker::is_in_call));
    if turmoil.involved.is_empty() && worker.site.pool() != 0 {
        // The outermost call of a thread of a pool may be part of somebody else's, who waits for it inside rayon.
        let caches: HashSet<usize> = turmoil.calls.keys().map(|(cache, _)| *cache).collect();
        let such = |other: &Worker| other.is_in_call() && caches.contains(&other.outermost.load(Ordering::Relaxed));
        turmoil.involved = registry::which(|other| such(other) && other.site.may_wait()).into_iter().collect();
    }
    let over = if turmoil.involved.is_empty() { turmoil.end() } else { HashMap::new() };
    drop(turmoil);
    drop(over);
}

/// A call that seemed to need itself has returned, since a body caught the panic: what is doomed because of it may be no
/// longer.
#[cold]
pub(in crate::cache) fn lift() {
    let over = lock(&TURMOIL).end();
    drop(over);
}
