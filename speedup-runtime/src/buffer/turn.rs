//! Whose turn it is to produce, and how others wait for a value without taking part.
//!
//! The protocol: who takes the turn produces, publishes each value and gives the turn back when the guard drops. Who
//! needs a value and finds the turn taken sleeps until `done` says otherwise. Nobody sleeps while holding `gate`, and
//! a producer touches `gate` only when somebody sleeps.
//!
//! No wake is lost: a sleeper first counts itself, then looks once more; a producer first publishes, then looks for
//! sleepers; between the two steps each has a `SeqCst` fence, so one of them sees the other.
//!
//! The fence costs as much as a cheap value, and most turns never have a sleeper. So producers leave it out until there was
//! a first one. That one alone may be missed, in the nanoseconds in which its count is on the way: it does not rely on being
//! woken, and looks again after a moment.

use std::{mem, task::Waker, time::Duration};

use super::token::Token;
use crate::sync::{AtomicBool, AtomicUsize, Condvar, Mutex, Ordering, atomic::fence, const_unless_loom, lock};

/// After this time every core has long seen what another has stored.
const MOMENT: Duration = Duration::from_micros(100);

/// The right to produce, for one thread at a time.
pub(super) struct Turn {
    /// The token of the thread whose turn it is, 0 for none. Taken with Acquire, given back with Release.
    holder: AtomicUsize,
    /// How many threads sleep or are about to. Its partner is the fence in [`Turn::wake`].
    sleepers: AtomicUsize,
    /// Set by the first that sleeps, for good. Relaxed: see above for whom it is too late. Models have no time to look again
    /// after, and begin with it set.
    contended: AtomicBool,
    /// Set by the first task that waits, for good. Relaxed: as `contended`.
    awaited: AtomicBool,
    /// Held for an instant: by a sleeper between its last look and its sleep, by a producer between waking.
    gate: Mutex<()>,
    changed: Condvar,
    /// Tasks that wait, each of which counts among the sleepers.
    tasks: Mutex<Vec<Waker>>,
}

/// The turn; given back on drop.
pub(super) struct Held<'a> {
    turn: &'a Turn,
}

impl Turn {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            Turn {
                holder: AtomicUsize::new(0),
                sleepers: AtomicUsize::new(0),
                contended: AtomicBool::new(cfg!(loom)),
                awaited: AtomicBool::new(false),
                gate: Mutex::new(()),
                changed: Condvar::new(),
                tasks: Mutex::new(Vec::new()),
            }
        }
    }

    /// Takes the turn, or says who has it.
    #[inline]
    pub(super) fn take(&self, me: Token) -> Result<Held<'_>, Token> {
        // Acquire: pairs with the Release in `Held::drop`, so that the holder sees what the last one did to the generator.
        match self.holder.compare_exchange(0, me.get(), Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => Ok(Held { turn: self }),
            Err(holder) => Err(Token::of(holder)),
        }
    }

    /// Who has the turn.
    pub(super) fn holder(&self) -> Option<Token> {
        match self.holder.load(Ordering::Acquire) {
            0 => None,
            holder => Some(Token::of(holder)),
        }
    }

    /// Wakes everybody who sleeps, if anybody does. What they wait for must have been stored before.
    #[inline]
    pub(super) fn wake(&self) {
        if !self.contended.load(Ordering::Relaxed) {
            return;
        }
        // The fences order the load in it after our store, and the sleeper's look after its count.
        self.announce();
    }

    /// Wakes those who sleep, in the midst of a turn.
    ///
    /// A fence after each value would wait for the cache line that readers look at. So threads whose count is still on its way
    /// are missed, in the very nanoseconds in which the value is, too: they look by themselves within a millisecond or two.
    /// Tasks cannot, so from the first one on there is a fence.
    #[inline]
    pub(super) fn tell(&self) {
        if self.awaited.load(Ordering::Relaxed) {
            self.announce();
        } else if self.sleepers.load(Ordering::Relaxed) != 0 {
            self.wake_sleepers();
        }
    }

    #[cold]
    fn wake_sleepers(&self) {
        // Passing through the gate makes sure that a sleeper is either before its last look or asleep.
        drop(lock(&self.gate));
        self.changed.notify_all();
        let tasks = mem::take(&mut *lock(&self.tasks));
        self.sleepers.fetch_sub(tasks.len(), Ordering::Relaxed);
        tasks.into_iter().for_each(Waker::wake);
    }

    /// Has a task woken by the next change, like a thread that sleeps. Whoever calls this looks once more afterwards, and
    /// then has a helper engaged, which [announces](Self::announce) its leave.
    pub(super) fn register(&self, task: &Waker) {
        self.contended.store(true, Ordering::Relaxed);
        let first = !self.awaited.load(Ordering::Relaxed);
        self.awaited.store(true, Ordering::Relaxed);
        let mut tasks = lock(&self.tasks);
        if !tasks.iter().any(|known| known.will_wake(task)) {
            tasks.push(task.clone());
            // Relaxed: ordered by the fence that follows.
            self.sleepers.fetch_add(1, Ordering::Relaxed);
        }
        drop(tasks);
        fence(Ordering::SeqCst);
        if first {
            // A producer in the midst of a turn may not have seen that there is one: it comes back for another look.
            task.wake_by_ref();
        }
    }

    /// Wakes everybody who sleeps, also one that has only just begun to.
    pub(super) fn announce(&self) {
        fence(Ordering::SeqCst);
        // Relaxed: as in `wake`.
        if self.sleepers.load(Ordering::Relaxed) != 0 {
            self.wake_sleepers();
        }
    }

    /// Sleeps until something changed or the time is over, unless `done` holds already.
    ///
    /// The time is a safety net for what no store announces; models run without it.
    pub(super) fn sleep(&self, time: Duration, done: impl Fn() -> bool) {
        let first = !self.contended.load(Ordering::Relaxed);
        if first {
            self.contended.store(true, Ordering::Relaxed);
        }
        let time = if first { time.min(MOMENT) } else { time };
        let gate = lock(&self.gate);
        // Relaxed: ordered by the fence that follows.
        self.sleepers.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        if !done() {
            self.sleep_at(gate, time);
        } else {
            drop(gate);
        }
        self.sleepers.fetch_sub(1, Ordering::Relaxed);
    }

    #[cfg(not(loom))]
    fn sleep_at(&self, gate: crate::sync::MutexGuard<'_, ()>, time: Duration) {
        drop(self.changed.wait_timeout(gate, time).unwrap_or_else(|poisoned| poisoned.into_inner()));
    }

    #[cfg(loom)]
    fn sleep_at(&self, gate: crate::sync::MutexGuard<'_, ()>, _: Duration) {
        drop(self.changed.wait(gate).unwrap_or_else(|poisoned| poisoned.into_inner()));
    }
}

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `Turn::take`.
        self.turn.holder.store(0, Ordering::Release);
        self.turn.wake();
    }
}
