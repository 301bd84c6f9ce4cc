//! What has come of a cache's forecasts, and whether to make the next one.

use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// So many forecasts in a row that gained nothing make the next ones rarer ..
const PATIENT: u32 = 16;
/// .. but never rarer than one in so many.
const RARELY: u32 = 64;

/// What came of a cache's forecasts. Relaxed throughout: counts and hints.
pub(in crate::cache) struct Outlook {
    /// Calls that were shown to others.
    pub(in crate::cache) shared: AtomicU64,
    /// Those that another thread had computed or begun when their turn came.
    pub(in crate::cache) helped: AtomicU64,
    /// Forecasts that found nothing to share.
    pub(in crate::cache) vain: AtomicU64,
    /// Forecasts in a row that gained nothing.
    losses: AtomicU32,
    /// How many to leave out now.
    skip: AtomicU32,
}

impl Outlook {
    pub(in crate::cache) const fn new() -> Self {
        Self {
            shared: AtomicU64::new(0),
            helped: AtomicU64::new(0),
            vain: AtomicU64::new(0),
            losses: AtomicU32::new(0),
            skip: AtomicU32::new(0),
        }
    }

    /// The counts: shown, computed by others, in vain.
    pub(in crate::cache) fn totals(&self) -> [u64; 3] {
        [&self.shared, &self.helped, &self.vain].map(|count| count.load(Ordering::Relaxed))
    }

    /// Adds the counts of another one, which is about to go.
    pub(in crate::cache) fn add(&self, totals: [u64; 3]) {
        for (count, more) in [&self.shared, &self.helped, &self.vain].into_iter().zip(totals) {
            count.fetch_add(more, Ordering::Relaxed);
        }
    }

    /// Whether to make a forecast now.
    pub(in crate::cache) fn is_good(&self) -> bool {
        let skip = self.skip.load(Ordering::Relaxed);
        if skip > 0 {
            self.skip.store(skip - 1, Ordering::Relaxed);
        }
        skip == 0
    }

    pub(in crate::cache) fn won(&self) {
        self.losses.store(0, Ordering::Relaxed);
    }

    pub(in crate::cache) fn lost(&self) {
        let losses = self.losses.fetch_add(1, Ordering::Relaxed) / PATIENT;
        self.skip.store((1 << losses.min(10)).min(RARELY) - 1, Ordering::Relaxed);
    }
}
