//! The keys that a forecast names.
//!
//! Whether they are missing, and which of them are the same, is found out when they are shared out, or when there is no room for more: of
//! cheap calls, that would take as long as the calls. For the same reason the thread that makes the forecast takes no lock.

use std::{
    cell::UnsafeCell,
    sync::{Mutex, PoisonError},
};

use crate::cache::{
    call::state::Core,
    table::key::{Key, Output},
    thread::registry::{self, Worker},
};
use crate::sync::lock;

use super::missing::missing;

/// A forecast names at most so many calls; those behind them are computed when the body comes to them.
const MOST: usize = 1 << 16;
/// So many keys at least are named before it is found out which of them are missing.
const ROOM: usize = if cfg!(miri) { 16 } else { 1024 };

/// The keys that a forecast has named.
pub(super) struct Named<K> {
    by: &'static Worker,
    /// What the thread of that worker has named: it alone touches this.
    own: UnsafeCell<Keys<K>>,
    /// What other threads have, where a forecast goes through something in parallel.
    others: Mutex<Keys<K>>,
}

// SAFETY: `own` is touched by the thread of `by` alone as long as it is borrowed by several; all else is `Sync`. Keys move from thread to thread.
unsafe impl<K: Send> Sync for Named<K> {}

impl<K: Key> Named<K> {
    /// Of a forecast that this thread makes, where the last one named so many.
    pub(super) fn by(worker: &'static Worker, last: usize) -> Self {
        Self { by: worker, own: UnsafeCell::new(Keys::new(last.clamp(4, ROOM))), others: Mutex::new(Keys::new(0)) }
    }

    /// Notes a key, and ends a forecast that has no end.
    #[inline]
    pub(super) fn name<R: Output>(&self, key: K, core: &Core<K, R>) {
        let worker = registry::current();
        if !std::ptr::eq(worker, self.by) {
            return self.name_of_another(key, core, worker);
        }
        // SAFETY: the thread that alone touches it; no other reference is alive, since no code of users runs while there is one.
        if unsafe { &*self.own.get() }.is_full() {
            self.make_room(core, worker);
        }
        // SAFETY: as above; a push runs no code of users.
        unsafe { &mut *self.own.get() }.keys.push(key);
    }

    /// On the forecast's own thread. Keys that are hashed, compared and dropped here might lead to the forecast again, so they are set aside.
    #[cold]
    fn make_room<R: Output>(&self, core: &Core<K, R>, worker: &'static Worker) {
        // SAFETY: as in `name`.
        let mut keys = std::mem::replace(unsafe { &mut *self.own.get() }, Keys::new(0));
        let has_room = keys.make_room(core, worker);
        // SAFETY: as in `name`.
        let own = unsafe { &mut *self.own.get() };
        keys.keys.append(&mut own.keys);
        *own = keys;
        if !has_room {
            end();
        }
    }

    #[cold]
    fn name_of_another<R: Output>(&self, key: K, core: &Core<K, R>, worker: &'static Worker) {
        let mut others = lock(&self.others);
        if others.is_full() && !others.make_room(core, worker) {
            drop(others);
            end();
        }
        others.keys.push(key);
    }

    /// All of them; those of other threads come last.
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    pub(super) fn into_keys(self) -> Vec<K> {
        let mut keys = self.own.into_inner().keys;
        keys.append(&mut self.others.into_inner().unwrap_or_else(PoisonError::into_inner).keys);
        keys
    }
}

/// Those of one thread, or of several that take turns.
struct Keys<K> {
    keys: Vec<K>,
    room: usize,
}

impl<K: Key> Keys<K> {
    fn new(capacity: usize) -> Self {
        Self { keys: Vec::with_capacity(capacity), room: ROOM }
    }

    fn is_full(&self) -> bool {
        self.keys.len() >= self.room
    }

    /// Drops what is not missing; whether there is room then.
    fn make_room<R: Output>(&mut self, core: &Core<K, R>, worker: &'static Worker) -> bool {
        let mut missing = missing(core, &self.keys, 0..self.keys.len(), worker).into_iter().peekable();
        let mut at = 0;
        self.keys.retain(|_| {
            let is_missing = missing.next_if_eq(&at).is_some();
            at += 1;
            is_missing
        });
        self.room = (2 * self.keys.len()).clamp(ROOM, MOST);
        !self.is_full()
    }
}

/// Ends the forecast. No hook is called, so nothing is printed; who makes the forecast contains it.
fn end() -> ! {
    std::panic::resume_unwind(Box::new("the forecast names too many calls"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panics;

    fn named(keys: impl IntoIterator<Item = u32>, there: &[u32]) -> Vec<u32> {
        let cache = crate::Cache::from_fn(|n: u32| n);
        there.iter().for_each(|n| _ = cache.get((*n,)));
        let core = cache.core();
        let named = Named::by(registry::current(), 0);
        panics::contain(|| keys.into_iter().for_each(|n| named.name((n,), core)));
        let keys = named.into_keys();
        missing(core, &keys, 0..keys.len(), registry::current()).iter().map(|index| keys[*index].0).collect()
    }

    #[test]
    fn what_is_missing_is_named_once_and_in_order() {
        assert!(named([], &[]).is_empty());
        assert_eq!(named([3, 1, 3, 2, 1], &[2]), [3, 1]);
        let count = if cfg!(miri) { 20 } else { 500 };
        let expected: Vec<u32> = (0..count).rev().filter(|n| n % 7 != 0).collect();
        let there: Vec<u32> = (0..count).filter(|n| n % 7 == 0).collect();
        // More than there is room for at once.
        let keys = (0..count).rev().flat_map(|n| [n; 9]);
        assert_eq!(named(keys, &there), expected);
    }

    #[test]
    fn a_forecast_without_an_end_ends() {
        let named = named(0.., &[5]);
        assert_eq!(named.len(), MOST);
        assert!(named.iter().copied().eq((0..).filter(|n| *n != 5).take(MOST)));
    }

    #[test]
    fn what_other_threads_name_comes_behind() {
        let cache = crate::Cache::from_fn(|n: u32| n);
        let (core, named) = (cache.core(), Named::by(registry::current(), 0));
        std::thread::scope(|scope| {
            scope.spawn(|| (0..5).for_each(|n| named.name((n + 10,), core)));
            (0..5).for_each(|n| named.name((n,), core));
        });
        assert!(named.into_keys().iter().map(|key| key.0).eq((0..5).chain(10..15)));
    }
}
