//! What a buffer did so far.

use std::time::Duration;

use crate::sync::{AtomicU64, Ordering, const_unless_loom};

/// Counts of one buffer; written on slow paths only.
pub(super) struct Counters {
    /// Values made ahead by helper threads. Relaxed, as all of these: only the numbers count.
    ahead: AtomicU64,
    /// Times that a reader went to sleep for a value.
    waits: AtomicU64,
}

impl Counters {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            Counters { ahead: AtomicU64::new(0), waits: AtomicU64::new(0) }
        }
    }

    /// For the holder of the turn, who alone writes it: a load and a store do.
    pub(super) fn made_ahead(&self, values: usize) {
        self.ahead.store(self.ahead.load(Ordering::Relaxed) + values as u64, Ordering::Relaxed);
    }

    pub(super) fn waited(&self) {
        self.waits.fetch_add(1, Ordering::Relaxed);
    }

    /// Values made ahead, and waits.
    pub(super) fn read(&self) -> (u64, u64) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (read(&self.ahead), read(&self.waits))
    }
}

/// What a buffer did so far; see [`Buffer::stats`](super::Buffer::stats).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The name in messages.
    pub name: &'static str,
    /// How far ahead of its readers the buffer may be.
    pub size: usize,
    /// How many values are computed.
    pub len: usize,
    /// How many of them a reader computed itself.
    pub computed_by_readers: u64,
    /// How many of them a helper thread computed ahead.
    pub computed_ahead: u64,
    /// How often a reader had to sleep for a value.
    pub waits: u64,
    /// What a value costs, lately.
    pub cost: Duration,
    /// Whether the generator has ended.
    pub is_exhausted: bool,
    /// How many helper threads the process has at this moment, for all buffers.
    pub helper_threads: usize,
}
