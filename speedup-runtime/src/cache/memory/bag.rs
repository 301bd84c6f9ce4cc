//! What one thread has retired and nobody has looked at yet: a ring, filled by the thread without a lock or an atomic
//! read-modify-write, and emptied by whoever hands its contents over to the domain.
//!
//! ```text
//!   taken ..= what was put in ..= filled          at most LEN apart
//!     |                             |
//!     moved under the domain's      moved by the thread alone
//!     lock by who empties it
//! ```
//! Source: K. Fraser, "Practical lock-freedom" (2004), for limbo lists of a thread's own; crossbeam-epoch, for bags that are handed
//! over whole.

use std::mem::MaybeUninit;

use crate::sync::{AtomicU32, AtomicUsize, OnceBox, Ordering, WatchedCell};

/// A retired thing: two words, and the function that frees what they say.
pub(in crate::cache) struct Garbage {
    of: *const (),
    at: *mut (),
    free: unsafe fn(*const (), *mut ()),
}

// SAFETY: `free` may be called on any thread, by the contract of `new`.
unsafe impl Send for Garbage {}

impl Garbage {
    /// # Safety
    /// `free` may be called once with these pointers, on any thread, when nobody can be looking any more.
    pub(in crate::cache) const unsafe fn new(of: *const (), at: *mut (), free: unsafe fn(*const (), *mut ())) -> Self {
        Self { of, at, free }
    }

    /// A box that came from [`Box::into_raw`].
    ///
    /// # Safety
    /// Nobody else frees it, and it may be dropped on any thread.
    pub(in crate::cache) unsafe fn boxed<T>(at: *mut T) -> Self {
        unsafe fn free<T>(_: *const (), at: *mut ()) {
            // SAFETY: by the contract of `boxed`.
            drop(unsafe { Box::from_raw(at.cast::<T>()) });
        }
        // SAFETY: by the contract of this function.
        unsafe { Self::new(std::ptr::null(), at.cast(), free::<T>) }
    }

    /// Something that is dropped.
    pub(in crate::cache) fn dropped<T: Send>(value: T) -> Self {
        // SAFETY: made just now, and `Send`.
        unsafe { Self::boxed(Box::into_raw(Box::new(value))) }
    }

    /// The first of its two words.
    #[cfg(test)]
    pub(super) fn of(&self) -> *const () {
        self.of
    }

    pub(super) fn free(self) {
        // SAFETY: by the contract of `new`; once, since `self` is gone.
        unsafe { (self.free)(self.of, self.at) };
    }
}

/// How many things a bag holds. A power of two.
pub(super) const LEN: usize = if cfg!(loom) { 2 } else { 64 };

/// How soon a thing is to be freed: what part it is of as much as is enough for somebody to collect.
#[derive(Clone, Copy, Debug)]
pub(in crate::cache) struct Urgency(u32);

/// As much as is enough.
pub(super) const ENOUGH: u32 = 1 << 16;

impl Urgency {
    /// Of which a full bag is enough.
    pub(in crate::cache) const USUAL: Self = Self::of(LEN as u64);

    /// Of which so many are enough, but no more than a thousand.
    pub(in crate::cache) const fn of(many: u64) -> Self {
        const MOST: u64 = 1_024;
        let many = if many < LEN as u64 { LEN as u64 } else { many };
        Self(ENOUGH / if many > MOST { MOST } else { many } as u32)
    }
}

/// The bag of one thread.
pub(in crate::cache) struct Bag {
    /// How many things were ever put in. Written by the bag's thread alone: Release, with the Acquire in [`empty`](Self::empty).
    filled: AtomicUsize,
    /// How many were ever taken out. Written by one thread at a time, which holds the domain's lock: Release, with the Acquire in
    /// [`put`](Self::put), so that no place is filled anew before it was read.
    taken: AtomicUsize,
    /// How urgent all is together that was put in since the thread has last asked. Relaxed: touched by the bag's thread alone.
    urgency: AtomicU32,
    /// Made for the first thing that is put in, since many a thread retires nothing. Those between `taken` and `filled` are initialised, each at its
    /// number modulo [`LEN`].
    places: OnceBox<[WatchedCell<MaybeUninit<Garbage>>; LEN]>,
}

// SAFETY: a place is written by the bag's thread while it is beyond `filled`, and read by who holds the domain's lock while it is
// not; and what is in it may be freed on any thread.
unsafe impl Sync for Bag {}

impl Bag {
    /// An empty bag.
    pub(in crate::cache) fn new() -> Self {
        Self {
            filled: AtomicUsize::new(0),
            taken: AtomicUsize::new(0),
            urgency: AtomicU32::new(0),
            places: OnceBox::new(),
        }
    }

    /// Puts something in; gives it back if the bag is full. Only by the bag's own thread.
    #[inline]
    pub(super) fn put(&self, garbage: Garbage) -> Result<(), Garbage> {
        // Relaxed: only this thread writes it.
        let filled = self.filled.load(Ordering::Relaxed);
        if filled.wrapping_sub(self.taken.load(Ordering::Acquire)) == LEN {
            return Err(garbage);
        }
        let places =
            self.places.get_or_init(|| Box::new(std::array::from_fn(|_| WatchedCell::new(MaybeUninit::uninit()))));
        // SAFETY: the place is beyond `filled`, so nobody else looks at it.
        places[filled % LEN].with_mut(|place| unsafe { (*place).write(garbage) });
        self.filled.store(filled.wrapping_add(1), Ordering::Release);
        Ok(())
    }

    /// Notes how urgent something is that is put in. Only by the bag's own thread.
    #[inline]
    pub(super) fn hurry(&self, Urgency(more): Urgency) {
        self.urgency.store(self.urgency.load(Ordering::Relaxed).saturating_add(more), Ordering::Relaxed);
    }

    /// How urgent all is that was put in since this was last asked. Only by the bag's own thread.
    pub(super) fn urgency(&self) -> u32 {
        let urgency = self.urgency.load(Ordering::Relaxed);
        self.urgency.store(0, Ordering::Relaxed);
        urgency
    }

    /// Takes everything out, in the order in which it was put in. Only by who holds the domain's lock.
    pub(super) fn empty(&self, mut each: impl FnMut(Garbage)) {
        // Relaxed: only who holds the lock writes it.
        let (taken, filled) = (self.taken.load(Ordering::Relaxed), self.filled.load(Ordering::Acquire));
        // There are some once anything has been put in.
        let Some(places) = self.places.get() else { return };
        for number in 0..filled.wrapping_sub(taken) {
            let place = &places[taken.wrapping_add(number) % LEN];
            // SAFETY: it was put in, and is taken out once, since `taken` moves on below and nobody else is here.
            each(place.with(|place| unsafe { (*place).assume_init_read() }));
        }
        if taken != filled {
            self.taken.store(filled, Ordering::Release);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn numbered(number: usize) -> Garbage {
        unsafe fn free(_: *const (), _: *mut ()) {}
        // SAFETY: it frees nothing.
        unsafe { Garbage::new(std::ptr::without_provenance(number), std::ptr::null_mut(), free) }
    }

    fn emptied(bag: &Bag) -> Vec<usize> {
        let mut numbers = Vec::new();
        bag.empty(|garbage| numbers.push(garbage.of().addr()));
        numbers
    }

    #[test]
    fn a_bag_gives_out_what_was_put_in_once_and_in_order() {
        let bag = Bag::new();
        assert!(emptied(&bag).is_empty());
        // Around the ring several times.
        for round in 0..5 {
            let all: Vec<usize> = (round..round + LEN - 3).collect();
            all.iter().for_each(|number| assert!(bag.put(numbered(*number)).is_ok()));
            assert_eq!(emptied(&bag), all);
        }
    }

    #[test]
    fn a_full_bag_gives_back_what_has_no_room() {
        let bag = Bag::new();
        (0..LEN).for_each(|number| assert!(bag.put(numbered(number)).is_ok()));
        assert_eq!(bag.put(numbered(LEN)).err().map(|back| back.of().addr()), Some(LEN));
        assert_eq!(emptied(&bag), (0..LEN).collect::<Vec<_>>());
        assert!(bag.put(numbered(LEN)).is_ok());
    }
}
