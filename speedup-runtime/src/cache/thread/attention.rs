//! What a thread has to heed when it begins a call, told by one comparison: mostly it is nothing.

use std::cell::Cell;

/// When the thread has to look at more than the call that it begins. Only the thread itself looks at it.
#[derive(Default)]
pub(in crate::cache) struct Attention {
    /// The count of calls from which on each call looks. Never later than it is to be; where it is earlier, a look finds nothing.
    due: Cell<u64>,
    /// Running calls to which ends of calls may have been handed over.
    expecting: Cell<u32>,
    /// Whether the call that begins next knows that nothing has been handed over for it.
    has_asked: Cell<bool>,
}

impl Attention {
    /// Whether the call that is the so many-th of the thread has to look.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn is_due(&self, computed: u64) -> bool {
        computed >= self.due.get()
    }

    /// Has the next call look.
    pub(in crate::cache) fn demand(&self) {
        self.due.set(0);
    }

    /// Has the call that is the so many-th of the thread look, if none does before.
    #[inline]
    pub(in crate::cache) fn demand_at(&self, computed: u64) {
        if computed < self.due.get() {
            self.due.set(computed);
        }
    }

    /// Calls have looked: the next is to do so at this count, unless all have to.
    pub(in crate::cache) fn lasts_until(&self, computed: u64, all: bool) {
        self.due.set(if all || self.expecting.get() > 0 { 0 } else { computed });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_expects_something_looks_at_each_call() {
        let attention = Attention::default();
        assert!(attention.is_due(1), "nothing is known yet");
        attention.lasts_until(64, false);
        assert!(!attention.is_due(63) && attention.is_due(64));
        attention.demand_at(32);
        attention.demand_at(48);
        assert!(!attention.is_due(31) && attention.is_due(32));
        attention.expect();
        attention.lasts_until(64, false);
        assert!(attention.is_due(1));
        attention.note_asked();
        assert_eq!((attention.asks(), attention.asks()), (false, true), "one call alone need not");
        attention.expect_no_more();
        attention.lasts_until(64, false);
        assert!(!attention.is_due(1));
        attention.lasts_until(64, true);
        assert!(attention.is_due(1));
    }
}
