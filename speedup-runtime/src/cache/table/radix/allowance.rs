//! What the keys that were seen are worth to those that come.

use crate::sync::{AtomicUsize, Ordering};

/// The first keys may have directories of so many bytes each. A larger one takes many keys to be worth while. Less on a line, where there is one.
const FREE_DIRECTORY: usize = if cfg!(loom) { usize::MAX / 4 } else { 64 << 10 };
const FREE_DIRECTORY_ON_A_LINE: usize = FREE_DIRECTORY / 16;
/// Each key that was sent to the hash table for that pays for so many bytes of a directory ..
const DIRECTORY_BYTES_A_STRAY: usize = 512;
/// .. up to so many: on a line keys may have pages up to 2^24.
const PAID_DIRECTORY: usize = 4 << 20;
/// So many pages may be far ..
const FREE_FAR: usize = if cfg!(loom) { 1 << 20 } else { 64 };
const FREE_FAR_ON_A_LINE: usize = FREE_FAR / 4;
/// .. and one for so many that are not.
const NEAR_FOR_FAR: usize = 8;

/// What pages and strays have paid. It decides only where a key goes that may go to either place, so that Relaxed is enough, and nothing is lost
/// where two of many strays are counted as one. What pages pay is written by who has a turn.
pub(super) struct Allowance {
    /// So many requests are refused before the values are counted again; 0 while there are fewer pages than allowed.
    patience: AtomicUsize,
    /// What one directory may take, in bytes: of pages, ..
    paid: AtomicUsize,
    /// .. and of keys that were sent to the hash table because a directory would have been too large, or a page far.
    paid_by_strays: AtomicUsize,
    /// One for each page that is near others, and `NEAR_FOR_FAR` less for each that is far.
    near: AtomicUsize,
    /// Whether there is one coordinate. On a line keys that are sparse have a page each, and strays pay where others of their page have strayed.
    is_line: bool,
}

impl Allowance {
    pub(super) fn new(is_line: bool) -> Self {
        let (directory, far) =
            if is_line { (FREE_DIRECTORY_ON_A_LINE, FREE_FAR_ON_A_LINE) } else { (FREE_DIRECTORY, FREE_FAR) };
        Self {
            patience: AtomicUsize::new(0),
            paid: AtomicUsize::new(directory),
            paid_by_strays: AtomicUsize::new(0),
            near: AtomicUsize::new(far * NEAR_FOR_FAR),
            is_line,
        }
    }

    /// Whether a directory of so many bytes is worth while.
    #[inline]
    pub(super) fn can_pay(&self, bytes: usize) -> bool {
        bytes <= self.paid.load(Ordering::Relaxed) + self.paid_by_strays.load(Ordering::Relaxed)
    }

    /// Whether a page may be made that is far.
    #[inline]
    pub(super) fn may_be_far(&self) -> bool {
        self.near.load(Ordering::Relaxed) >= NEAR_FOR_FAR
    }

    /// A key was sent to the hash table since its place is beyond; `again` if that has befallen others of its page.
    pub(super) fn note_beyond(&self, again: bool) {
        let paid = self.paid_by_strays.load(Ordering::Relaxed);
        if (again || !self.is_line) && paid < PAID_DIRECTORY {
            self.paid_by_strays.store(paid + DIRECTORY_BYTES_A_STRAY, Ordering::Relaxed);
        }
    }

    /// A page of so many bytes is made.
    #[inline]
    pub(super) fn note_page(&self, bytes: usize, is_far: bool) {
        add(&self.paid, bytes / 2);
        add(&self.near, if is_far { NEAR_FOR_FAR.wrapping_neg() } else { 1 });
    }

    /// So many pages of so many bytes are made, near each other.
    pub(super) fn note_pages(&self, count: usize, bytes: usize) {
        add(&self.paid, bytes / 2 * count);
        add(&self.near, count);
    }

    /// Refuses so many requests.
    pub(super) fn be_patient(&self, requests: usize) {
        self.patience.store(requests, Ordering::Relaxed);
    }

    /// Whether a request for a page is refused without counting.
    pub(super) fn is_patient(&self) -> bool {
        let patience = self.patience.load(Ordering::Relaxed);
        self.patience.store(patience.saturating_sub(1), Ordering::Relaxed);
        patience > 0
    }
}

/// Adds to what one thread writes at a time.
#[inline]
fn add(to: &AtomicUsize, more: usize) {
    to.store(to.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}
