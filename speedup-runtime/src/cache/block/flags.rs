//! What was found out about a function that the beginning of its calls has to heed.

use crate::sync::{AtomicU32, Ordering};

/// Marks of one cache, read together at the beginning of each call. Relaxed: hints, and never taken back.
pub(in crate::cache) struct Notes(AtomicU32);

/// Bodies use rayon: the function says so, or one was found waiting inside it.
const RAYON: u32 = 1;
/// A call was found to need itself.
const CYCLES: u32 = 2;
/// The keys are the positions of one group, whose owner sees to its panics.
const POSITIONS: u32 = 4;

impl Notes {
    pub(in crate::cache) const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Whether there is anything to heed.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn any(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    /// Whether bodies are known to use rayon.
    pub(in crate::cache) fn rayon(&self) -> bool {
        self.has(RAYON)
    }

    /// Whether a call was found to need itself.
    pub(in crate::cache) fn cycles(&self) -> bool {
        self.has(CYCLES)
    }

    /// Whether the keys are the positions of one group.
    pub(in crate::cache) fn positions(&self) -> bool {
        self.has(POSITIONS)
    }

    pub(in crate::cache) fn note_positions(&self) {
        self.0.fetch_or(POSITIONS, Ordering::Relaxed);
    }

    pub(in crate::cache) fn note_rayon(&self) {
        self.0.fetch_or(RAYON, Ordering::Relaxed);
    }

    pub(in crate::cache) fn note_cycles(&self) {
        self.0.fetch_or(CYCLES, Ordering::Relaxed);
    }

    fn has(&self, mark: u32) -> bool {
        self.0.load(Ordering::Relaxed) & mark != 0
    }
}
