//! Storage that forgets: the last few values, in constant memory.
//!
//! Producers write into `incoming`, room for a few values that only the holder of the turn touches; settling moves them
//! under the lock, where readers clone them.

use std::{
    cell::UnsafeCell,
    collections::VecDeque,
    mem::{self, MaybeUninit},
};

use super::{sink::Room, store::Store};
use crate::sync::{AtomicUsize, Mutex, Ordering, const_unless_loom, lock};

/// How many values a producer writes before it has to settle.
const INCOMING: usize = 64;

/// The last values of a generator.
pub(super) struct Ring<T> {
    /// What a sink counts: settled values and those in `incoming`. For the holder of the turn.
    given: AtomicUsize,
    /// How many values were ever visible. Stored with Release under the lock of `kept`, read with Acquire.
    settled: AtomicUsize,
    /// Values `settled..given`, for the holder of the turn only; made at first use.
    incoming: UnsafeCell<Vec<MaybeUninit<T>>>,
    /// The values before `settled` that are not forgotten.
    kept: Mutex<VecDeque<T>>,
}

/// What became of a look into the ring.
pub(super) enum Look<T> {
    /// The value is kept.
    Here(T),
    /// It was forgotten; the oldest that is kept is this.
    Left(usize),
    /// It is yet to come.
    Missing,
}

impl<T> Ring<T> {
    const_unless_loom! {
        /// No values and no memory.
        pub(super) fn new() -> Self {
            Ring {
                given: AtomicUsize::new(0),
                settled: AtomicUsize::new(0),
                incoming: UnsafeCell::new(Vec::new()),
                kept: Mutex::new(VecDeque::new()),
            }
        }
    }

    /// Reads the values from `index`; those before `floor` count as forgotten.
    pub(super) fn look<R>(
        &self,
        index: usize,
        floor: usize,
        read: impl FnOnce(std::collections::vec_deque::Iter<'_, T>) -> R,
    ) -> Look<R> {
        let kept = lock(&self.kept);
        let settled = self.settled.load(Ordering::Relaxed);
        if index >= settled {
            return Look::Missing;
        }
        let first = settled - kept.len();
        if index < first.max(floor) {
            return Look::Left(first.max(floor));
        }
        Look::Here(read(kept.range(index - first..)))
    }
}

impl<T> Store<T> for Ring<T> {
    fn len(&self) -> usize {
        self.settled.load(Ordering::Acquire)
    }

    #[cfg(not(loom))]
    fn held(&self) -> usize {
        lock(&self.kept).len()
    }

    fn visible(&self) -> &AtomicUsize {
        &self.settled
    }

    fn published(&self) -> &AtomicUsize {
        &self.given
    }

    fn room(&self, len: usize) -> Room<T> {
        // SAFETY: only the holder of the turn calls this, and no other reference to `incoming` is alive.
        let incoming = unsafe { &mut *self.incoming.get() };
        if incoming.is_empty() {
            incoming.resize_with(INCOMING, MaybeUninit::uninit);
        }
        Room { slot: incoming.as_mut_ptr().cast(), until: len.saturating_add(INCOMING) }
    }

    fn ready_room(&self, _: usize) -> Option<Room<T>> {
        None
    }

    fn settle(&self, len: usize, floor: usize) {
        let settled = self.settled.load(Ordering::Relaxed);
        if settled == len {
            return;
        }
        // SAFETY: as in `room`.
        let incoming = unsafe { &mut *self.incoming.get() };
        let mut kept = lock(&self.kept);
        // SAFETY: the sink counted these values, so they were written; each is read once, because `settled` moves past.
        kept.extend(incoming[..len - settled].iter().map(|slot| unsafe { slot.assume_init_read() }));
        // Release: pairs with the Acquire in `len`; the lock orders it for those who look inside.
        self.settled.store(len, Ordering::Release);
        let first = len - kept.len();
        let surplus = floor.saturating_sub(first).min(kept.len());
        if mem::needs_drop::<T>() {
            let forgotten: Vec<T> = kept.drain(..surplus).collect();
            drop(kept);
            // Outside the lock: their `Drop` may be anything.
            drop(forgotten);
        } else {
            kept.drain(..surplus);
        }
    }

    fn last_is(&self, len: usize, test: fn(&T) -> bool) -> bool {
        len > 0 && len == self.len() && lock(&self.kept).back().is_some_and(test)
    }
}

impl<T> Drop for Ring<T> {
    fn drop(&mut self) {
        let pending = self.given.load(Ordering::Acquire) - self.settled.load(Ordering::Acquire);
        for slot in &mut self.incoming.get_mut()[..pending] {
            // SAFETY: values between `settled` and `given` were written and not yet moved out.
            unsafe { slot.assume_init_drop() };
        }
    }
}
