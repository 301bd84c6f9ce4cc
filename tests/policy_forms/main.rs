//! Every form of function with every policy: a row a form, a column an option, and the promises that hold as without.
//!
//! A form is a macro that declares a function and `ask`, which calls it. The table at the end of each part makes the tests.

mod forms;
mod memos;
mod options;
mod promises;
mod scopes;
mod stores;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

const SECOND: Duration = Duration::from_secs(1);

/// Counts calls of bodies, or values that went.
struct Count(AtomicU64);

impl Count {
    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// One more; returns how many there were before.
    fn up(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    /// Waits until there are so many: what runs in the background is not there at once.
    fn wait_for(&self, wanted: u64) {
        let end = Instant::now() + 60 * SECOND;
        while self.get() < wanted {
            assert!(Instant::now() < end, "{} of {wanted}", self.get());
            std::thread::yield_now();
        }
    }
}
