//! What readers have asked for: how far producers may go.
//!
//! Relaxed throughout: the numbers are hints, except where somebody engages a helper or a helper signs off, and there
//! the fences of the engagement order them.

use crate::sync::{AtomicUsize, Ordering, const_unless_loom};

/// The wishes of all readers of one buffer. Written by readers, read by producers.
pub(super) struct Wishes {
    /// One past the furthest value that a reader asked for who is no generator. A [`hint`](Wishes::hint) may undo a wish
    /// that comes at the same moment; who waits for a value repeats its wish.
    wanted: AtomicUsize,
    /// The length that generators and `prefetch` asked for: so much and no more.
    asked: AtomicUsize,
}

impl Wishes {
    const_unless_loom! {
        /// None.
        pub(super) fn new() -> Self {
            Wishes { wanted: AtomicUsize::new(0), asked: AtomicUsize::new(0) }
        }
    }

    /// A reader needs the values below `len`.
    #[inline]
    pub(super) fn want(&self, len: usize) {
        if self.wanted.load(Ordering::Relaxed) < len {
            self.wanted.fetch_max(len, Ordering::Relaxed);
        }
    }

    /// A reader has come to the value before `len`, which is computed.
    ///
    /// A plain store, which a processor puts aside and goes on: a locked one waits for the cache line, which the producer
    /// has just read.
    #[inline]
    pub(super) fn hint(&self, len: usize) {
        if self.wanted.load(Ordering::Relaxed) < len {
            self.wanted.store(len, Ordering::Relaxed);
        }
    }

    /// The values below `len` are to be made, and none beyond them.
    #[inline]
    pub(super) fn ask(&self, len: usize) {
        if self.asked.load(Ordering::Relaxed) < len {
            self.asked.fetch_max(len, Ordering::Relaxed);
        }
    }

    /// The length that somebody asked for.
    #[inline]
    pub(super) fn furthest(&self) -> usize {
        self.wanted.load(Ordering::Relaxed).max(self.asked.load(Ordering::Relaxed))
    }

    /// The length to produce, `size` values ahead of the furthest reader.
    #[inline]
    pub(super) fn ahead(&self, size: usize) -> usize {
        let ahead = self.wanted.load(Ordering::Relaxed).saturating_add(size);
        ahead.max(self.asked.load(Ordering::Relaxed))
    }
}
