//! What a look at the clock takes, which is no part of what is timed.

use std::{sync::atomic::AtomicU32, time::Instant};

use crate::sync::global::{AtomicU64, Ordering};

/// Of so many looks the shortest counts.
const LOOKS: u32 = 3;

/// What a look at the clock takes, in nanoseconds.
///
/// The first times that this is asked there is one look each, since first calls wait for it.
#[inline]
pub(crate) fn overhead() -> u64 {
    // Relaxed: each is a figure of its own. Where two threads are first at once, there are a few looks more or fewer.
    static SHORTEST: AtomicU64 = AtomicU64::new(u64::MAX);
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    if TAKEN.load(Ordering::Relaxed) < LOOKS {
        let start = Instant::now();
        let took = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        TAKEN.fetch_add(1, Ordering::Relaxed);
        return SHORTEST.fetch_min(took, Ordering::Relaxed).min(took);
    }
    SHORTEST.load(Ordering::Relaxed)
}

#[cfg(all(test, not(loom)))]
mod tests {
    #[test]
    fn a_look_takes_some_time_from_the_first_answer_on_and_no_more_later() {
        let answers: Vec<u64> = (0..8).map(|_| super::overhead()).collect();
        assert!(answers.iter().all(|nanos| *nanos < u64::MAX));
        assert!(answers.is_sorted_by(|earlier, later| earlier >= later), "{answers:?}");
    }
}
