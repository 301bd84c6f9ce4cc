//! Values of one thread that have come in and have no place in a queue yet, where there are several queues and no room is left.
//!
//! Whoever finds the queues full takes a batch of values out, more than one has to go for the one that comes in. So there is room for the
//! next values of the same thread, which come in without a lock, and without a line of the processor's cache that another thread writes. They get
//! their places in the next batch. All that there is room for is counted from the start: a value that waits here takes no more than was
//! counted for it.
//!
//! Source: B. Manes, Caffeine, for write buffers that are emptied under the policy's lock.

use super::times::NOWHERE;
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// No more values wait than that, nor is there room ahead for more.
pub(super) const LEN: usize = if cfg!(loom) { 1 } else { 16 };
/// No more threads have an intake of their own. The others go to the queues each time.
pub(super) const INTAKES: u32 = if cfg!(loom) { 2 } else { 8 };

/// A value that has come in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Comer {
    pub(super) place: u32,
    pub(super) hash: u64,
    /// Whether it was asked for by a call of the same function.
    pub(super) is_nested: bool,
}

/// The values of one thread. On lines of the processor's cache that belong to no other one.
///
/// Relaxed, but for the owner: only the owner's thread writes it, and others read how much there is, for statistics.
#[repr(align(128))]
pub(super) struct Intake {
    /// The number of the worker, and one more; 0 for none yet. It stays the owner: a later thread with this number comes behind it.
    owner: AtomicU32,
    /// For so many more values room has been counted.
    spare: AtomicU32,
    /// How many wait.
    len: AtomicU32,
    /// How many batches there were.
    turns: AtomicU32,
    /// The number of the table that those who wait are in.
    table: AtomicU64,
    comers: [Waiting; LEN],
}

/// A [`Comer`].
struct Waiting {
    place: AtomicU32,
    is_nested: AtomicBool,
    hash: AtomicU64,
}

impl Intake {
    pub(super) fn new() -> Self {
        let comers = std::array::from_fn(|_| Waiting {
            place: AtomicU32::new(NOWHERE),
            is_nested: AtomicBool::new(false),
            hash: AtomicU64::new(0),
        });
        let none = || AtomicU32::new(0);
        Self { owner: none(), spare: none(), len: none(), turns: none(), table: AtomicU64::new(0), comers }
    }

    /// Whether it is that of the calling thread, whose worker has this number. Whoever comes first has it.
    #[inline]
    pub(super) fn is_of(&self, worker: u32) -> bool {
        let me = worker + 1;
        match self.owner.load(Ordering::Relaxed) {
            // Relaxed: nobody else has written anything.
            0 => self.owner.compare_exchange(0, me, Ordering::Relaxed, Ordering::Relaxed).is_ok(),
            owner => owner == me,
        }
    }

    /// Has a value of this table wait, if there is room for it. Only by the owner, as all that follows but for the last.
    #[inline]
    pub(super) fn put(&self, table: u64, comer: Comer) -> bool {
        let (spare, len) = (self.spare.load(Ordering::Relaxed), self.len.load(Ordering::Relaxed));
        let is_same = len == 0 || self.table.load(Ordering::Relaxed) == table;
        let Some(waiting) = self.comers.get(len as usize).filter(|_| spare > 0 && is_same) else { return false };
        waiting.place.store(comer.place, Ordering::Relaxed);
        waiting.is_nested.store(comer.is_nested, Ordering::Relaxed);
        waiting.hash.store(comer.hash, Ordering::Relaxed);
        self.table.store(table, Ordering::Relaxed);
        self.len.store(len + 1, Ordering::Relaxed);
        self.spare.store(spare - 1, Ordering::Relaxed);
        true
    }

    /// Whether nobody waits.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.len.load(Ordering::Relaxed) == 0
    }

    /// Takes out who waits in this table, and shows each; returns for how many others room has been counted. Who waits in another table is in none
    /// that is in use.
    #[inline]
    pub(super) fn take(&self, table: u64, mut each: impl FnMut(Comer)) -> u64 {
        let len = self.len.load(Ordering::Relaxed);
        let spare = u64::from(self.spare.load(Ordering::Relaxed));
        self.len.store(0, Ordering::Relaxed);
        self.spare.store(0, Ordering::Relaxed);
        if self.table.load(Ordering::Relaxed) != table {
            return spare + u64::from(len);
        }
        for waiting in &self.comers[..len as usize] {
            let place = waiting.place.load(Ordering::Relaxed);
            let is_nested = waiting.is_nested.load(Ordering::Relaxed);
            each(Comer { place, is_nested, hash: waiting.hash.load(Ordering::Relaxed) });
        }
        spare
    }

    /// Adds room for so many more values; returns how many are too many.
    pub(super) fn add(&self, spare: u64) -> u64 {
        let sum = spare + u64::from(self.spare.load(Ordering::Relaxed));
        let most = sum.min(LEN as u64);
        self.spare.store(most as u32, Ordering::Relaxed);
        sum - most
    }

    /// The number of the next batch, which is another one for each owner.
    pub(super) fn turn(&self) -> u32 {
        let turn = self.turns.load(Ordering::Relaxed).wrapping_add(1);
        self.turns.store(turn, Ordering::Relaxed);
        turn.wrapping_add(self.owner.load(Ordering::Relaxed))
    }

    /// How many values of a table wait. By anybody.
    pub(super) fn len(&self, table: u64) -> usize {
        if self.table.load(Ordering::Relaxed) == table { self.len.load(Ordering::Relaxed) as usize } else { 0 }
    }
}
