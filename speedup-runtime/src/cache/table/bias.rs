//! Changing a table without atomic instructions, as long as one thread alone changes it.
//!
//! An atomic instruction waits until all that was stored before it has reached the cache, so a claim may cost more than
//! all the rest of a cheap call. Most tables are filled by one thread: the one that made the table is its *owner*, and
//! claims slots and makes entries by plain loads and stores. The first other thread that wants to change the table ends
//! that for good: it says so, makes all threads pass a barrier and waits until the owner is not in the middle of a
//! change. From then on everybody uses atomic instructions and locks. Readers need to know nothing of all this.
//!
//! ```text
//!   owner:  inside = 1; fenced? fence; owner == me? change the table; inside = 0
//!   other:  owner = me + LEAVING; barrier for all threads that are not fenced; wait for inside == 0; owner = SHARED
//! ```
//!
//! Either the owner's load comes after the other's store, and it sees that it owns the table no more; or its own store
//! comes before the barrier, and the other waits for the end of the change. What it means to be fenced, and how a thread ceases to
//! be, is told in [`epoch`](crate::cache::memory::epoch).
//!
//! An owner who comes back meanwhile is not inside, and lets go of the table himself; one who is about to invite others to it
//! ([`Bias::open`]) need not be asked at all. Where the barrier fails (see [`membarrier`](crate::cache::memory::membarrier)), there is
//! no telling where the owner is, and he may never come back: the other one declares the table abandoned. From then on nobody but
//! its owner changes it, and caches go on with a new table, which nobody owns.
//! Source: D. Dice, M. Moir, W. Scherer, "Quickly reacquirable locks" (2003), for locks that lean to one thread.

use crate::cache::thread::registry;
use crate::sync::{AtomicU32, Ordering, spin_loop, thread};

/// Everybody may change the table, by atomic instructions.
const SHARED: u32 = u32::MAX;
/// Nobody but the owner of old changes the table, by atomic instructions.
const ABANDONED: u32 = u32::MAX - 1;
/// Added to the number of an owner who may begin no further change.
const LEAVING: u32 = 1 << 31;
/// Whoever waits for the owner spins so often before it lets others run.
const SPINS: u32 = if cfg!(loom) { 1 } else { 100 };

/// Who may change a table, and how.
pub(in crate::cache) struct Bias {
    /// The number of the owner, perhaps with `LEAVING`, or `SHARED` or `ABANDONED`. Relaxed for the owner, whose loads are ordered by
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
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn drop(&mut self) {
        self.0.store(0, Ordering::Release);
    }
}

impl Bias {
    /// Of a table that the worker with this number owns, or nobody.
    #[inline]
    pub(in crate::cache) fn new(owner: Option<u32>) -> Self {
        Self {
            owner: AtomicU32::new(owner.filter(|owner| *owner < LEAVING).unwrap_or(SHARED)),
            inside: AtomicU32::new(0),
        }
    }

    /// Whether the caller may change the table; ends the time of another owner. If not, the table has been abandoned, and
    /// will never be the caller's to change.
    #[inline]
    pub(in crate::cache) fn admits(&self, me: u32) -> bool {
        let owner = self.owner.load(Ordering::Acquire);
        owner == SHARED || owner == me || self.share(me)
    }

    /// The owner, who is not in the middle of a change, lets everybody change the table; others change nothing by this.
    pub(in crate::cache) fn open(&self, me: u32) {
        // Looked at first: those who share a table show group after group, and to write a word that all of them read takes long.
        if self.owner.load(Ordering::Relaxed) == me && self.inside.load(Ordering::Relaxed) == 0 {
            // Release: all that the owner did. If another one has come, it is his to say.
            let _ = self.owner.compare_exchange(me, SHARED, Ordering::Release, Ordering::Relaxed);
        }
    }

    /// Begins a change, in which no code of users runs, if the table is the caller's. `None` if it is, or is about to be,
    /// another thread's: see [`is_shared`](Self::is_shared). `order` is the caller's part of the barrier.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn alone(&self, me: u32, order: impl FnOnce()) -> Option<Alone<'_>> {
        // Only the owner may write the word.
        if self.owner.load(Ordering::Relaxed) != me {
            return None;
        }
        debug_assert_eq!(self.inside.load(Ordering::Relaxed), 0, "a change within a change");
        // Relaxed: the barrier, here or forced by `share`, orders the store before the load.
        self.inside.store(1, Ordering::Relaxed);
        let alone = Alone(&self.inside);
        order();
        (self.owner.load(Ordering::Relaxed) == me).then_some(alone)
    }

    /// Begins a change, alone or shared, and ends the time of another owner. No code of users runs in it.
    #[inline]
    pub(in crate::cache) fn turn(&self, me: u32, order: impl FnOnce()) -> Turn<'_> {
        if let Some(alone) = self.alone(me, order) {
            return Turn::Alone(alone);
        }
        if !self.is_shared() {
            self.share(me);
        }
        Turn::Shared
    }

    /// Whether everybody may change the table.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn is_shared(&self) -> bool {
        self.owner.load(Ordering::Acquire) == SHARED
    }

    /// Ends the time of the owner: returns when everybody may change the table and all that the owner did is visible. False if
    /// the caller must leave the table alone.
    #[cold]
    #[inline(never)]
    fn share(&self, me: u32) -> bool {
        let mut spins = 0;
        let mut wait = || {
            spins += 1;
            if spins < SPINS { spin_loop() } else { thread::yield_now() }
        };
        loop {
            let owner = self.owner.load(Ordering::Acquire);
            if owner == SHARED || owner == ABANDONED {
                return owner == SHARED;
            }
            if owner == me | LEAVING {
                // Not inside, or this would not be reached. Release: all that the owner did.
                self.settle(owner, SHARED);
                continue;
            }
            let leaving = owner | LEAVING;
            // SeqCst: the store of the pair that the barrier orders.
            if owner != leaving
                && self.owner.compare_exchange(owner, leaving, Ordering::SeqCst, Ordering::Relaxed).is_ok()
            {
                // An owner who is at work comes by sooner than the system can make him.
                let is_leaving = || self.owner.load(Ordering::Acquire) == leaving;
                (0..SPINS).take_while(|_| is_leaving()).for_each(|_| spin_loop());
                let passed = !is_leaving() || registry::pass_barrier();
                while passed && self.inside.load(Ordering::Acquire) != 0 {
                    wait();
                }
                self.settle(leaving, if passed { SHARED } else { ABANDONED });
                continue;
            }
            wait();
        }
    }

    /// Whoever is first says how the time of the owner ends.
    fn settle(&self, leaving: u32, end: u32) {
        let _ = self.owner.compare_exchange(leaving, end, Ordering::AcqRel, Ordering::Acquire);
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::{
        cell::UnsafeCell,
        sync::{Arc, Mutex},
    };

    use super::*;
    use crate::{cache::memory::membarrier, sync::lock};

    /// The part of the barrier of the worker with this number.
    fn order(me: u32) {
        registry::numbered(me as usize).order_change();
    }

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
            let turn = self.bias.turn(me, || order(me));
            let _lock = matches!(turn, Turn::Shared).then(|| lock(&self.lock));
            // SAFETY: what the model is to show.
            self.number.with_mut(|number| unsafe { *number += 1 });
        }

        /// As a claim of a slot does, which makes no entry.
        fn add_swiftly(&self, me: u32) {
            match self.bias.alone(me, || order(me)) {
                // SAFETY: as above.
                Some(_alone) => self.number.with_mut(|number| unsafe { *number += 1 }),
                None => self.add(me),
            }
        }

        /// Begins a thread that adds one if it may, and returns what it has added.
        fn changed_by_another_if_it_may(table: &Arc<Self>) -> loom::thread::JoinHandle<u32> {
            let table = table.clone();
            loom::thread::spawn(move || {
                let may = table.bias.admits(1);
                if may {
                    table.add(1);
                }
                u32::from(may)
            })
        }

        fn number(&self) -> u32 {
            // SAFETY: as above.
            self.number.with(|number| unsafe { *number })
        }
    }

    /// | owner | other |
    /// |---|---|
    /// | claims; makes an entry | makes an entry |
    fn never_change_the_table_at_once(fenced: bool) {
        loom::model(move || {
            registry::numbered(0).set_fenced(fenced);
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

    #[test]
    fn loom_the_owner_and_another_never_change_the_table_at_once() {
        never_change_the_table_at_once(false);
    }

    #[test]
    fn loom_nor_do_they_where_the_owner_makes_barriers_of_its_own() {
        never_change_the_table_at_once(true);
    }

    /// Who sees that the owner makes barriers no more leaves the table alone, since the model has no barrier for others:
    ///
    /// | owner | other |
    /// |---|---|
    /// | changes the table; makes barriers no more; changes the table | changes it if it may |
    #[test]
    fn loom_an_owner_who_leaves_barriers_to_others_is_seen_to_or_sees() {
        loom::model(|| {
            membarrier::set_works(false);
            let table = Table::owned_by(0);
            let other = Table::changed_by_another_if_it_may(&table);
            table.add_swiftly(0);
            registry::numbered(0).set_fenced(false);
            table.add_swiftly(0);
            let added = other.join().unwrap();
            assert_eq!(table.number(), 2 + added);
            membarrier::set_works(true);
        });
    }

    /// | owner | second | third |
    /// |---|---|---|
    /// | claims | makes an entry | claims |
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

    /// | owner | other |
    /// |---|---|
    /// | changes the table; opens it; changes it | changes it |
    #[test]
    fn loom_an_owner_who_opens_the_table_has_let_go_of_it() {
        loom::model(|| {
            let table = Table::owned_by(0);
            let other = table.clone();
            let other = loom::thread::spawn(move || other.add(1));
            table.add_swiftly(0);
            table.bias.open(0);
            assert!(table.bias.owner.load(Ordering::Relaxed) != 0);
            table.add(0);
            other.join().unwrap();
            assert_eq!(table.number(), 3);
        });
    }

    /// There is no barrier that one can make for the other:
    ///
    /// | owner | other |
    /// |---|---|
    /// | changes the table twice | changes it if it may |
    #[test]
    fn loom_without_a_barrier_only_an_owner_who_lets_go_has_company() {
        loom::model(|| {
            membarrier::set_works(false);
            registry::numbered(0).set_fenced(false);
            let table = Table::owned_by(0);
            let other = Table::changed_by_another_if_it_may(&table);
            table.add_swiftly(0);
            table.add(0);
            let added = other.join().unwrap();
            assert_eq!(table.number(), 2 + added);
            membarrier::set_works(true);
        });
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_one_owner_until_another_comes() {
        let bias = Bias::new(Some(3));
        assert!(matches!(bias.turn(3, || ()), Turn::Alone(_)));
        assert!(bias.alone(4, || ()).is_none() && !bias.is_shared());
        assert!(matches!(bias.turn(4, || ()), Turn::Shared));
        assert!(bias.is_shared() && bias.alone(3, || ()).is_none());
        assert!(matches!(bias.turn(3, || ()), Turn::Shared));
    }

    #[test]
    fn an_owner_who_opens_the_table_is_one_of_many() {
        let bias = Bias::new(Some(3));
        bias.open(4);
        assert!(!bias.is_shared(), "only the owner can");
        let alone = bias.turn(3, || ());
        bias.open(3);
        assert!(!bias.is_shared(), "not in the middle of a change");
        drop(alone);
        bias.open(3);
        assert!(bias.is_shared() && bias.admits(3) && bias.admits(4));
    }
}
