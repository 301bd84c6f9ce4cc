//! What a thread has to heed when it begins a call, told by one comparison: mostly it is nothing.
//!
//! Others may have it look at each call, too, from a moment on at which they have said why:
//!
//! ```text
//!   thread:  due = some count; fence; is anything said? due = 0
//!   other:   says it; fence; due = 0
//! ```
//!
//! Of the two, one sees the other. Whoever has a look come sooner changes only the count that it has seen, so that it puts off no demand.

use std::cell::Cell;

use crate::sync::{AtomicU64, Ordering, atomic::fence};

/// When the thread has to look at more than the call that it begins. Only the thread itself looks at it; others [demand](Self::demand).
pub(in crate::cache) struct Attention {
    /// The count of calls from which on each call looks. Never later than it is to be; where it is earlier, a look finds nothing.
    /// Relaxed: see above.
    due: AtomicU64,
    /// Running calls to which ends of calls may have been handed over.
    expecting: Cell<u32>,
    /// Whether the call that begins next knows that nothing has been handed over for it.
    has_asked: Cell<bool>,
}

impl Default for Attention {
    fn default() -> Self {
        Self { due: AtomicU64::new(0), expecting: Cell::new(0), has_asked: Cell::new(false) }
    }
}

impl Attention {
    /// Whether the call that is the so many-th of the thread has to look.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn is_due(&self, computed: u64) -> bool {
        computed >= self.due.load(Ordering::Relaxed)
    }

    /// Has the next call look. The one thing that other threads do, too.
    pub(in crate::cache) fn demand(&self) {
        self.due.store(0, Ordering::Relaxed);
    }

    /// Has the call that is the so many-th of the thread look, if none does before.
    #[inline]
    pub(in crate::cache) fn demand_at(&self, computed: u64) {
        let due = self.due.load(Ordering::Relaxed);
        if computed < due {
            // If it is another one by now, the next call looks anyway.
            _ = self.due.compare_exchange(due, computed, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Calls have looked: the next is to do so at this count, unless all have to, which is asked once more when that has been said.
    pub(in crate::cache) fn lasts_until(&self, computed: u64, all: impl Fn() -> bool) {
        if all() || self.expecting.get() > 0 {
            return self.demand();
        }
        self.due.store(computed, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        if all() {
            self.demand();
        }
    }

    /// Ends of calls may be handed over to a running call from now on.
    pub(in crate::cache) fn expect(&self) {
        self.expecting.set(self.expecting.get() + 1);
        self.demand();
    }

    /// Whether the call that begins is to ask for what was handed over: not if that has been done for it.
    pub(in crate::cache) fn asks(&self) -> bool {
        !self.has_asked.take()
    }

    /// The call that begins next need not ask for what was handed over.
    pub(in crate::cache) fn note_asked(&self) {
        self.has_asked.set(true);
    }

    /// That running call ends.
    pub(in crate::cache) fn expect_no_more(&self) {
        self.expecting.set(self.expecting.get() - 1);
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::sync::{Arc, atomic::AtomicBool};

    use super::*;

    /// | thread | other |
    /// |---|---|
    /// | looks; puts its next look off; has one come sooner | says something; fence; demands |
    #[test]
    fn loom_what_another_thread_has_said_is_heeded_by_all_calls_from_then_on() {
        struct Shared(Attention);
        // SAFETY: but for what others may do, too, one thread uses it.
        unsafe impl Sync for Shared {}
        // SAFETY: as above.
        unsafe impl Send for Shared {}
        loom::model(|| {
            let shared = Arc::new((Shared(Attention::default()), AtomicBool::new(false)));
            let other = shared.clone();
            let other = loom::thread::spawn(move || {
                let (Shared(attention), said) = &*other;
                said.store(true, Ordering::Relaxed);
                fence(Ordering::SeqCst);
                attention.demand();
            });
            let (Shared(attention), said) = &*shared;
            attention.lasts_until(100, || said.load(Ordering::Relaxed));
            attention.demand_at(50);
            other.join().unwrap();
            assert!(attention.is_due(1));
        });
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn who_expects_something_looks_at_each_call() {
        let attention = Attention::default();
        assert!(attention.is_due(1), "nothing is known yet");
        attention.lasts_until(64, || false);
        assert!(!attention.is_due(63) && attention.is_due(64));
        attention.demand_at(32);
        attention.demand_at(48);
        assert!(!attention.is_due(31) && attention.is_due(32));
        attention.expect();
        attention.lasts_until(64, || false);
        assert!(attention.is_due(1));
        attention.note_asked();
        assert_eq!((attention.asks(), attention.asks()), (false, true), "one call alone need not");
        attention.expect_no_more();
        attention.lasts_until(64, || false);
        assert!(!attention.is_due(1));
        attention.lasts_until(64, || true);
        assert!(attention.is_due(1));
    }
}
