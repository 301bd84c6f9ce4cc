//! What readers have asked for: how far producers may go.
//!
//! Values are made ahead for readers, and for the generators that those drive, a few generators deep: each generator that
//! reads passes its wish on with one [`Rank`] less. So chains of buffers work side by side, and generators that read each
//! other do not drive each other on for ever: what is wished for at a rank depends on the ranks above it alone, and the
//! first one grows with readers only.
//!
//! Relaxed throughout: the numbers are hints, except where somebody engages a helper or a helper signs off, and there
//! the fences of the engagement order them.

use crate::sync::{AtomicUsize, Ordering, const_unless_loom};

/// How many ranks there are: a reader, and three generators that read one another.
const RANKS: usize = 4;

/// How many generators lie between whoever wishes and the reader it does so for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rank(u8);

impl Rank {
    /// A reader that is no generator.
    pub(super) const READER: Rank = Rank(0);
    /// One that wishes for the value it asks for and none beyond.
    pub(super) const LAST: Rank = Rank(RANKS as u8);

    /// The rank of what a generator reads in order to make a value of this rank.
    pub(super) fn next(self) -> Rank {
        Rank(self.0 + 1).min(Rank::LAST)
    }

    fn min(self, other: Rank) -> Rank {
        if self.0 < other.0 { self } else { other }
    }
}

/// The wishes of all readers of one buffer. Written by readers, read by producers.
pub(super) struct Wishes {
    /// For each rank, one past the furthest value asked for. A [`hint`](Wishes::hint) may undo a wish that comes at the
    /// same moment; who waits for a value repeats its wish.
    wanted: [AtomicUsize; RANKS],
    /// The length that `prefetch` and those of the last rank asked for: so much and no more.
    asked: AtomicUsize,
}

impl Wishes {
    const_unless_loom! {
        /// None.
        pub(super) fn new() -> Self {
            Wishes {
                wanted: [AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0)],
                asked: AtomicUsize::new(0),
            }
        }
    }

    fn of(&self, rank: Rank) -> &AtomicUsize {
        self.wanted.get(usize::from(rank.0)).unwrap_or(&self.asked)
    }

    /// Somebody needs the values below `len`.
    #[inline]
    pub(super) fn want(&self, len: usize, rank: Rank) {
        let wanted = self.of(rank);
        if wanted.load(Ordering::Relaxed) < len {
            wanted.fetch_max(len, Ordering::Relaxed);
        }
    }

    /// Somebody has come to the value before `len`, which is computed.
    ///
    /// A plain store, which a processor puts aside and goes on: a locked one waits for the cache line, which the producer
    /// has just read.
    #[inline]
    pub(super) fn hint(&self, len: usize, rank: Rank) {
        let wanted = self.of(rank);
        if wanted.load(Ordering::Relaxed) < len {
            wanted.store(len, Ordering::Relaxed);
        }
    }

    /// The furthest value that is wanted, values ahead not counted.
    fn wanted(&self) -> usize {
        self.wanted.iter().map(|wanted| wanted.load(Ordering::Relaxed)).fold(0, usize::max)
    }

    /// The length that somebody asked for.
    #[inline]
    pub(super) fn furthest(&self) -> usize {
        self.wanted().max(self.asked.load(Ordering::Relaxed))
    }

    /// The length to produce, `size` values ahead of the furthest reader.
    #[inline]
    pub(super) fn ahead(&self, size: usize) -> usize {
        self.wanted().saturating_add(size).max(self.asked.load(Ordering::Relaxed))
    }

    /// For whom the value `index` is made: the highest rank that it is needed at, or ahead of.
    pub(super) fn rank_of(&self, index: usize, size: usize) -> Rank {
        let mut ranks = (0_u8..).zip(&self.wanted);
        let highest = ranks.find(|(_, wanted)| {
            let wanted = wanted.load(Ordering::Relaxed);
            wanted > 0 && index < wanted.saturating_add(size)
        });
        highest.map_or(Rank::LAST, |(rank, _)| Rank(rank))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Rank, Wishes};

    /// Makes all that is wished for of two generators, value `n` of each of which reads some value of the other.
    fn drive(reads: [fn(usize) -> usize; 2], from: usize) -> [usize; 2] {
        const SIZE: usize = 16;
        let both = [Wishes::new(), Wishes::new()];
        both[0].want(from + 1, Rank::READER);
        let mut made = [0, 0];
        loop {
            let before = made;
            for this in [0, 1] {
                while made[this] < both[this].ahead(SIZE) {
                    let rank = both[this].rank_of(made[this], SIZE);
                    both[1 - this].want(reads[this](made[this]) + 1, rank.next());
                    made[this] += 1;
                }
            }
            if made == before {
                return made;
            }
        }
    }

    #[test]
    fn generators_that_read_each_other_come_to_rest() {
        // In step, and the one twice as fast as the other.
        for reads in [
            [|n| n, |n| usize::saturating_sub(n, 1)] as [fn(usize) -> usize; 2],
            [|n| 2 * n, |n| (n / 2).saturating_sub(1)],
        ] {
            let made = drive(reads, 1_000);
            assert!(made[0] >= 1_017 && made[1] < 3_000, "{made:?}");
        }
    }

    #[test]
    fn a_wish_passes_through_three_generators() {
        let mut rank = Rank::READER;
        for _ in 0..3 {
            rank = rank.next();
            assert_ne!(rank, Rank::LAST);
        }
        assert_eq!(rank.next(), Rank::LAST);
        assert_eq!(Rank::LAST.next(), Rank::LAST);
    }
}
