//! What keeps a store that is down from costing a timeout a call.

use std::time::{Duration, Instant};

use crate::sync::global::{AtomicU64, Mutex, Ordering, lock};

/// So many failures in a row, and the store is left alone for a while ..
const PATIENCE: u64 = 3;
/// .. at first so long, and twice as long each time ..
const REST: Duration = Duration::from_secs(1);
/// .. but never longer.
const LONGEST: Duration = Duration::from_secs(30);

/// Counts failures in a row. While the store rests, one call at the end of each rest tries it.
pub(super) struct Breaker {
    /// Failures in a row. Relaxed: a hint; what is decided is decided under the lock.
    failures: AtomicU64,
    /// When the rest ends, and how long the next one is.
    rest: Mutex<(Option<Instant>, Duration)>,
}

impl Breaker {
    pub(super) const fn new() -> Self {
        Breaker { failures: AtomicU64::new(0), rest: Mutex::new((None, REST)) }
    }

    /// Whether the store may be asked now; otherwise when it may be.
    pub(super) fn check(&self, now: Instant) -> Result<(), Duration> {
        if self.failures.load(Ordering::Relaxed) < PATIENCE {
            return Ok(());
        }
        let mut rest = lock(&self.rest);
        match rest.0 {
            Some(end) if end > now => Err(end - now),
            // One tries; until it knows, the others stay away.
            _ => {
                rest.0 = Some(now + rest.1);
                Ok(())
            }
        }
    }

    pub(super) fn succeeded(&self) {
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
            *lock(&self.rest) = (None, REST);
        }
    }

    pub(super) fn failed(&self, now: Instant) {
        if self.failures.fetch_add(1, Ordering::Relaxed) + 1 >= PATIENCE {
            let mut rest = lock(&self.rest);
            *rest = (Some(now + rest.1), (rest.1 * 2).min(LONGEST));
        }
    }

    /// Whether the store rests, or is about to be tried.
    pub(super) fn is_open(&self) -> bool {
        self.failures.load(Ordering::Relaxed) >= PATIENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_is_down_is_tried_ever_more_rarely() {
        let (breaker, start) = (Breaker::new(), Instant::now());
        let mut tries = Vec::new();
        for millisecond in 0..100_000_u64 {
            let now = start + Duration::from_millis(millisecond);
            if breaker.check(now).is_ok() {
                tries.push(millisecond);
                breaker.failed(now);
            }
        }
        assert_eq!(tries, [0, 1, 2, 1_002, 3_002, 7_002, 15_002, 31_002, 61_002, 91_002]);
        assert!(breaker.is_open());
        breaker.succeeded();
        assert!(!breaker.is_open() && breaker.check(start).is_ok());
    }

    #[test]
    fn one_call_alone_tries_it() {
        let (breaker, start) = (Breaker::new(), Instant::now());
        (0..3).for_each(|_| breaker.failed(start));
        let later = start + Duration::from_millis(1_500);
        assert_eq!([breaker.check(later).is_ok(), breaker.check(later).is_ok()], [true, false]);
    }
}
