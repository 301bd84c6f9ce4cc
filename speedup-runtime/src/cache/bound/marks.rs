//! What changes at a value while it is kept.

use crate::sync::{AtomicBool, AtomicU8, AtomicU32, Ordering, const_unless_loom};

/// Where a value is in the queue, how often it was asked for, and whether it is being renewed.
///
/// Relaxed throughout: a mark is of use by itself, and tickets are written and compared under the queue's lock.
pub(in crate::cache) struct Marks {
    /// Where it is in the queue, or [`NOWHERE`].
    ticket: AtomicU32,
    /// How often it was asked for since the queue has last looked, up to [`VISITS`].
    visits: AtomicU8,
    /// Whether a renewal ahead of its end has begun.
    renewing: AtomicBool,
}

/// Visits beyond are not counted, so that a hit of a hot key writes nothing.
const VISITS: u8 = 3;

/// No place in the queue. The one value of some billions that has this for a ticket is found when it comes to the front.
pub(in crate::cache) const NOWHERE: u32 = u32::MAX;

impl Marks {
    const_unless_loom! {
        /// Of a value that has no place yet.
        pub(in crate::cache) fn new() -> Self {
            Self { ticket: AtomicU32::new(NOWHERE), visits: AtomicU8::new(0), renewing: AtomicBool::new(false) }
        }
    }

    /// Notes that the value was asked for.
    #[inline(always)]
    pub(in crate::cache) fn visit(&self) {
        let visits = self.visits.load(Ordering::Relaxed);
        if visits < VISITS {
            self.visits.store(visits + 1, Ordering::Relaxed);
        }
    }

    pub(in crate::cache) fn visits(&self) -> u8 {
        self.visits.load(Ordering::Relaxed)
    }

    pub(in crate::cache) fn set_visits(&self, visits: u8) {
        self.visits.store(visits, Ordering::Relaxed);
    }

    /// Where it is in the queue.
    pub(in crate::cache) fn ticket(&self) -> u32 {
        self.ticket.load(Ordering::Relaxed)
    }

    pub(in crate::cache) fn set_ticket(&self, ticket: u32) {
        self.ticket.store(ticket, Ordering::Relaxed);
    }

    /// Whether nobody has begun to renew it ahead of its end.
    #[cfg(all(feature = "async", not(loom)))]
    pub(in crate::cache) fn is_left_alone(&self) -> bool {
        !self.renewing.load(Ordering::Relaxed)
    }

    /// Lets somebody else renew it: whoever was to do so cannot.
    pub(in crate::cache) fn leave_to_others(&self) {
        self.renewing.store(false, Ordering::Relaxed);
    }

    /// Whether the caller is the one to renew it ahead of its end.
    pub(in crate::cache) fn renew(&self) -> bool {
        !self.renewing.load(Ordering::Relaxed) && !self.renewing.swap(true, Ordering::Relaxed)
    }
}

impl Clone for Marks {
    fn clone(&self) -> Self {
        Self {
            ticket: AtomicU32::new(self.ticket()),
            visits: AtomicU8::new(self.visits()),
            renewing: AtomicBool::new(self.renewing.load(Ordering::Relaxed)),
        }
    }
}
