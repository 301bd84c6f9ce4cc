//! The pages whose keys have been sent to the hash table, so that all others know their keys to be their own.
//!
//! A page in whose place a key has strayed is *mixed*: an empty slot's key may be in the hash table. A few sparse keys among many dense ones must not
//! make all pages mixed that come later.

use crate::sync::{AtomicBool, AtomicU64, OnceBox, Ordering};

/// Places are told apart by so many bits, a whole number of words.
const BITS: usize = if cfg!(loom) { 64 } else { 1 << 15 };
/// Places beside each other in the first coordinate have bits beside each other, and rows of them are so many bits apart.
const ROW: usize = 0x9e37_79b9;

/// The places where keys may have strayed. Once a place is among them it stays there.
pub(super) struct Strays {
    /// Made when the first key strays. Its bits are written by who has a turn. Release there, Acquire by who goes to the hash table without
    /// one: from then on they find the page in this place, or in another one of the same bit, that was made before.
    places: OnceBox<[AtomicU64; BITS / 64]>,
    /// Whether all places are among them. As `places`.
    all: AtomicBool,
}

impl Strays {
    pub(super) fn new() -> Self {
        Self { places: OnceBox::new(), all: AtomicBool::new(false) }
    }

    /// Whether any key has strayed.
    #[inline]
    pub(super) fn is_any(&self) -> bool {
        self.places.get().is_some()
    }

    /// Whether a key of the place with this path may have strayed.
    #[inline]
    pub(super) fn may_hold(&self, path: &[usize; 4]) -> bool {
        let (word, bit) = position(path);
        self.places
            .get()
            .is_some_and(|places| self.all.load(Ordering::Acquire) || places[word].load(Ordering::Acquire) & bit != 0)
    }

    /// A key of the place with this path strays; by who has a turn.
    pub(super) fn add(&self, path: &[usize; 4]) {
        let (word, bit) = position(path);
        let word = &self.places.get_or_init(none)[word];
        // Relaxed: written by who has a turn.
        word.store(word.load(Ordering::Relaxed) | bit, Ordering::Release);
    }

    /// From now on keys of all places may stray without the lock; by who has a turn.
    pub(super) fn add_all(&self) {
        self.all.store(true, Ordering::Release);
    }

    /// What the bits take.
    #[cfg(not(loom))]
    pub(super) fn bytes(&self) -> usize {
        self.places.get().map_or(0, size_of_val)
    }
}

/// The word of a place, and its bit there.
#[inline]
fn position(path: &[usize; 4]) -> (usize, u64) {
    let at = path.iter().rev().fold(0, |at: usize, step| at.wrapping_mul(ROW).wrapping_add(*step)) % BITS;
    (at / 64, 1 << (at % 64))
}

/// No places, of memory that is zero already where the system gives it so.
#[cfg(not(loom))]
fn none() -> Box<[AtomicU64; BITS / 64]> {
    // SAFETY: all zero bits are words of none.
    unsafe { Box::new_zeroed().assume_init() }
}

/// No places.
#[cfg(loom)]
fn none() -> Box<[AtomicU64; BITS / 64]> {
    Box::new(std::array::from_fn(|_| AtomicU64::new(0)))
}
