//! How long to look for a change before sleeping: as long as looking has paid lately.
//!
//! Where each thread has a core of its own, a value arrives within a few looks, and sleeping would cost more than the
//! wait. Where threads outnumber the cores, looking keeps the very thread from running that is waited for.

use crate::sync::{AtomicU32, Ordering, const_unless_loom, spin_loop, thread};

/// The most looks, some ten to twenty microseconds.
const MOST: u32 = 48;
/// The fewest looks, so that it shows when looking pays again.
const FEWEST: u32 = 4;
/// The binary logarithm of the most pauses between two looks.
const MOST_APART: u32 = 3;
/// Looks after which other threads were let run, at the end.
const YIELDS: u32 = 4;

/// The number of looks that are worth it.
pub(super) struct Patience {
    /// Twice as many as the last success took, or half as many as the last failure. Relaxed: only a hint.
    looks: AtomicU32,
}

impl Patience {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            Patience { looks: AtomicU32::new(MOST) }
        }
    }

    /// Looks until `done` holds or it is time to sleep; whether it held.
    pub(super) fn look(&self, done: impl Fn() -> bool) -> bool {
        let looks = self.looks.load(Ordering::Relaxed);
        for look in 0..looks {
            if done() {
                if look > looks / 2 {
                    self.looks.store((look * 2).clamp(FEWEST, MOST), Ordering::Relaxed);
                }
                return true;
            }
            // Ever more rarely: each look takes the line away from the thread that is to change it.
            for _ in 0..(1 << look.min(MOST_APART)) {
                spin_loop();
            }
        }
        for _ in 0..YIELDS {
            thread::yield_now();
            if done() {
                return true;
            }
        }
        self.looks.store((looks / 2).max(FEWEST), Ordering::Relaxed);
        false
    }
}
