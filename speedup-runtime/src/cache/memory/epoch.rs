//! When memory that readers may still be looking at is given back.
//!
//! Readers take no lock: they *pin* their thread, which stores the current epoch in a word that only they write, look at
//! what the tables hold, and unpin. Whoever unlinks something *retires* it: puts it into a [`Bag`] of its thread's own. A bag that is
//! full, and all of them when somebody collects, are *sealed*: what is in them is handed over with the epoch of that moment, and
//! the epoch moves on. It is freed once no thread is pinned at that epoch or an older one.
//!
//! # What waits
//!
//! Things that wait in bags are at most 64 a thread. Those of a full bag go when the next call ends, since 64 are enough for somebody to collect; but of
//! values that a cache without weights has put out, while several threads change it, it takes an eighth of its bound, at most a thousand: the
//! barrier of who collects interrupts all of them, which costs as much as some twenty calls. Whoever collects takes from the bags of all threads, so it makes no difference
//! whether a thread calls again, sleeps, or has ended: what it has retired goes when any thread has filled a bag, clears or drops a
//! cache. Only where all threads are idle do 64 things a thread, and as much of such values, stay until one is not. What is large (the index of a table that was outgrown, values
//! that weigh much for the bound of their cache) does not wait until there are 64: the next call that ends collects.
//!
//! # In which order
//!
//! Things in bags are freed in no order. What such things lie in (a table, a whole cache) is retired *behind all*: it is freed later than
//! everything that was retired before it, by whatever thread.
//!
//! # The barrier
//!
//! A reader's store must be visible before its loads are made, which on every processor takes a full barrier. Readers
//! are many and retiring is rare, so the barrier is made by the other side, for all threads (see
//! [`membarrier`](super::membarrier)). Until that is possible, and where it is not, readers make the barrier themselves (some 5 ns),
//! and say so: they are *fenced*. Where all are, the collector's own barrier is enough.
//!
//! ```text
//!   reader:     pin = epoch; fenced? fence; loads ..; pin = 0
//!   collector:  unlinks; fence; are all readers fenced? if not, barrier for all; loads the pins; frees
//! ```
//!
//! # Brief pins
//!
//! Pins nest, since code of users that runs under one may pin: so each asks whether it is the outermost. Where none runs, as in a hit whose value is a number,
//! a reader that is not fenced pins in a second word, without a question. A collector heeds the older of both.
//!
//! # A reader leaves its barriers to others
//!
//! ```text
//!   reader:  fenced = false; (a) fence; pin = epoch; loads ..
//! ```
//!
//! A collector that still sees it fenced has made its fence before (a), or it would have seen the store. So what it had unlinked is
//! seen by all loads of the reader after (a), and pins before (a) had fences of their own. A collector that sees it not fenced makes
//! the barrier.
//!
//! # When the barrier fails
//!
//! That it will work is known when the process has been registered, and found out when it is needed: a filter of system calls may have
//! come in between. Then nothing is freed. Readers begin to make the barrier themselves, each at its next look at the
//! garbage, and say so:
//!
//! ```text
//!   reader:  pin = epoch; loads ..; (b) fenced = true, Release; pin = epoch; fence; loads ..
//! ```
//!
//! A pin that was stored before (b) is seen by who has seen (b), by Acquire. A pin after it has a fence between its store and its loads,
//! as the collector has one between the unlinking and the loads of pins: of the two, one sees the other. Neither at (a) nor at (b) does it
//! matter whether a pin is going on. A reader that never looks at the garbage again, because all it does is hits, keeps the garbage
//! where it is, until its thread ends.
//! Source: K. Fraser, "Practical lock-freedom" (2004), for the epochs; P. McKenney et al., asymmetric barriers in
//! userspace RCU (2009).

use std::sync::TryLockError;

use super::bag::{self, Bag};
pub(in crate::cache) use super::bag::{Garbage, Urgency};
use crate::{
    cache::memory::membarrier,
    first, panics,
    sync::{AtomicBool, AtomicU64, Mutex, Ordering, atomic::fence, const_unless_loom, lock},
};

/// The epoch, and what was retired at which.
pub(in crate::cache) struct Domain {
    /// Never 0, which in a pin word means "not pinned". Moved on under the lock of what waits, whenever something is sealed: Release,
    /// with the Acquire in `enter`, so that who pins at a later epoch sees what was unlinked.
    epoch: AtomicU64,
    waiting: Mutex<Waiting>,
    /// Held while garbage is freed, so that it is freed in its order.
    freeing: Mutex<()>,
    /// Whether so much is waiting that somebody should collect. Relaxed: a hint.
    due: AtomicBool,
}

/// What waits until nobody can be looking at it.
struct Waiting {
    /// Those of all threads. Who empties them holds the lock.
    bags: Vec<&'static Bag>,
    /// What was in bags, and behind it what is freed later than that. By rising epochs, those that were current when it was sealed.
    sealed: Vec<(u64, Garbage)>,
    /// What is freed behind all that was retired before. It is sealed after all bags.
    behind: Vec<Garbage>,
    /// How urgent it is to free what is sealed.
    urgency: u32,
}

impl Waiting {
    const fn new() -> Self {
        Self { bags: Vec::new(), sealed: Vec::new(), behind: Vec::new(), urgency: 0 }
    }
}

impl Domain {
    const_unless_loom! {
        /// A domain without garbage.
        pub(in crate::cache) fn new() -> Self {
            Self {
                epoch: AtomicU64::new(1),
                waiting: Mutex::new(Waiting::new()),
                freeing: Mutex::new(()),
                due: AtomicBool::new(false),
            }
        }
    }

    /// Takes over, from now on, what is put into this bag.
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    pub(in crate::cache) fn adopt(&self, bag: &'static Bag) {
        first::push(&mut lock(&self.waiting).bags, bag);
    }

    /// Takes over something that was unlinked, by way of the bag of the calling thread. The caller may hold locks: nothing is freed
    /// here. O(1), without a lock but for one time in 64.
    #[inline]
    pub(in crate::cache) fn retire(&self, bag: &Bag, free: Garbage, urgency: Urgency) {
        bag.hurry(urgency);
        if let Err(free) = bag.put(free) {
            self.seal_full(bag, free);
        }
    }

    #[cold]
    #[inline(never)]
    fn seal_full(&self, bag: &Bag, more: Garbage) {
        let mut waiting = lock(&self.waiting);
        let Waiting { sealed, urgency, .. } = &mut *waiting;
        *urgency = urgency.saturating_add(bag.urgency());
        self.seal(|epoch| {
            bag.empty(|free| sealed.push((epoch, free)));
            sealed.push((epoch, more));
        });
        if *urgency >= bag::ENOUGH {
            self.due.store(true, Ordering::Relaxed);
        }
    }

    /// Takes over something that others that were retired may lie in: it is freed later than all of them. The caller may hold locks.
    pub(in crate::cache) fn retire_behind_all(&self, free: Garbage) {
        let mut waiting = lock(&self.waiting);
        waiting.behind.push(free);
        if waiting.behind.len() >= bag::LEN {
            self.due.store(true, Ordering::Relaxed);
        }
    }

    /// Seals everything; whether there is anything.
    fn seal_all(&self) -> bool {
        let mut waiting = lock(&self.waiting);
        let Waiting { bags, sealed, behind, urgency } = &mut *waiting;
        *urgency = 0;
        self.seal(|epoch| {
            bags.iter().for_each(|bag| bag.empty(|free| sealed.push((epoch, free))));
            sealed.extend(behind.drain(..).map(|free| (epoch, free)));
        });
        !sealed.is_empty()
    }

    /// Seals what `take` takes with the epoch that it is given. Under the lock of what waits.
    fn seal(&self, take: impl FnOnce(u64)) {
        // Relaxed: written under that lock alone.
        let epoch = self.epoch.load(Ordering::Relaxed);
        take(epoch);
        // Only now, when all that was taken has been seen to be unlinked.
        self.epoch.store(epoch + 1, Ordering::Release);
    }

    /// Has somebody [`collect`](Self::collect) at the next occasion.
    #[cfg(not(loom))]
    pub(in crate::cache) fn hurry(&self) {
        self.due.store(true, Ordering::Relaxed);
    }

    /// Whether it is time to [`collect`](Self::collect).
    #[inline]
    pub(in crate::cache) fn is_due(&self) -> bool {
        self.due.load(Ordering::Relaxed)
    }

    /// Frees what no reader can see, whichever thread has retired it, and what comes behind that. After `barrier`, which says whether
    /// all pins made so far are visible, `oldest` is asked for the lowest one.
    ///
    /// Runs destructors of users, so the caller holds no lock. Does nothing while another thread, or an outer call of
    /// this one, is at it.
    pub(in crate::cache) fn collect(&self, barrier: impl Fn() -> bool, oldest: impl Fn() -> Option<u64>) {
        let _freeing = match self.freeing.try_lock() {
            Ok(freeing) => freeing,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        self.due.store(false, Ordering::Relaxed);
        while self.seal_all() && self.free_sealed(&barrier, &oldest) {}
    }

    /// Frees what is sealed and no reader can see; whether some of that has put something behind itself meanwhile.
    fn free_sealed(&self, barrier: impl Fn() -> bool, oldest: impl Fn() -> Option<u64>) -> bool {
        let before = self.epoch.load(Ordering::Acquire);
        if !barrier() {
            // Again soon: somebody who has yet to say that he makes his own barrier may come by.
            self.due.store(true, Ordering::Relaxed);
            return false;
        }
        let limit = oldest().map_or(before, |pinned| pinned.min(before));
        let free: Vec<_> = {
            let sealed = &mut lock(&self.waiting).sealed;
            let end = sealed.partition_point(|(epoch, _)| *epoch < limit);
            sealed.drain(..end).collect()
        };
        for (_, free) in free {
            // A destructor's panic belongs to nobody here, and must not keep the others from running.
            panics::contain(|| free.free());
        }
        !lock(&self.waiting).behind.is_empty()
    }
}

/// A thread that looks at what may be retired.
pub(in crate::cache) struct Reader {
    /// The epoch at which the thread is pinned, or 0. Written by the thread alone. Release, with the Acquire in
    /// [`pinned`](Self::pinned).
    pin: AtomicU64,
    /// The same of a brief pin, during which no code of users runs. It has a word of its own, so that neither need ask about the other.
    brief: AtomicU64,
    /// Whether its pins make a barrier of their own. Written by the thread alone: Release, with the Acquire in
    /// [`is_fenced`](Self::is_fenced).
    fenced: AtomicBool,
}

impl Reader {
    /// One that is not pinned.
    pub(in crate::cache) fn new(fenced: bool) -> Self {
        Self { pin: AtomicU64::new(0), brief: AtomicU64::new(0), fenced: AtomicBool::new(fenced) }
    }

    /// Pins: what is linked in the domain from now on stays until [`leave`](Self::leave) gets what this returns. Only by the
    /// reader's thread.
    #[inline]
    pub(in crate::cache) fn enter(&self, domain: &Domain) -> Entered {
        if self.makes_barriers() {
            self.enter_by(domain, || fence(Ordering::SeqCst))
        } else {
            self.enter_swiftly(domain)
        }
    }

    /// Orders what the reader's thread has stored before what it loads next, as a pin does. Only by that thread.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn order(&self) {
        if self.makes_barriers() { fence(Ordering::SeqCst) } else { membarrier::light() }
    }

    /// As [`enter`](Self::enter), if the reader is not fenced.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn enter_swiftly(&self, domain: &Domain) -> Entered {
        self.enter_by(domain, membarrier::light)
    }

    /// The same, if nothing has been entered.
    #[cfg(not(loom))]
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn enter_first(&self, domain: &Domain) -> Option<Entered> {
        (!self.has_entered()).then(|| self.begin(domain, membarrier::light))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn enter_by(&self, domain: &Domain, barrier: impl FnOnce()) -> Entered {
        if self.has_entered() { Entered::Within } else { self.begin(domain, barrier) }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn has_entered(&self) -> bool {
        // Relaxed: only this thread writes its pin word.
        self.pin.load(Ordering::Relaxed) != 0
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn begin(&self, domain: &Domain, barrier: impl FnOnce()) -> Entered {
        // The barrier that follows (here or forced by the collector) orders the store before later loads. Release, with
        // the Acquire in `pinned`: who sees this pin and not the end of the one before must see what was read under
        // that all the same.
        self.pin.store(domain.epoch.load(Ordering::Acquire), Ordering::Release);
        barrier();
        Entered::Outermost
    }

    /// As [`enter_swiftly`](Self::enter_swiftly), for who runs no code of users before it leaves, and so does not come here meanwhile.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn enter_briefly(&self, domain: &Domain) -> Entered {
        debug_assert_eq!(self.brief.load(Ordering::Relaxed), 0, "a brief pin within a brief pin");
        // As in `begin`.
        self.brief.store(domain.epoch.load(Ordering::Acquire), Ordering::Release);
        membarrier::light();
        Entered::Briefly
    }

    /// Ends what [`enter`](Self::enter) began.
    #[inline]
    pub(in crate::cache) fn leave(&self, entered: Entered) {
        // A constant, not the word as it was: the store need not wait for the load in `enter`.
        // Release, with the Acquire in `pinned`: what was read while pinned was read before.
        match entered {
            Entered::Within => {}
            Entered::Outermost => self.pin.store(0, Ordering::Release),
            Entered::Briefly => self.brief.store(0, Ordering::Release),
        }
    }

    /// The epoch at which the thread is pinned, if it is.
    pub(in crate::cache) fn pinned(&self) -> Option<u64> {
        [&self.pin, &self.brief].iter().map(|pin| pin.load(Ordering::Acquire)).filter(|pin| *pin != 0).min()
    }

    /// Whether its pins make a barrier of their own.
    pub(in crate::cache) fn is_fenced(&self) -> bool {
        self.fenced.load(Ordering::Acquire)
    }

    /// The same, for the reader's own thread.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn makes_barriers(&self) -> bool {
        // Relaxed: only this thread writes it.
        self.fenced.load(Ordering::Relaxed)
    }

    /// Says whether its pins do from now on. Only by the reader's thread.
    pub(in crate::cache) fn set_fenced(&self, fenced: bool) {
        self.fenced.store(fenced, Ordering::Release);
        if !fenced {
            // See (a) in the module's documentation.
            fence(Ordering::SeqCst);
        }
    }
}

/// What [`Reader::enter`] returns and [`Reader::leave`] wants back.
#[derive(Clone, Copy)]
pub(in crate::cache) enum Entered {
    /// An outer pin goes on.
    Within,
    Outermost,
    /// A brief pin.
    Briefly,
}

#[cfg(all(test, not(loom)))]
mod tests;

#[cfg(all(test, loom))]
mod loom_tests;
