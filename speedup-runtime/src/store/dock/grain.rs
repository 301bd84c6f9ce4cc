//! Whether calls are dear enough to be claimed: dearer than asking the server is.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use crate::store::cooperate::policy;
use crate::sync::global::{AtomicU64, Ordering};

thread_local! {
    /// What the calls within the innermost one of this thread have taken.
    static WITHIN: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// What a call costs by itself, and what it costs to claim it: running means, in nanoseconds. Relaxed: hints.
pub(super) struct Grain {
    ended: AtomicU64,
    spared: AtomicU64,
    own: AtomicU64,
    trip: AtomicU64,
}

impl Grain {
    pub(super) const fn new() -> Self {
        Self { ended: AtomicU64::new(0), spared: AtomicU64::new(0), own: AtomicU64::new(0), trip: AtomicU64::new(0) }
    }

    /// Whether to claim the next call.
    pub(super) fn is_worth_a_claim(&self) -> bool {
        let [ended, own, trip] = [&self.ended, &self.own, &self.trip].map(|count| count.load(Ordering::Relaxed));
        policy::is_worth_a_claim(ended, own, trip, || self.spared.fetch_add(1, Ordering::Relaxed))
    }

    /// A round trip took this long.
    pub(super) fn trip(&self, took: Duration) {
        note(&self.trip, took);
    }

    /// Runs a body, and notes what it took by itself.
    pub(super) fn body<T>(&self, body: impl FnOnce() -> T) -> T {
        let (value, took) = alone(body);
        self.ended(took);
        value
    }

    /// A body has ended that took this long by itself.
    pub(super) fn ended(&self, took: Duration) {
        note(&self.own, took);
        self.ended.fetch_add(1, Ordering::Relaxed);
    }
}

/// Runs a part of a body. Returns what it took by itself, too.
pub(super) fn alone<T>(part: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    WITHIN.set(Duration::ZERO);
    let value = part();
    (value, began.elapsed().saturating_sub(WITHIN.get()))
}

/// Runs a call with all that comes with it, which the call around it has not taken by itself.
pub(super) fn within<T>(call: impl FnOnce() -> T) -> T {
    /// Also where the call panics.
    struct Around(Duration, Instant);
    impl Drop for Around {
        fn drop(&mut self) {
            WITHIN.set(self.0 + self.1.elapsed());
        }
    }
    let _around = Around(WITHIN.get(), Instant::now());
    call()
}

fn note(mean: &AtomicU64, took: Duration) {
    let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
    mean.store(policy::mean(mean.load(Ordering::Relaxed), took), Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_that_cost_less_than_a_trip_are_rarely_claimed() {
        let grain = Grain::new();
        grain.trip(Duration::from_millis(1));
        assert!((0..100).all(|_| grain.is_worth_a_claim()), "none has ended");
        (0..8).for_each(|_| grain.body(|| ()));
        assert_eq!((0..640).filter(|_| grain.is_worth_a_claim()).count(), 10);
        (0..100).for_each(|_| note(&grain.own, Duration::from_millis(5)));
        assert!((0..640).all(|_| grain.is_worth_a_claim()));
    }

    #[test]
    fn a_call_is_not_charged_with_those_within_it() {
        let mut inner = Duration::ZERO;
        let ((), own) = within(|| {
            alone(|| {
                within(|| std::thread::sleep(Duration::from_millis(5)));
                inner = WITHIN.get();
            })
        });
        assert!(inner >= Duration::from_millis(5));
        // Of all that the call has taken, the part within it is left out.
        assert!(WITHIN.get() >= own + inner);
    }
}
