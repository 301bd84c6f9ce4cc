//! How dear a value is, and what follows from it: produce in place, in batches, or ahead in the background.

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

use crate::sync::{AtomicU32, Ordering, const_unless_loom};

/// A value that takes at least so many nanoseconds may be worth a helper thread.
const DEAR: u32 = 40;
/// Read-ahead pays when a whole buffer of values takes at least so many nanoseconds; and a batch that a reader makes
/// in place, beyond what it asked for, takes at most as long.
const WORTHWHILE: u32 = 1_000;
/// So many cheap values in a row make a generator one that is produced in batches. Until then a reader makes exactly
/// what it asked for: a generator that waits for its reader is never run ahead by that very reader.
const TRUST: u32 = 256;
/// The most that it can take, after stalls.
const MOST_TRUST: u32 = 4_096;
/// A batch that took so many nanoseconds, longer than any cheap batch, ends the trust.
const STALL: u64 = 20_000;
/// Those who wait for a value that exists are told within so many nanoseconds.
const UNTOLD: u32 = 1_000;
/// And after so many values of a trusted generator.
const MOST_UNTOLD: usize = 1_024;
/// A reader tells how far it is once in so many nanoseconds of values, if not sooner.
const STRIDE: u32 = 8_000;
/// Of the batches of a trusted generator one in so many is timed.
const SAMPLE: u32 = 16;

/// The measured cost of a generator's values.
///
/// Written by the holder of the turn, read by anybody as a hint: Relaxed throughout.
pub(super) struct Pace {
    /// Nanoseconds a value, smoothed; 0 until measured.
    cost: AtomicU32,
    /// Values made since the last dear one.
    cheap: AtomicU32,
    /// How many of them it takes to be trusted; twice as many after each stall.
    trust: AtomicU32,
    /// Batches until the next one that is timed.
    untimed: AtomicU32,
}

/// A production that is being timed, or not.
pub(super) struct Watch {
    start: Option<Instant>,
}

impl Pace {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            Pace {
                cost: AtomicU32::new(0),
                cheap: AtomicU32::new(0),
                trust: AtomicU32::new(TRUST),
                untimed: AtomicU32::new(0),
            }
        }
    }

    /// Whether values are so cheap, for so long, that a reader makes a batch at a time.
    #[inline]
    pub(super) fn is_trusted(&self) -> bool {
        self.cheap.load(Ordering::Relaxed) >= self.trust.load(Ordering::Relaxed)
    }

    /// Whether a helper thread should produce ahead.
    #[inline]
    pub(super) fn pays_ahead(&self, size: usize) -> bool {
        let cost = self.cost.load(Ordering::Relaxed);
        cost >= DEAR && (cost as usize).saturating_mul(size) >= WORTHWHILE as usize
    }

    /// How many values a reader makes at once, at most.
    #[inline]
    pub(super) fn batch(&self, size: usize) -> usize {
        if !self.is_trusted() {
            return 1;
        }
        let affordable = WORTHWHILE / self.cost.load(Ordering::Relaxed).max(1);
        size.min(affordable.max(1) as usize)
    }

    /// How many values a reader takes before it tells the producers, where values are made ahead.
    #[inline]
    pub(super) fn stride(&self, size: usize) -> usize {
        let cost = self.cost.load(Ordering::Relaxed).max(1);
        ((STRIDE / cost) as usize).min(size / 2).max(1)
    }

    /// How many values beyond the one it needs a reader may wait for, because they take no time worth mentioning.
    pub(super) fn together(&self, size: usize) -> usize {
        let cost = self.cost.load(Ordering::Relaxed).max(1);
        ((UNTOLD / 2 / cost) as usize).min(size / 4)
    }

    /// How many values may be made before those who wait are told: as many as take no time worth mentioning.
    #[inline]
    pub(super) fn untold(&self) -> usize {
        if self.is_trusted() {
            return MOST_UNTOLD;
        }
        match self.cost.load(Ordering::Relaxed) {
            0 => 1,
            cost => (UNTOLD / cost).max(1) as usize,
        }
    }

    /// The smoothed cost of one value.
    pub(super) fn cost(&self) -> Duration {
        Duration::from_nanos(u64::from(self.cost.load(Ordering::Relaxed)))
    }

    /// Begins a production.
    #[inline]
    pub(super) fn watch(&self) -> Watch {
        if self.is_trusted() {
            let untimed = self.untimed.load(Ordering::Relaxed);
            if untimed > 0 {
                self.untimed.store(untimed - 1, Ordering::Relaxed);
                return Watch { start: None };
            }
            self.untimed.store(SAMPLE, Ordering::Relaxed);
        }
        Watch { start: Some(Instant::now()) }
    }

    /// Ends a production of `values` values.
    #[inline]
    pub(super) fn record(&self, watch: Watch, values: usize) {
        if let Some(start) = watch.start
            && values > 0
        {
            let nanos = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
            self.record_time(nanos.saturating_sub(overhead()), values);
        }
    }

    fn record_time(&self, nanos: u64, values: usize) {
        let sample = u32::try_from(nanos / values as u64).unwrap_or(u32::MAX).max(1);
        let cost = self.cost.load(Ordering::Relaxed);
        // One value that takes long, because the system put the thread aside, is no reason to take all for dear: the cost
        // at most doubles at a time.
        let smoothed = match cost {
            0 => sample,
            cost if sample > cost => sample.min(cost.saturating_mul(2).saturating_add(DEAR / 4)),
            cost => cost - (cost - sample).div_ceil(4),
        };
        // Readers look at it: what is confirmed, near enough, is left alone in their caches.
        if sample.abs_diff(cost) > cost / 8 {
            self.cost.store(smoothed.max(1), Ordering::Relaxed);
        }
        if nanos >= STALL || smoothed >= DEAR {
            if self.is_trusted() {
                let trust = self.trust.load(Ordering::Relaxed);
                self.trust.store((trust * 2).min(MOST_TRUST), Ordering::Relaxed);
            }
            if self.cheap.load(Ordering::Relaxed) != 0 {
                self.cheap.store(0, Ordering::Relaxed);
            }
        } else if sample < DEAR {
            let values = u32::try_from(values).unwrap_or(u32::MAX);
            let cheap = self.cheap.load(Ordering::Relaxed);
            self.cheap.store(cheap.saturating_add(values), Ordering::Relaxed);
        }
    }
}

/// What a production of one value that costs nothing takes by the watch: two looks at the clock and what is between.
fn overhead() -> u64 {
    static OVERHEAD: OnceLock<u64> = OnceLock::new();
    *OVERHEAD.get_or_init(|| {
        let shortest = (0..8).map(|_| {
            let start = Instant::now();
            start.elapsed().as_nanos()
        });
        2 * shortest.min().map_or(0, |nanos| u64::try_from(nanos).unwrap_or(0))
    })
}
