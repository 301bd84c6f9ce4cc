//! One key's place: a state word and room for a value.
//!
//! ```text
//!            claim                    publish
//!   Empty ---------> Claimed(owner) ----------> Ready ------> Moved     (paged slot: the key lives in the hash table)
//!     ^                    |                      `---------> Removed   (hashed entry: unlinked, freed when unread)
//!     `--------------------'
//!            release, or `Removed` for a hashed entry whose result is not kept
//! ```
//!
//! Who claims a slot is the only one who writes its value, and does so before `Ready` is stored. Whoever reads `Ready`
//! may read the value as long as it stays pinned.

use std::marker::PhantomData;

use crate::{
    cache::{
        table::bias::{Alone, Turn},
        thread::registry::Pinned,
    },
    sync::{AtomicU32, Ordering},
};

const EMPTY: u32 = 0;
const READY: u32 = 1;
const MOVED: u32 = 2;
const REMOVED: u32 = 3;
/// Words from here on name the worker that claimed the slot.
const FIRST_OWNER: u32 = 4;

/// What a state word says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cache) enum Word {
    /// Nobody has computed the value, nobody is at it.
    Empty,
    /// The value may be read.
    Ready,
    /// The key has gone to the hash table.
    Moved,
    /// The entry is no longer part of the table.
    Removed,
    /// The worker with this number is computing the value.
    Claimed(u32),
}

/// A state word. All zero bits are `Empty`.
pub(in crate::cache) struct State(AtomicU32);

impl State {
    /// A word that names the worker as its owner.
    pub(in crate::cache) fn claimed(owner: u32) -> Self {
        Self(AtomicU32::new(owner + FIRST_OWNER))
    }

    /// The word of a value that may be read.
    pub(in crate::cache) fn ready() -> Self {
        Self(AtomicU32::new(READY))
    }

    /// An empty word.
    pub(in crate::cache) fn empty() -> Self {
        Self(AtomicU32::new(EMPTY))
    }

    /// Whether the value may be read. Acquire: with the Release in [`publish`](Self::publish).
    #[inline]
    pub(in crate::cache) fn is_ready(&self) -> bool {
        self.0.load(Ordering::Acquire) == READY
    }

    /// What the word says now. Acquire as for [`is_ready`](Self::is_ready).
    #[inline]
    pub(in crate::cache) fn word(&self) -> Word {
        Self::decode(self.0.load(Ordering::Acquire))
    }

    /// Makes the worker the one that computes the value, or says why it is not.
    #[inline]
    pub(in crate::cache) fn claim(&self, owner: u32) -> Result<(), Word> {
        // Acquire on both ways: a failure may read `Ready`, a success follows the Release of `release`.
        self.0
            .compare_exchange(EMPTY, owner + FIRST_OWNER, Ordering::Acquire, Ordering::Acquire)
            .map(drop)
            .map_err(Self::decode)
    }

    /// As [`claim`](Self::claim), for the only thread that may claim.
    #[inline]
    pub(in crate::cache) fn claim_alone(&self, owner: u32, _alone: &Alone<'_>) -> Result<(), Word> {
        match self.0.load(Ordering::Acquire) {
            EMPTY => {
                // Relaxed, as a successful `claim`; and nobody else changes an empty word.
                self.0.store(owner + FIRST_OWNER, Ordering::Relaxed);
                Ok(())
            }
            word => Err(Self::decode(word)),
        }
    }

    /// As one of the two, whichever the turn is.
    #[inline]
    pub(in crate::cache) fn claim_in(&self, owner: u32, turn: &Turn<'_>) -> Result<(), Word> {
        match turn {
            Turn::Alone(alone) => self.claim_alone(owner, alone),
            Turn::Shared => self.claim(owner),
        }
    }

    /// Lets everybody read the value; only by the owner, after it wrote the value.
    #[inline]
    pub(in crate::cache) fn publish(&self) {
        self.0.store(READY, Ordering::Release);
    }

    /// Gives a claim back; only by the owner.
    pub(in crate::cache) fn release(&self) {
        self.0.store(EMPTY, Ordering::Release);
    }

    /// Sends readers of a paged slot to the hash table; only by the owner, or under the writer's lock on a ready slot.
    pub(in crate::cache) fn move_away(&self) {
        self.0.store(MOVED, Ordering::Release);
    }

    /// Marks a hashed entry as unlinked; only under the writer's lock on a ready entry, or by the owner.
    pub(in crate::cache) fn remove(&self) {
        self.0.store(REMOVED, Ordering::Release);
    }

    /// Brings a removed entry back into use with another key, which has been written; only under the writer's lock.
    pub(in crate::cache) fn renew(&self, state: Self) {
        // Release: with the Acquire in `claim`, so that who claims the entry sees its key.
        self.0.store(state.0.into_inner(), Ordering::Release);
    }

    /// Tries to take a ready slot out of use: `Ready` to `Moved`, by exactly one thread.
    pub(in crate::cache) fn take_ready(&self) -> bool {
        self.0.compare_exchange(READY, MOVED, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    #[inline]
    fn decode(word: u32) -> Word {
        match word {
            EMPTY => Word::Empty,
            READY => Word::Ready,
            MOVED => Word::Moved,
            REMOVED => Word::Removed,
            owner => Word::Claimed(owner - FIRST_OWNER),
        }
    }
}

/// Marks the member name of a hashed slot, which is no page's.
pub(super) const HASHED: u64 = 1 << 63;

/// A slot that may be looked at while its finder's pin lasts.
pub(in crate::cache) struct Slot<'pin, R> {
    /// Points into a table that is not freed during `'pin`.
    state: *const State,
    /// As `state`; initialised exactly when the word is `Ready`, or was while the pin lasted.
    value: *mut R,
    /// How the table finds the slot again, see [`Table::claim_member`](super::Table::claim_member).
    member: u64,
    pin: PhantomData<Pinned<'pin>>,
}

impl<R> Clone for Slot<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Slot<'_, R> {}

impl<'pin, R> Slot<'pin, R> {
    /// A slot of a table.
    ///
    /// # Safety
    /// Both pointers lead to one slot of a table that is not freed during `'pin`.
    #[inline]
    pub(in crate::cache) unsafe fn new(state: *const State, value: *mut R, member: u64) -> Self {
        Self { state, value, member, pin: PhantomData }
    }

    /// The address of the state word: names the slot among all slots of the process while its table is current.
    #[inline]
    pub(in crate::cache) fn address(&self) -> usize {
        self.state as usize
    }

    /// How the table finds the slot again.
    #[inline]
    pub(in crate::cache) fn member(&self) -> u64 {
        self.member
    }

    /// The state word.
    #[inline]
    pub(in crate::cache) fn state(&self) -> &'pin State {
        // SAFETY: the table is not freed during `'pin`.
        unsafe { &*self.state }
    }

    /// The value, if it is there.
    #[inline]
    pub(in crate::cache) fn value(&self) -> Option<&'pin R> {
        // SAFETY: a ready slot is initialised, is never written again, and lives during `'pin`.
        self.state().is_ready().then(|| unsafe { &*self.value })
    }

    /// Where the value is or will be.
    pub(super) fn value_ptr(&self) -> *mut R {
        self.value
    }

    /// Whether the slot is that of a hashed key, and not of a page.
    #[inline]
    pub(in crate::cache) fn is_hashed(&self) -> bool {
        self.member & HASHED != 0
    }

    /// Where the state word is, beyond the pin.
    #[inline]
    pub(in crate::cache) fn state_ptr(&self) -> *const State {
        self.state
    }

    /// Writes the value and lets everybody read it.
    ///
    /// # Safety
    /// The calling worker has claimed the slot and not given the claim back.
    #[inline]
    pub(in crate::cache) unsafe fn publish(&self, value: R) {
        // SAFETY: the claim makes this thread the only writer, and nobody reads before `Ready`.
        unsafe { self.value.write(value) };
        self.state().publish();
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::{
        cell::UnsafeCell,
        sync::{Arc, atomic::AtomicUsize},
        thread,
    };

    use super::*;

    /// A state word with what it guards: the checker reports a value that is read while it is written.
    struct Guarded {
        state: State,
        value: UnsafeCell<u32>,
        runs: AtomicUsize,
    }

    impl Guarded {
        fn new() -> Arc<Self> {
            Arc::new(Self { state: State::empty(), value: UnsafeCell::new(0), runs: AtomicUsize::new(0) })
        }

        /// What a call does: reads the value, or computes and publishes it, or waits and looks again. The first
        /// `failures` runs end without a value.
        fn get(&self, me: u32, failures: usize) -> Option<u32> {
            loop {
                if self.state.is_ready() {
                    // SAFETY: a ready value is never written again.
                    return Some(self.value.with(|value| unsafe { *value }));
                }
                match self.state.claim(me) {
                    Ok(()) => {
                        if self.runs.fetch_add(1, Ordering::Relaxed) < failures {
                            self.state.release();
                            return None;
                        }
                        // SAFETY: the claim makes this thread the only one to touch the value.
                        self.value.with_mut(|value| unsafe { *value = 7 });
                        self.state.publish();
                        return Some(7);
                    }
                    Err(Word::Claimed(owner)) => {
                        assert_ne!(owner, me);
                        thread::yield_now();
                    }
                    Err(word) => assert_eq!(word, Word::Ready),
                }
            }
        }
    }

    #[test]
    fn loom_one_computes_and_both_get_the_value() {
        loom::model(|| {
            let slot = Guarded::new();
            let other = slot.clone();
            let other = thread::spawn(move || assert_eq!(other.get(1, 0), Some(7)));
            assert_eq!(slot.get(0, 0), Some(7));
            other.join().unwrap();
            assert_eq!(slot.runs.load(Ordering::Relaxed), 1);
        });
    }

    #[test]
    fn loom_a_claim_that_is_given_back_is_taken_by_the_next() {
        loom::model(|| {
            let slot = Guarded::new();
            let other = slot.clone();
            let other = thread::spawn(move || other.get(1, 1));
            let got = [slot.get(0, 1), other.join().unwrap()];
            assert_eq!(got.iter().flatten().count(), 1, "one failed, the other got the value: {got:?}");
            assert_eq!(slot.runs.load(Ordering::Relaxed), 2);
        });
    }

    #[test]
    fn loom_one_of_many_takes_a_ready_slot_out_of_use() {
        loom::model(|| {
            let slot = Guarded::new();
            assert_eq!(slot.get(0, 0), Some(7));
            let other = slot.clone();
            let other = thread::spawn(move || other.state.take_ready());
            let mine = slot.state.take_ready();
            assert!(mine != other.join().unwrap());
            assert_eq!(slot.state.word(), Word::Moved);
        });
    }
}
