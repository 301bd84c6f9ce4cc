//! The number under which the hits of a cache are counted.

use std::sync::Mutex;

use crate::cache::thread::registry;
use crate::sync::{AtomicU32, AtomicU64, Ordering, lock};

/// Numbers given out so far, and those that came back.
static NUMBERS: Mutex<(u32, Vec<u32>)> = Mutex::new((0, Vec::new()));

/// A number of its own for each living cache, given at the first computation.
pub(in crate::cache) struct Number {
    /// The number, or 0 while there is none. Relaxed: the number alone matters.
    given: AtomicU32,
    /// What an earlier cache of the same number had counted. Relaxed, like all counts.
    hits_before: AtomicU64,
    computed_before: AtomicU64,
    /// Whether the number is another one's, who gives it back.
    lent: bool,
}

impl Number {
    pub(in crate::cache) const fn new() -> Self {
        Self {
            given: AtomicU32::new(0),
            hits_before: AtomicU64::new(0),
            computed_before: AtomicU64::new(0),
            lent: false,
        }
    }

    /// The same number once more: what is counted under it is counted together.
    pub(in crate::cache) fn lend(&self) -> Self {
        let before = |count: &AtomicU64| AtomicU64::new(count.load(Ordering::Relaxed));
        Self {
            given: AtomicU32::new(self.index()),
            hits_before: before(&self.hits_before),
            computed_before: before(&self.computed_before),
            lent: true,
        }
    }

    /// The number, which 0 stands for while none has been given: nobody looks at what is counted there.
    #[inline]
    pub(in crate::cache) fn index(&self) -> u32 {
        self.given.load(Ordering::Relaxed)
    }

    fn known(&self) -> Option<u32> {
        Some(self.index()).filter(|number| *number != 0)
    }

    /// Hits and computations so far.
    pub(in crate::cache) fn totals(&self) -> (u64, u64) {
        let Some(number) = self.known() else { return (0, 0) };
        let (hits, computed) = registry::totals(number);
        let before = (self.hits_before.load(Ordering::Relaxed), self.computed_before.load(Ordering::Relaxed));
        (hits.saturating_sub(before.0), computed.saturating_sub(before.1))
    }

    /// Forgets what has been counted since the totals were these.
    pub(in crate::cache) fn rewind(&self, to: (u64, u64)) {
        let (hits, computed) = self.totals();
        self.hits_before.fetch_add(hits.saturating_sub(to.0), Ordering::Relaxed);
        self.computed_before.fetch_add(computed.saturating_sub(to.1), Ordering::Relaxed);
    }

    /// Gives a number, if there is none.
    #[cold]
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    pub(in crate::cache) fn give(&self) {
        let mut numbers = lock(&NUMBERS);
        if self.known().is_some() {
            return;
        }
        let number = numbers.1.pop().unwrap_or_else(|| {
            numbers.0 += 1;
            numbers.0
        });
        let (hits, computed) = registry::totals(number);
        self.hits_before.store(hits, Ordering::Relaxed);
        self.computed_before.store(computed, Ordering::Relaxed);
        self.given.store(number, Ordering::Relaxed);
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        if let Some(number) = self.known().filter(|_| !self.lent) {
            lock(&NUMBERS).1.push(number);
        }
    }
}
