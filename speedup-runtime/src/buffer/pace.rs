//! What values cost, and whether it pays to have them made ahead.
//!
//! Samples are taken of single values, from the moment at which the generator goes on to that at which it has the next
//! value: what the engine does around it, and the way of a cache line between two cores, is no part of them. Where a reader makes
//! several values at once, they are watched together, and their mean is the sample. Cheap values are sampled ever more rarely.
//!
//! The rule is that of renting or buying. Reading ahead costs a thread, some 100 us. A [`Ledger`] adds up what values have
//! cost beyond what they may cost a reader that makes them itself, and takes off what they have cost less; at the price of
//! a thread, one is had. So whatever comes, at most about as much again is lost as has been lost already. A value that took
//! long because the system put the thread aside counts for no more than half the price.

use std::time::{Duration, Instant};

use crate::{
    stopwatch::overhead,
    sync::{AtomicBool, AtomicU32, Ordering, const_unless_loom},
};

/// A value that takes fewer nanoseconds is made faster than it is passed on from core to core.
const DEAR: u32 = 40;
/// Nor is it worth while to pass on a whole buffer of values that takes fewer nanoseconds.
const WORTHWHILE: usize = 1_000;
/// What a thread costs, in nanoseconds.
const PRICE: u32 = 100_000;
/// A value that took so many nanoseconds is dear for certain: no system puts a thread aside for so long.
const CERTAIN: u64 = 20_000_000;
/// Of values that have long been cheap, one in about so many is sampled.
const RAREST: u32 = 128;
/// Where they are made several at once, and so watched together, one such time in so many times as many values: two looks at the clock for
/// each hundred of them would take a quarter of their time.
const RARER: u32 = 4;
/// And while they are made ahead.
const RARE: u32 = 16;
/// Of so many samples at first the least counts as what values cost: the first finds memory and code that nobody has touched, which takes
/// hundreds of times as long as a cheap value.
const FIRST_TOUCHES: u32 = 4;
/// Those who wait for a value that exists are told within so many nanoseconds.
const UNTOLD: u32 = 1_000;
/// And after so many values.
const MOST_UNTOLD: usize = 1_024;
/// A reader tells how far it is once in so many nanoseconds of values, if not sooner.
const STRIDE: u32 = 8_000;

/// What the samples so far amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ledger {
    /// Nanoseconds a value, smoothed; 0 until there was a sample.
    cost: u32,
    /// Nanoseconds beyond what is cheap; from 0 to twice the price of a thread.
    excess: u32,
    /// Whether values are to be made ahead: from when the excess reaches the price until nothing is left of it.
    ahead: bool,
    /// One in so many values is sampled.
    interval: u32,
    /// How many samples there have been, up to [`FIRST_TOUCHES`].
    samples: u32,
}

impl Ledger {
    const NEW: Ledger = Ledger { cost: 0, excess: 0, ahead: false, interval: 1, samples: 0 };

    /// The ledger after a sample that stands for as many values as the interval says, or for as many as it was taken of, each of which took
    /// so many nanoseconds. `limit` is what a value may cost before it is dear.
    fn after(self, nanos: u64, values: u32, limit: u32) -> Ledger {
        let sample = u32::try_from(nanos).unwrap_or(u32::MAX).max(1);
        let cost = match self.cost {
            0 => sample,
            cost if self.samples < FIRST_TOUCHES => cost.min(sample),
            // One that took long for another reason counts for no more than as much again.
            cost if sample > cost => cost + (sample - cost).min(cost.saturating_add(DEAR)).div_ceil(4),
            cost => cost - (cost - sample).div_ceil(4),
        };
        let each = sample.abs_diff(limit);
        let all = each.saturating_mul(self.interval.max(values));
        let (excess, interval) = if sample > limit {
            let most = if nanos >= CERTAIN { PRICE } else { PRICE / 2 };
            // A dear value takes some of the trust, not all; what is known to be dear need not be looked at each time.
            let interval = if self.ahead { (self.interval * 2).min(RARE) } else { (self.interval / 4).max(1) };
            (self.excess.saturating_add(all.min(most)).min(2 * PRICE), interval)
        } else {
            // Few of the values are looked at, so none of the cheap ones says much of those between them.
            let rarest = if self.ahead { RARE } else { RAREST };
            (self.excess.saturating_sub(all.min(PRICE / 64)), (self.interval * 2).min(rarest))
        };
        let ahead = excess >= PRICE || self.ahead && excess > 0;
        Ledger { cost, excess, ahead, interval, samples: (self.samples + 1).min(FIRST_TOUCHES) }
    }
}

/// What a value may cost, in a buffer of this size, before it pays to have it made ahead.
fn limit(size: usize) -> u32 {
    DEAR.max(u32::try_from(WORTHWHILE / size).unwrap_or(u32::MAX))
}

/// The measured cost of a generator's values.
///
/// Written by the holder of the turn, read by anybody as a hint: Relaxed throughout.
pub(super) struct Pace {
    cost: AtomicU32,
    excess: AtomicU32,
    ahead: AtomicBool,
    interval: AtomicU32,
    samples: AtomicU32,
    /// Values until the next sample.
    unsampled: AtomicU32,
    /// What the distance to the next sample is drawn by, so that it falls in step with no pattern in the costs.
    draw: AtomicU32,
}

/// The sample that is being taken.
pub(super) struct Watch(Instant);

impl Pace {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            Pace {
                cost: AtomicU32::new(Ledger::NEW.cost),
                excess: AtomicU32::new(Ledger::NEW.excess),
                ahead: AtomicBool::new(Ledger::NEW.ahead),
                interval: AtomicU32::new(Ledger::NEW.interval),
                samples: AtomicU32::new(Ledger::NEW.samples),
                unsampled: AtomicU32::new(0),
                draw: AtomicU32::new(1),
            }
        }
    }

    /// Whether a helper thread should produce ahead.
    #[inline]
    pub(super) fn pays_ahead(&self) -> bool {
        self.ahead.load(Ordering::Relaxed)
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
        match self.cost.load(Ordering::Relaxed) {
            0 => 1,
            cost => ((UNTOLD / cost).max(1) as usize).min(MOST_UNTOLD),
        }
    }

    /// The smoothed cost of one value.
    pub(super) fn cost(&self) -> Duration {
        Duration::from_nanos(u64::from(self.cost.load(Ordering::Relaxed)))
    }

    /// For the holder of the turn, who is about to make up to `most` values: how many may be made before it asks again,
    /// and the watch if it is the next one that is sampled. Who makes several at once may watch all of them.
    #[inline]
    pub(super) fn next(&self, most: usize) -> (usize, Option<Watch>) {
        let unsampled = self.unsampled.load(Ordering::Relaxed);
        if unsampled == 0 {
            return (1, Some(Watch(Instant::now())));
        }
        let values = most.min(unsampled as usize);
        self.unsampled.store(unsampled - values as u32, Ordering::Relaxed);
        (values, None)
    }

    /// How many values a reader makes at once of a generator that waits for nobody, at most.
    #[inline]
    pub(super) fn batch(&self, size: usize) -> usize {
        match self.cost.load(Ordering::Relaxed) {
            0 => 1,
            cost => size.min((WORTHWHILE / cost as usize).max(1)),
        }
    }

    /// So many values that were watched are there; whether such values are made several at once.
    pub(super) fn record(&self, watch: &Watch, values: usize, size: usize, batches: bool) {
        let nanos = u64::try_from(watch.0.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let values = u32::try_from(values).unwrap_or(u32::MAX).max(1);
        self.record_time(nanos.saturating_sub(overhead()) / u64::from(values), values, limit(size));
        if batches {
            self.put_off();
        }
    }

    /// Lets the next sample of values that are made several at once be farther away, where they have long been cheap.
    fn put_off(&self) {
        if self.interval.load(Ordering::Relaxed) == RAREST {
            self.unsampled.store(self.unsampled.load(Ordering::Relaxed) * RARER, Ordering::Relaxed);
        }
    }

    #[cold]
    fn record_time(&self, nanos: u64, values: u32, limit: u32) {
        let before = Ledger {
            cost: self.cost.load(Ordering::Relaxed),
            excess: self.excess.load(Ordering::Relaxed),
            ahead: self.ahead.load(Ordering::Relaxed),
            interval: self.interval.load(Ordering::Relaxed),
            samples: self.samples.load(Ordering::Relaxed),
        };
        let after = before.after(nanos, values, limit);
        // Readers look at it: what is confirmed, near enough, is left alone in their caches. A clock that ticks rarely says that a value
        // takes no time at all, which is a cost as well.
        if before.cost == 0 || nanos.abs_diff(u64::from(before.cost)) > u64::from(before.cost / 8) {
            self.cost.store(after.cost, Ordering::Relaxed);
        }
        if after.ahead != before.ahead {
            self.ahead.store(after.ahead, Ordering::Relaxed);
        }
        self.excess.store(after.excess, Ordering::Relaxed);
        self.interval.store(after.interval, Ordering::Relaxed);
        self.samples.store(after.samples, Ordering::Relaxed);
        self.unsampled.store(self.distance(after.interval), Ordering::Relaxed);
    }

    /// How many values to leave unsampled, about as many as `interval` says.
    fn distance(&self, interval: u32) -> u32 {
        let draw = self.draw.load(Ordering::Relaxed).wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.draw.store(draw, Ordering::Relaxed);
        let half = interval / 2;
        half + (draw >> 16) % (half + 1)
    }
}

#[cfg(all(test, not(loom)))]
#[path = "pace_tests.rs"]
mod tests;
