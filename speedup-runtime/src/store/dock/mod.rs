//! A store behind a cached function.
//!
//! The engine stays as it is: the store is asked within the call that has claimed a key, before the body is run. So a key is looked up once,
//! groups share look-ups out as they do computations, and a panic or a cycle is what it always was.
//!
//! ```text
//! call      claimed: fetched ahead? ──> asked of the store ──> body ──> noted for the writer
//! foretell  a group's missing keys are fetched in one go
//! writer    a thread writes what was noted, in batches, at most 0.1 s later and at exit; queue: who waits for it
//! asking    for async functions, threads ask stores that are far away
//! together  calls that are shared with other processes; tasks: those of async functions
//! breaker   a store that is down is left alone for a while
//! ```

mod aged;
mod ahead;
pub(super) mod asking;
mod breaker;
mod grain;
mod open;
mod pending;
mod queue;
pub(super) mod tasks;
mod together;
#[allow(unsafe_code)]
mod writer;

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::MutexGuard,
    thread,
    time::{Duration, Instant},
};

use once_cell::sync::OnceCell;

use self::{ahead::Ahead, breaker::Breaker, grain::Grain, pending::Results, writer::Pending};
use super::{Change, Condition, Error, Result, Store};
use crate::cache::{Attached, Behind, Counts, Fault, Foretelling, Help, Key, Output, Seat, Sought, Turn};
use crate::panics;
use crate::sync::global::{Arc, AtomicU64, Mutex, Ordering, TryLockError, lock};

pub use self::{
    aged::{opened_aged, opened_aged_kept},
    open::{IntoStore, Itself, Kept, Opening, opened, opened_kept},
};

/// So many results that wait to be written are written at once ..
const MANY: usize = 1 << 10;
/// .. and so many by whoever computes the next: the writer does not keep up.
const TOO_MANY: usize = 1 << 14;

/// What stands between a cached function and its store; `#[cache]` makes one for each function that has one.
pub struct Dock<K: Key, R: Output> {
    attached: OnceCell<Attached<K, R>>,
    shore: OnceCell<Shore<K, R>>,
    /// Values that were found. Relaxed, like the next: counts.
    found: AtomicU64,
    errors: AtomicU64,
    breaker: Breaker,
    grain: Grain,
    ahead: Ahead<K, R>,
    /// What is to be written.
    pending: Results<K, R>,
    /// Held while something is written or forgotten, so that one does not overtake the other.
    writing: Mutex<()>,
}

/// The store, once it is open.
struct Shore<K, R> {
    store: Arc<dyn Store<K, R>>,
    is_near: bool,
    /// Whether other processes compute the same.
    is_together: bool,
}

thread_local! {
    /// Where the key is for which the store is not asked.
    static AFRESH: Cell<*const ()> = const { Cell::new(std::ptr::null()) };
}

impl<K: Key, R: Output> Dock<K, R> {
    /// A dock whose store has not been opened.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "made in statics")]
    pub const fn new() -> Self {
        Dock {
            attached: OnceCell::new(),
            shore: OnceCell::new(),
            found: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            breaker: Breaker::new(),
            grain: Grain::new(),
            ahead: Ahead::new(),
            pending: Results::new(),
            writing: Mutex::new(()),
        }
    }

    /// A dock for as long as the process lives: of a generic function, each set of types has its own.
    #[must_use]
    pub fn leaked() -> &'static Self {
        Box::leak(Box::new(Self::new()))
    }

    fn keeps(&self, value: &R) -> bool {
        self.attached.get().and_then(|attached| attached.keep).is_none_or(|keep| keep(value))
    }

    fn shore(&'static self) -> &'static Shore<K, R> {
        self.shore.get_or_init(|| {
            let opened = self.attached.get().map(|attached| (attached.open)());
            let store = open::store_of(opened);
            if let Some(forget) = self.attached.get().map(|attached| attached.forget) {
                let watching = store.watch(Box::new(move |change| match change {
                    Change::Key(key) => {
                        self.ahead.forget(Some(&key));
                        forget(Some(&key));
                    }
                    Change::All => {
                        self.ahead.forget(None);
                        forget(None);
                    }
                }));
                if watching.is_err() {
                    self.errors.fetch_add(1, Ordering::Relaxed);
                }
            }
            Shore { is_near: store.is_near(), is_together: store.cooperation().is_some(), store }
        })
    }

    /// Asks the store, unless it rests, and counts what goes wrong.
    fn ask<T>(&'static self, question: impl FnOnce(&dyn Store<K, R>) -> Result<T>) -> Result<T> {
        let shore = self.shore();
        if let Err(again_in) = self.breaker.check(Instant::now()) {
            self.errors.fetch_add(1, Ordering::Relaxed);
            return Err(Error::Resting { store: "the store".to_owned(), again_in });
        }
        let answer = catch_unwind(AssertUnwindSafe(|| question(&*shore.store))).unwrap_or_else(|payload| {
            panics::swallow(payload);
            Err(Error::other("the store", "it panicked"))
        });
        match &answer {
            Ok(_) => self.breaker.succeeded(),
            Err(error) => {
                self.errors.fetch_add(1, Ordering::Relaxed);
                if error.is_outage() || matches!(error, Error::Other { .. }) {
                    self.breaker.failed(Instant::now());
                }
            }
        }
        answer
    }

    /// Writes what waits.
    fn write_pending(&'static self) -> Result<()> {
        let writing = lock(&self.writing);
        self.write_under(&writing)
    }

    /// Writes what waits, under the lock for it.
    fn write_under(&'static self, _: &MutexGuard<'_, ()>) -> Result<()> {
        let Some(batch) = self.pending.take() else { return Ok(()) };
        let borrowed: Vec<(&K, &R)> = batch.iter().map(|(key, value)| (&key.0, value)).collect();
        let written = self.ask(|store| store.put_many(&borrowed, None));
        self.pending.written();
        written
    }
}

impl<K: Key, R: Output> Dock<K, R> {
    /// Fetches what is not known of several keys in one go.
    fn fetch(&'static self, keys: &[&K]) {
        let asked = self.ahead.ask();
        let missing = self.ahead.missing(keys);
        if missing.len() > 1
            && let Ok(found) = self.ask(|store| store.get_many(&missing))
        {
            asked.keep(missing.into_iter().cloned().zip(found));
        }
    }

    /// As `foretell_all`, by a thread that may wait.
    fn fetch_all(&'static self, owner: Option<&K>, keys: &[K]) -> Vec<Option<Seat>> {
        if self.shore().is_near {
            return Vec::new();
        }
        if let Some(store) = self.cooperation() {
            return self.foretell_all_together(store, owner, keys).unwrap_or_default();
        }
        self.fetch(&keys.iter().collect::<Vec<_>>());
        Vec::new()
    }
}

impl<K: Key, R: Output> Pending for Dock<K, R> {
    // What goes wrong is counted where the store is asked.
    fn write(&'static self) {
        let _ = self.write_pending();
    }

    fn write_at_exit(&'static self, end: Instant) {
        loop {
            match self.writing.try_lock() {
                Ok(writing) => return drop(self.write_under(&writing)),
                Err(TryLockError::Poisoned(writing)) => return drop(self.write_under(&writing.into_inner())),
                // Somebody writes; perhaps this very thread, whose store has ended the process.
                Err(TryLockError::WouldBlock) if Instant::now() < end => thread::sleep(Duration::from_millis(1)),
                Err(TryLockError::WouldBlock) => return,
            }
        }
    }
}

impl<K: Key, R: Output> Behind<K, R> for Dock<K, R> {
    fn attach(&'static self, attached: Attached<K, R>) {
        if self.attached.get().is_none() {
            // Whoever comes first brings the same.
            let _ = self.attached.set(attached);
        }
    }

    fn look(&'static self, key: &K) -> std::result::Result<Option<R>, Fault> {
        if AFRESH.get() == std::ptr::from_ref(key).cast() {
            AFRESH.set(std::ptr::null());
            return Ok(None);
        }
        let found = match (self.pending.find(key), self.ahead.take(key)) {
            (Some(value), _) => Some(value),
            (None, Some(known)) => known,
            (None, None) => self.ask(|store| store.get(key))?,
        };
        if found.is_some() {
            self.found.fetch_add(1, Ordering::Relaxed);
        }
        Ok(found)
    }

    fn is_prompt(&'static self) -> bool {
        // Opening one may take its time.
        self.shore.get().is_some_and(|shore| shore.is_near)
    }

    fn note(&'static self, key: &K, value: &R) {
        if !self.keeps(value) {
            return;
        }
        let waiting = self.pending.add(key, value);
        let is_left_alone = waiting == 1 && !writer::soon(self);
        if is_left_alone || waiting >= TOO_MANY {
            let _ = self.write_pending();
        } else if waiting == MANY {
            writer::hurry();
        }
    }

    fn is_behind(&'static self) -> bool {
        self.pending.len() >= TOO_MANY / 2
    }

    fn write(&'static self, key: &K, value: &R) -> std::result::Result<(), Fault> {
        if self.keeps(value) {
            self.ask(|store| store.put(key, value, None))?;
        }
        Ok(())
    }

    fn is_together(&'static self) -> bool {
        self.shore().is_together
    }

    fn together(&'static self, key: &K, body: &mut dyn FnMut() -> R, help: Help<'_, K>) -> Option<R> {
        self.compute_together(key, body, help, false).ok().flatten()
    }

    fn together_or_fail(
        &'static self,
        key: &K,
        body: &mut dyn FnMut() -> R,
        help: Help<'_, K>,
    ) -> std::result::Result<Option<R>, Fault> {
        Ok(self.compute_together(key, body, help, true)?)
    }

    fn turn(&'static self, key: &K, beside: Option<&[(K, u64)]>) -> std::result::Result<Turn<K, R>, Fault> {
        self.ask_for_turn(key, beside)
    }

    fn seek(&'static self, needs: Vec<K>, helped: &[K], claims: bool) -> std::result::Result<Sought<K>, Fault> {
        Ok(self.seek_free(needs, helped, claims)?)
    }

    fn end_turn(&'static self, key: &K, value: &R, own: Duration) -> std::result::Result<(), Fault> {
        self.grain.ended(own);
        self.ends(key);
        Ok(self.keep_together(key, value)?)
    }

    fn give_up(&'static self, key: &K) {
        if let Some(store) = self.ends(key) {
            store.give_up(key);
        }
    }

    fn needs(&'static self, key: &K, needed: &[K]) {
        if let Some(store) = self.cooperation() {
            // Others then only know less.
            let _ = store.needs(&store.bytes(key), &needed.iter().collect::<Vec<_>>());
        }
    }

    fn foretell(&'static self, keys: &[K], members: &mut [usize], claims: bool) -> Option<Seat> {
        if self.shore().is_near || self.breaker.is_open() {
            return None;
        }
        if self.shore().is_together {
            return self.foretell_together(keys, members, claims);
        }
        self.fetch(&members.iter().map(|index| &keys[*index]).collect::<Vec<_>>());
        None
    }

    fn foretell_all(&'static self, keys: Vec<K>) -> Option<Foretelling> {
        if self.is_prompt() || self.breaker.is_open() { None } else { Some(tasks::foretell(self, keys)) }
    }

    fn peek(&'static self, key: &K) -> Option<R> {
        self.pending.find(key).or_else(|| self.ask(|store| store.get(key)).ok().flatten())
    }

    fn insert(&'static self, key: &K, value: &R) {
        if self.keeps(value) {
            let _writing = lock(&self.writing);
            self.pending.forget(Some(key));
            let _ = self.ask(|store| store.put(key, value, None));
            self.ahead.forget(Some(key));
        }
    }

    fn remove(&'static self, key: &K) {
        let _writing = lock(&self.writing);
        self.pending.forget(Some(key));
        let _ = self.ask(|store| store.remove(key));
        // Last: what is asked for before this may be of before.
        self.ahead.forget(Some(key));
    }

    fn clear(&'static self) {
        let _writing = lock(&self.writing);
        self.pending.forget(None);
        let _ = self.ask(|store| store.clear());
        self.ahead.forget(None);
    }

    fn afresh(&'static self, key: &K, compute: &mut dyn FnMut()) {
        struct Back(*const ());
        impl Drop for Back {
            fn drop(&mut self) {
                AFRESH.set(self.0);
            }
        }
        let _back = Back(AFRESH.replace(std::ptr::from_ref(key).cast()));
        compute();
    }

    fn flush(&'static self) -> std::result::Result<(), Fault> {
        self.write_pending()?;
        Ok(self.ask(|store| store.flush())?)
    }

    fn entries(&'static self, each: &mut dyn FnMut(K, R) -> bool) -> std::result::Result<bool, Fault> {
        self.write_pending()?;
        Ok(self.ask(|store| store.entries(each))?)
    }

    fn counts(&'static self) -> Counts {
        let condition = match self.shore.get() {
            None => Condition::None,
            Some(_) if self.breaker.is_open() => Condition::Down,
            Some(shore) => shore.store.condition(),
        };
        Counts { found: self.found.load(Ordering::Relaxed), errors: self.errors.load(Ordering::Relaxed), condition }
    }
}
