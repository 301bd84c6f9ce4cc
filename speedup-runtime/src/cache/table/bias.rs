//! Changing a table without atomic instructions, as long as one thread alone changes it.
//!
//! An atomic instruction waits until all that was stored before it has reached the cache, so a claim may cost more than
//! all the rest of a cheap call. Most tables are filled by one thread: the one that made the table is its *owner*, and
//! claims slots and makes entries by plain loads and stores. The first other thread that wants to change the table ends
//! that for good: it says so, makes all threads pass a barrier and waits until the owner is not in the middle of a
//! change. From then on everybody uses atomic instructions and locks. Readers need to know nothing of all this.
//!
//! ```text
//!   owner:  inside = 1; owner == me? change the table; inside = 0
//!   other:  owner = me + LEAVING; barrier for all threads; wait for inside == 0; owner = SHARED
//! ```
//!
//! Either the owner's load comes after the other's store, and it sees that it owns the table no more; or its own store
//! comes before the barrier, and the other waits for the end of the change.
//! Source: D. Dice, M. Moir, W. Scherer, "Quickly reacquirable locks" (2003), for locks that lean to one thread.

use crate::cache::memory::epoch::Barrier;
use crate::sync::{AtomicU32, Ordering, spin_loop, thread};

/// Everybody may change the table, by atomic instructions.
const SHARED: u32 = u32::MAX;
/// Added to the number of an owner who may begin no further change.
const LEAVING: u32 = 1 << 31;
/// Whoever waits for the owner spins so often before it lets others run.
const SPINS: u32 = 100;

/// Who may change a table, and how.
pub(in crate::cache) struct Bias {
    /// The number of the owner, perhaps with `LEAVING`, or `SHARED`. Relaxed for the owner, whose loads are ordered by
    /// the barrier; Release by who makes it `SHARED`, Acquire by others.
    owner: AtomicU32,
    /// Nonzero while the owner changes the table. Only the owner writes it: Release, with the Acquire of who waits for
    /// it. No code of users runs meanwhile, so nobody waits for long.
    inside: AtomicU32,
}

/// Whether a change may be made by plain loads and stores, or takes atomic instructions and locks.
pub(in crate::cache) enum Turn<'a> {
    Alone(Alone<'a>),
    Shared,
}

/// The owner is in the middle of a change until this is dropped.
pub(in crate::cache) struct Alone<'a>(&'a AtomicU32);

impl Drop for Alone<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.0.store(0, Ordering::Release);
    }
}

impl Bias {
    /// Of a table that the worker with this number owns, or nobody.
    ///
    /// There may be an owner only where [`Barrier::Forced`] works.
    pub(in crate::cache) fn new(owner: Option<u32>) -> Self {
        Self {
            owner: AtomicU32::new(owner.filter(|owner| *owner < LEAVING).unwrap_or(SHARED)),
            inside: AtomicU32::new(0),
        }
    }

    /// Begins a change, in which no code of users runs, if the table is the caller's. `None` if it is, or is about to be,
    /// another thread's: see [`is_shared`](Self::is_shared).
    #[inline(always)]
    pub(in crate::cache) fn alone(&self, me: u32) -> Option<Alone<'_>> {
        // Only the owner may write the word.
        if self.owner.load(Ordering::Relaxed) != me {
            return None;
        }
        debug_assert_eq!(self.inside.load(Ordering::Relaxed), 0, "a change within a change");
        // Relaxed: the barrier, here or forced by `share`, orders the store before the load.
        self.inside.store(1, Ordering::Relaxed);
        let alone = Alone(&self.inside);
        Barrier::Forced.light();
        (self.owner.load(Ordering::Relaxed) == me).then_some(alone)
    }

    /// Begins a change, alone or shared, and ends the time of another owner. No code of users runs in it.
    #[inline]
    pub(in crate::cache) fn turn(&self, me: u32) -> Turn<'_> {
        if let Some(alone) = self.alone(me) {
            return Turn::Alone(alone);
        }
        if !self.is_shared() {
            self.share();
        }
        Turn::Shared
    }

    /// Whether everybody may change the table.
    #[inline(always)]
    pub(in crate::cache) fn is_shared(&self) -> bool {
        self.owner.load(Ordering::Acquire) == SHARED
    }

    /// Ends the time of the owner: returns when everybody may change the table and all that the owner did is visible.
    #[cold]
    #[inline(never)]
    fn share(&self) {
        let mut spins = 0;
        let mut wait = || {
            spins += 1;
            if spins < SPINS { spin_loop() } else { thread::yield_now() }
        };
        loop {
            let owner = self.owner.load(Ordering::Acquire);
            if owner == SHARED {
                return;
            }
            let leaving = owner | LEAVING;
            // SeqCst: the store of the pair that the barrier orders.
            if owner != leaving
                && self.owner.compare_exchange(owner, leaving, Ordering::SeqCst, Ordering::Relaxed).is_ok()
            {
                Barrier::Forced.heavy();
                while self.inside.load(Ordering::Acquire) != 0 {
                    wait();
                }
                self.owner.store(SHARED, Ordering::Release);
                return;
            }
            wait();
        }
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::{
        cell::UnsafeCell,
        sync::{Arc, Mutex},
    };

    use super::*;
    use crate::sync::lock;

    /// A table with one number in it: the checker reports two that change it at once.
    struct Table {
        bias: Bias,
        lock: Mutex<()>,
        number: UnsafeCell<u32>,
    }

    impl Table {
        fn owned_by(owner: u32) -> Arc<Self> {
            Arc::new(Self { bias: Bias::new(Some(owner)), lock: Mutex::new(()), number: UnsafeCell::new(0) })
        }

        fn add(&self, me: u32) {
            let turn = self.bias.turn(me);
            let _lock = matches!(turn, Turn::Shared).then(|| lock(&self.lock));
            // SAFETY: what the model is to show.
            self.number.with_mut(|number| unsafe { *number += 1 });
        }

        /// As a claim of a slot does, which makes no entry.
        fn add_swiftly(&self, me: u32) {
            match self.bias.alone(me) {
                // SAFETY: as above.
                Some(_alone) => self.number.with_mut(|number| unsafe { *number += 1 }),
                None => self.add(me),
            }
        }

        fn number(&self) -> u32 {
            // SAFETY: as above.
            self.number.with(|number| unsafe { *number })
        }
    }

    /// | owner | other |
    /// |---|---|
    /// | changes it twice | changes it |
    #[test]
    fn loom_the_owner_and_another_never_change_the_table_at_once() {
        loom::model(|| {
            let table = Table::owned_by(0);
            let other = table.clone();
            let other = loom::thread::spawn(move || other.add(1));
            table.add_swiftly(0);
            table.add(0);
            other.join().unwrap();
            assert_eq!(table.number(), 3);
            assert!(table.bias.is_shared());
        });
    }

    /// | owner | second | third |
    /// |---|---|---|
    /// | changes it | changes it | changes it, if it need not wait |
    #[test]
    fn loom_who_comes_while_another_waits_for_the_owner_waits_as_well() {
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(2);
        model.check(|| {
            let table = Table::owned_by(0);
            let others = [1, 2].map(|me| {
                let table = table.clone();
                loom::thread::spawn(move || if me == 1 { table.add(me) } else { table.add_swiftly(me) })
            });
            table.add_swiftly(0);
            for other in others {
                other.join().unwrap();
            }
            assert_eq!(table.number(), 3);
        });
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_one_owner_until_another_comes() {
        let bias = Bias::new(Some(3));
        assert!(matches!(bias.turn(3), Turn::Alone(_)));
        assert!(bias.alone(4).is_none() && !bias.is_shared());
        assert!(matches!(bias.turn(4), Turn::Shared));
        assert!(bias.is_shared() && bias.alone(3).is_none());
        assert!(matches!(bias.turn(3), Turn::Shared));
    }
}
