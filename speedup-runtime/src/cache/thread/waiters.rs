//! Whether somebody waits for a claim, asked by who ends it.
//!
//! Publishing a value is a plain store, so who publishes and who begins to wait could each overlook the other. The barrier
//! between store and load is made by the one who waits, for both:
//!
//! ```text
//!   who waits:      waiters += 1; barrier for all threads; still claimed? sleep
//!   who publishes:  slot = Ready; waiters > 0? wake
//! ```
//!
//! Either the publisher's load comes after the barrier, and it sees who waits; or its store comes before, and who waits sees
//! the value. So no wake is lost, and publishing costs no barrier where one thread can make it for others (see
//! [`membarrier`](crate::cache::memory::membarrier)). Where that fails a wake may be lost, and a sleeper finds out when it next
//! looks by itself.

use crate::sync::{AtomicU32, Ordering, const_unless_loom};

/// How many threads wait for slots of a cache.
pub(in crate::cache) struct Waiters(AtomicU32);

impl Waiters {
    const_unless_loom! {
        /// Nobody.
        pub(in crate::cache) fn none() -> Self {
            Self(AtomicU32::new(0))
        }
    }

    /// Counts a thread until what is returned is dropped.
    pub(in crate::cache) fn begin(&self) -> Waiting<'_> {
        self.add();
        Waiting(self)
    }

    /// Counts one more. SeqCst: the store of the pair that the barrier orders.
    pub(in crate::cache) fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// Undoes [`add`](Self::add).
    pub(in crate::cache) fn remove(&self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }

    /// Whether there is anybody, for who has just ended a claim; `order` makes the publisher's part of the barrier.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn any(&self, order: impl FnOnce()) -> bool {
        order();
        // Relaxed: ordered by the barrier.
        self.0.load(Ordering::Relaxed) > 0
    }
}

/// A thread that is counted as waiting.
pub(in crate::cache) struct Waiting<'a>(&'a Waiters);

impl Waiting<'_> {
    /// Makes sure of being seen by whoever ends a claim from now on: who looks at the claim after this, and then sleeps, is
    /// woken. `pass` makes all threads pass a barrier.
    pub(in crate::cache) fn settle(&self, pass: impl FnOnce() -> bool) {
        // Where that fails, who sleeps looks again by itself.
        let _ = pass();
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.remove();
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::{
        sync::{Arc, Condvar, Mutex},
        thread,
    };

    use super::*;
    use crate::{
        cache::table::State,
        sync::{atomic::fence, lock},
    };

    /// A claimed slot, who waits for it, and the token that wakes them.
    struct World {
        state: State,
        waiters: Waiters,
        token: Mutex<bool>,
        given: Condvar,
    }

    impl World {
        fn publish(&self) {
            self.state.publish();
            if self.waiters.any(|| fence(Ordering::SeqCst)) {
                *lock(&self.token) = true;
                self.given.notify_all();
            }
        }

        /// Sleeps without a limit: a wake that is lost is a deadlock, which the checker reports.
        fn wait(&self) {
            let waiting = self.waiters.begin();
            waiting.settle(|| {
                fence(Ordering::SeqCst);
                true
            });
            if !self.state.is_ready() {
                let mut token = lock(&self.token);
                while !*token {
                    token = self.given.wait(token).unwrap();
                }
            }
            assert!(self.state.is_ready());
        }
    }

    /// | owner | one or two others |
    /// |---|---|
    /// | publishes, and wakes who waits | wait |
    fn nobody_sleeps_on(others: usize) {
        loom::model(move || {
            let world = Arc::new(World {
                state: State::claimed(0),
                waiters: Waiters::none(),
                token: Mutex::new(false),
                given: Condvar::new(),
            });
            let others: Vec<_> = (0..others)
                .map(|_| {
                    let world = world.clone();
                    thread::spawn(move || world.wait())
                })
                .collect();
            world.publish();
            others.into_iter().for_each(|other| other.join().unwrap());
        });
    }

    #[test]
    fn loom_no_wake_is_lost() {
        nobody_sleeps_on(1);
    }

    #[test]
    fn loom_no_wake_of_two_is_lost() {
        nobody_sleeps_on(2);
    }
}
