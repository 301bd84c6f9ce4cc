//! What a hit costs, found out by look-ups of a key that was computed.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use crate::cache::{
    call::state::Core,
    table::key::{Key, Output},
    thread::{
        registry::{self, Worker},
        window::nanos,
    },
};
use crate::{
    stopwatch::overhead,
    sync::{Arc, lock},
};

/// What a hit costs is found out by look-ups for so long, and no more than so many.
const HITS_FOR: Duration = Duration::from_micros(5);
const HITS: f64 = 500.0;

impl<K: Key, R: Output> Core<K, R> {
    /// Keeps a key as an example, if there is none.
    pub(in crate::cache) fn note_example(&self, key: &K) {
        if lock(&self.example).is_none() {
            // Copied by users' code, so not under the lock.
            let copy = Arc::new(key.clone());
            let unused = lock(&self.example).replace(copy);
            drop(unused);
        }
    }

    /// What a hit takes, in nanoseconds, as found out now: `None` where there is no value to look up.
    pub(in crate::cache) fn hit_cost(&self, worker: &'static Worker) -> Option<u64> {
        let example = lock(&self.example).clone().filter(|key| self.contains(key, worker));
        // Its value may have been put out, or never kept.
        let key = example.or_else(|| self.any_key(worker).map(Arc::new))?;
        // As a hit does it, but for the counting.
        let look = || match registry::swift() {
            Some(swift) => {
                let pin = swift.pin_swiftly();
                self.table(pin.at())?.find(black_box(&*key), black_box(&*key).pack(), pin.at()).cloned()
            }
            None => self.peek(black_box(&*key), black_box(&*key).pack(), worker),
        };
        let time = |rounds: u64| {
            let began = Instant::now();
            for _ in 0..rounds {
                black_box(look());
            }
            began.elapsed().saturating_sub(Duration::from_nanos(overhead()))
        };
        let once = time(1).max(Duration::from_nanos(1));
        let rounds = HITS_FOR.div_duration_f64(once).clamp(1.0, HITS) as u64;
        // The lower one of two: what others do on the machine only ever adds.
        Some(nanos(time(rounds).min(time(rounds))) / rounds)
    }

    fn any_key(&self, worker: &'static Worker) -> Option<K> {
        let pin = worker.pin();
        self.table(pin.at())?.any_key(pin.at())
    }
}
