//! When memory that readers may still be looking at is given back.
//!
//! Readers take no lock: they *pin* their thread, which stores the current epoch in a word that only they write, look at
//! what the tables hold, and unpin. Whoever unlinks something *retires* it with the epoch of that moment and moves the
//! epoch on; it is freed once no thread is pinned at that epoch or an older one.
//!
//! A reader's store must be visible before its loads are made, which on every processor takes a full barrier. Readers
//! are many and retiring is rare, so the barrier is made by the other side: `membarrier(2)` makes all threads of the
//! process pass one. Where the system has no such call, readers make the barrier themselves (some 5 ns).
//! Source: K. Fraser, "Practical lock-freedom" (2004), for the epochs; P. McKenney et al., asymmetric barriers in
//! userspace RCU (2009).

use std::sync::TryLockError;

use crate::{
    panics,
    sync::{AtomicBool, AtomicU64, Mutex, Ordering, atomic::fence, lock},
};

/// What frees a retired thing.
pub(in crate::cache) type Garbage = Box<dyn FnOnce() + Send>;

/// How many retired things may wait before somebody looks whether they can go.
const PATIENCE: usize = 64;

/// The epoch, and what was retired at which.
pub(in crate::cache) struct Domain {
    /// Never 0, which in a pin word means "not pinned". Grows with every retirement.
    /// Pairs: `AcqRel` in `retire` with `Acquire` in `enter`, so that who pins at a later epoch sees what was unlinked.
    epoch: AtomicU64,
    /// In order of retirement, each with the epoch that was current when it was unlinked.
    garbage: Mutex<Vec<(u64, Garbage)>>,
    /// Held while garbage is freed, so that it is freed in the order of retirement.
    freeing: Mutex<()>,
    /// Whether so much is waiting that somebody should collect. Relaxed: a hint.
    due: AtomicBool,
}

impl Domain {
    /// A domain without garbage.
    #[cfg(not(loom))]
    pub(in crate::cache) const fn new() -> Self {
        Self {
            epoch: AtomicU64::new(1),
            garbage: Mutex::new(Vec::new()),
            freeing: Mutex::new(()),
            due: AtomicBool::new(false),
        }
    }

    /// A domain without garbage.
    #[cfg(loom)]
    pub(in crate::cache) fn new() -> Self {
        Self {
            epoch: AtomicU64::new(1),
            garbage: Mutex::new(Vec::new()),
            freeing: Mutex::new(()),
            due: AtomicBool::new(false),
        }
    }

    /// Pins: what is linked from now on stays until [`leave`] gets the returned word.
    #[inline]
    pub(in crate::cache) fn enter(&self, pin: &AtomicU64, barrier: Barrier) -> Entered {
        // Relaxed: only this thread writes its pin word.
        let outermost = pin.load(Ordering::Relaxed) == 0;
        if outermost {
            // The barrier that follows (here or forced by `collect`) orders the store before later loads. Release, with the
            // Acquire load in `collect`'s `oldest`: who sees this pin and not the end of the one before must see what was
            // read under that all the same.
            pin.store(self.epoch.load(Ordering::Acquire), Ordering::Release);
            barrier.light();
        }
        Entered { outermost }
    }

    /// Takes over something that was unlinked. The caller may hold locks: nothing is freed here.
    pub(in crate::cache) fn retire(&self, free: Garbage) {
        let mut garbage = lock(&self.garbage);
        let epoch = self.epoch.fetch_add(1, Ordering::AcqRel);
        garbage.push((epoch, free));
        if garbage.len() >= PATIENCE {
            self.due.store(true, Ordering::Relaxed);
        }
    }

    /// Whether it is time to [`collect`](Self::collect).
    #[inline]
    pub(in crate::cache) fn is_due(&self) -> bool {
        self.due.load(Ordering::Relaxed)
    }

    /// Frees what no pinned thread can see. `oldest` is asked, after the barrier, for the lowest nonzero pin word.
    ///
    /// Runs destructors of users, so the caller holds no lock. Does nothing while another thread, or an outer call of
    /// this one, is at it.
    pub(in crate::cache) fn collect(&self, barrier: Barrier, oldest: impl FnOnce() -> Option<u64>) {
        let _freeing = match self.freeing.try_lock() {
            Ok(freeing) => freeing,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        self.due.store(false, Ordering::Relaxed);
        let before = self.epoch.load(Ordering::Acquire);
        barrier.heavy();
        let limit = oldest().map_or(before, |pinned| pinned.min(before));
        let free: Vec<_> = {
            let mut garbage = lock(&self.garbage);
            let end = garbage.iter().position(|(epoch, _)| *epoch >= limit).unwrap_or(garbage.len());
            garbage.drain(..end).collect()
        };
        for (_, free) in free {
            // A destructor's panic belongs to nobody here, and must not keep the others from running.
            panics::contain(free);
        }
    }
}

/// What [`Domain::enter`] returns and [`leave`] wants back: whether an outer pin goes on.
#[derive(Clone, Copy)]
pub(in crate::cache) struct Entered {
    outermost: bool,
}

/// Ends what [`Domain::enter`] began on the same word.
#[inline]
pub(in crate::cache) fn leave(pin: &AtomicU64, pinned: Entered) {
    // A constant, not the word as it was: the store need not wait for the load in `enter`.
    if pinned.outermost {
        // Release, with the Acquire load in `collect`'s `oldest`: what was read while pinned was read before.
        pin.store(0, Ordering::Release);
    }
}

/// Which side makes the full barrier between a reader's pin and its loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cache) enum Barrier {
    /// Readers make none; who collects makes all threads pass one.
    Forced,
    /// Readers and collectors make one each.
    Mutual,
}

impl Barrier {
    #[inline]
    pub(in crate::cache) fn light(self) {
        match self {
            #[cfg(not(loom))]
            Self::Forced => std::sync::atomic::compiler_fence(Ordering::SeqCst),
            _ => fence(Ordering::SeqCst),
        }
    }

    pub(in crate::cache) fn heavy(self) {
        fence(Ordering::SeqCst);
        #[cfg(all(target_os = "linux", not(loom)))]
        if self == Self::Forced {
            membarrier(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED);
        }
    }

    /// What this system can do. Must be asked before the first pin; the answer never changes.
    #[cfg(not(loom))]
    pub(in crate::cache) fn detect() -> Self {
        #[cfg(target_os = "linux")]
        if membarrier(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) {
            return Self::Forced;
        }
        Self::Mutual
    }
}

/// Whether the system carried out the command.
#[cfg(all(target_os = "linux", not(loom)))]
fn membarrier(command: libc::c_int) -> bool {
    // SAFETY: the call takes three integers and touches no memory of the caller.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::{Arc, atomic::AtomicUsize};

    use super::*;

    #[test]
    fn what_is_retired_is_freed_only_when_nobody_is_pinned_before() {
        let domain = Domain::new();
        let barrier = Barrier::detect();
        let (pin, freed) = (AtomicU64::new(0), Arc::new(AtomicUsize::new(0)));
        let oldest = || Some(pin.load(Ordering::Acquire)).filter(|pin| *pin != 0);
        let count = freed.clone();
        let pinned = domain.enter(&pin, barrier);
        let inner = domain.enter(&pin, barrier);
        domain.retire(Box::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
        }));
        leave(&pin, inner);
        domain.collect(barrier, oldest);
        assert_eq!(freed.load(Ordering::Relaxed), 0, "still pinned by the outer pin");
        leave(&pin, pinned);
        let later = domain.enter(&pin, barrier);
        domain.collect(barrier, oldest);
        assert_eq!(freed.load(Ordering::Relaxed), 1, "a later pin does not keep it");
        leave(&pin, later);
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::{
        sync::{Arc, atomic::AtomicPtr},
        thread,
    };

    use super::*;

    /// A domain with one reader, and a link to a thing that is marked when it is freed.
    struct World {
        domain: Domain,
        pin: AtomicU64,
        link: AtomicPtr<Thing>,
    }

    struct Thing {
        freed: AtomicBool,
    }

    impl World {
        fn new() -> Arc<Self> {
            let thing = Box::into_raw(Box::new(Thing { freed: AtomicBool::new(false) }));
            Arc::new(Self { domain: Domain::new(), pin: AtomicU64::new(0), link: AtomicPtr::new(thing) })
        }

        /// Pins, looks at the thing if it is linked, and unpins.
        fn read(&self) {
            let pinned = self.domain.enter(&self.pin, Barrier::Mutual);
            let thing = self.link.load(Ordering::Acquire);
            if !thing.is_null() {
                // SAFETY: nothing is really freed before the model ends.
                let thing = unsafe { &*thing };
                assert!(!thing.freed.load(Ordering::Relaxed), "freed under a pinned reader");
                thread::yield_now();
                assert!(!thing.freed.load(Ordering::Relaxed), "freed under a pinned reader");
            }
            leave(&self.pin, pinned);
        }

        /// Unlinks the thing, retires it and collects.
        fn free(&self) -> *mut Thing {
            let thing = self.link.swap(std::ptr::null_mut(), Ordering::AcqRel);
            let at = thing as usize;
            // SAFETY: as above.
            self.domain
                .retire(Box::new(move || unsafe { &*(at as *const Thing) }.freed.store(true, Ordering::Relaxed)));
            self.collect();
            thing
        }

        fn collect(&self) {
            self.domain.collect(Barrier::Mutual, || Some(self.pin.load(Ordering::Acquire)).filter(|pin| *pin != 0));
        }
    }

    /// | reader | writer |
    /// |---|---|
    /// | pins, loads the link, looks, unpins | unlinks, retires, collects |
    #[test]
    fn loom_nothing_is_freed_while_a_reader_that_saw_it_is_pinned() {
        loom::model(|| {
            let world = World::new();
            let other = world.clone();
            let reader = thread::spawn(move || other.read());
            let thing = world.free();
            reader.join().unwrap();
            world.collect();
            // SAFETY: made in `World::new`, and nobody else looks at it any more.
            let thing = unsafe { Box::from_raw(thing) };
            assert!(thing.freed.load(Ordering::Relaxed), "it is freed once nobody is pinned");
        });
    }

    /// | reader | writer | third |
    /// |---|---|---|
    /// | pins, loads the link, looks, unpins; twice | unlinks, retires, collects | collects |
    #[test]
    fn loom_whoever_collects_spares_what_readers_see() {
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(3);
        model.check(|| {
            let world = World::new();
            let (other, third) = (world.clone(), world.clone());
            let reader = thread::spawn(move || {
                other.read();
                other.read();
            });
            let collector = thread::spawn(move || third.collect());
            let thing = world.free();
            reader.join().unwrap();
            collector.join().unwrap();
            // SAFETY: as above.
            drop(unsafe { Box::from_raw(thing) });
        });
    }
}
