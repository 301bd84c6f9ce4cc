//! A breaker: who does not answer is left alone for a while, so that an outage costs one timeout and not one a call.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use super::{Error, Result};

/// How long a server is left alone after the first failure; then twice as long after each in a row.
const FIRST: Duration = Duration::from_millis(250);
/// The longest that it is left alone.
const LONGEST: Duration = Duration::from_secs(5);

/// Whether a server is asked at all. While it rests one caller at a time goes and looks.
#[derive(Debug)]
pub(super) struct Breaker {
    /// Times are counted from here.
    began: Instant,
    /// Until when the server rests, in milliseconds; zero while it works. The values guard no other memory: `Relaxed` is enough.
    until: AtomicU64,
    /// How long the next rest is, in milliseconds.
    rest: AtomicU64,
}

impl Breaker {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), until: AtomicU64::new(0), rest: AtomicU64::new(millis(FIRST)) }
    }

    /// Lets a caller through to a server, unless that rests.
    pub(super) fn enter(&self, server: &str) -> Result<()> {
        match self.rests_for(millis(self.began.elapsed())) {
            None => Ok(()),
            Some(left) => Err(Error::Resting { store: server.to_owned(), again_in: Duration::from_millis(left) }),
        }
    }

    /// For how long a caller at this time finds it resting. Of those who come when the rest is over, one is let through.
    fn rests_for(&self, now: u64) -> Option<u64> {
        let until = self.until.load(Ordering::Relaxed);
        if until == 0 {
            return None;
        }
        if now < until {
            return Some(until - now);
        }
        let rest = self.rest.load(Ordering::Relaxed);
        let goes = self.until.compare_exchange(until, now + rest, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if goes { None } else { Some(rest) }
    }

    /// The server answered.
    pub(super) fn worked(&self) {
        if self.until.load(Ordering::Relaxed) != 0 {
            self.rest.store(millis(FIRST), Ordering::Relaxed);
            self.until.store(0, Ordering::Relaxed);
        }
    }

    /// The server did not answer.
    pub(super) fn failed(&self) {
        self.failed_at(millis(self.began.elapsed()));
    }

    fn failed_at(&self, now: u64) {
        let rest = self.rest.load(Ordering::Relaxed);
        self.until.store(now + rest, Ordering::Relaxed);
        self.rest.store((2 * rest).min(millis(LONGEST)), Ordering::Relaxed);
    }

    /// Whether the server rests.
    pub(super) fn is_open(&self) -> bool {
        self.until.load(Ordering::Relaxed) != 0
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_met_by_one_caller_a_rest() {
        let breaker = Breaker::new();
        assert_eq!(breaker.rests_for(10), None);
        breaker.failed_at(10);
        assert!(breaker.is_open());
        assert_eq!(breaker.rests_for(100), Some(160));
        assert_eq!(breaker.rests_for(260), None, "one goes and looks");
        assert_eq!(breaker.rests_for(260), Some(500), "the others do not");
        breaker.failed_at(300);
        assert_eq!(breaker.rests_for(301), Some(499));
        breaker.worked();
        assert_eq!(breaker.rests_for(302), None);
    }

    #[test]
    fn rests_are_bounded() {
        let breaker = Breaker::new();
        (0..30).for_each(|_| breaker.failed_at(0));
        assert_eq!(breaker.rests_for(0), Some(5_000));
    }
}
