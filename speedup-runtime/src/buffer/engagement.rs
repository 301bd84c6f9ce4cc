//! Whether a helper thread is at work for a buffer, and the handshake by which no wish gets lost between two of them.
//!
//! A reader first stores its wish, then looks whether a helper is engaged. A helper first signs off, then looks for
//! wishes. Between the two steps each has a `SeqCst` fence, so the reader finds nobody engaged, and engages one, or the
//! helper finds the wish, and stays.

use crate::sync::{AtomicBool, AtomicU64, Ordering, atomic::fence, const_unless_loom};

/// Engaged or not.
pub(super) struct Engagement {
    /// Set by whoever engages, cleared by the helper. The fences order it against the wishes.
    engaged: AtomicBool,
    /// The number of the helper's job, 0 until there was one. Relaxed: stored by whoever engages, and of use to those who
    /// know that this was before.
    ticket: AtomicU64,
}

impl Engagement {
    const_unless_loom! {
        /// No helper.
        pub(super) fn new() -> Self {
            Engagement { engaged: AtomicBool::new(false), ticket: AtomicU64::new(0) }
        }
    }

    /// Whether a helper is engaged, as a hint that saves work.
    #[inline]
    pub(super) fn is_engaged(&self) -> bool {
        self.engaged.load(Ordering::Relaxed)
    }

    /// Engages a helper for the wishes stored before; `false` when one is engaged already, which will see them.
    pub(super) fn engage(&self) -> bool {
        fence(Ordering::SeqCst);
        self.engaged.compare_exchange(false, true, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Notes the number of the helper's job. It may be over, and another one noted, before this is called.
    pub(super) fn note(&self, ticket: u64) {
        self.ticket.fetch_max(ticket, Ordering::Relaxed);
    }

    /// The number of the last helper's job.
    pub(super) fn ticket(&self) -> u64 {
        self.ticket.load(Ordering::Relaxed)
    }

    /// The engagement came to nothing: there is no thread.
    pub(super) fn cancel(&self) {
        self.engaged.store(false, Ordering::Release);
    }

    /// Signs the helper off; `false` when it has to stay for a wish that was missed.
    pub(super) fn sign_off(&self, missed: impl FnOnce() -> bool) -> bool {
        self.engaged.store(false, Ordering::Release);
        fence(Ordering::SeqCst);
        let stays = missed() && self.engaged.compare_exchange(false, true, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        !stays
    }
}
