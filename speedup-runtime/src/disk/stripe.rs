//! The locks that readers of a structure have: each thread takes another one, so that they neither wait for each other nor share what they write.

use std::cell::Cell;

use super::pages::Own;
use crate::sync::global::{AtomicUsize, Mutex, MutexGuard, Ordering, TryLockError, lock};

/// How many stripes a structure has at most.
pub(crate) const STRIPES: usize = 8;

/// The lock of some readers, and the pages that they have cached; with a cache line of its own.
#[derive(Default)]
#[repr(align(128))]
pub(crate) struct Stripe {
    pub(crate) own: Mutex<Own>,
    /// Which thread reads with it, 0 if none.
    reader: AtomicUsize,
}

impl Stripe {
    /// Writes the name of this thread on it, which has its lock.
    fn read<'a>(&'a self, own: MutexGuard<'a, Own>) -> Reading<'a> {
        self.reader.store(this_thread(), Ordering::Relaxed);
        Reading { own, reader: &self.reader }
    }
}

/// A stripe that a reader has.
pub(crate) struct Reading<'a> {
    pub(crate) own: MutexGuard<'a, Own>,
    reader: &'a AtomicUsize,
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        // Before the stripe is given up.
        self.reader.store(0, Ordering::Relaxed);
    }
}

/// Takes the stripe of this thread; `None` if it has one already, as when decoding a value reads the structure.
#[inline]
pub(crate) fn take(stripes: &[Stripe]) -> Option<Reading<'_>> {
    let stripe = &stripes[if stripes.len() == 1 { 0 } else { home() % stripes.len() }];
    match try_lock(&stripe.own) {
        Some(own) => Some(stripe.read(own)),
        None => another(stripes),
    }
}

/// Takes a stripe when that of this thread is taken: one that is free becomes its own from here on.
#[cold]
fn another(stripes: &[Stripe]) -> Option<Reading<'_>> {
    // Relaxed: who reads its own name has written it.
    if stripes.iter().any(|stripe| stripe.reader.load(Ordering::Relaxed) == this_thread()) {
        return None;
    }
    for (index, stripe) in stripes.iter().enumerate() {
        if let Some(own) = try_lock(&stripe.own) {
            HOME.set(index);
            return Some(stripe.read(own));
        }
    }
    let stripe = &stripes[home() % stripes.len()];
    Some(stripe.read(lock(&stripe.own)))
}

/// How many threads have read.
static READERS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Which stripe this thread tries first: at first by the order in which threads came. Relaxed: any number will do.
    static HOME: Cell<usize> = Cell::new(READERS.fetch_add(1, Ordering::Relaxed));
}

fn home() -> usize {
    HOME.get()
}

/// A number that no other living thread has, and none has that is 0.
pub(crate) fn this_thread() -> usize {
    thread_local!(static PLACE: u8 = const { 0 });
    PLACE.with(|place| std::ptr::from_ref(place) as usize)
}

pub(crate) fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}
