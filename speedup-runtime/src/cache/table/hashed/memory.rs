//! Memory for what a large hash table consists of.
//!
//! Its entries and its index are spread over all shards, and each is touched at random: in small pages of memory, finding the page takes as long as fetching what is in
//! it, and each page costs a fault. So all shards cut what is not small from the same [slabs](Slabs), which the system gives in large pages. An index that was outgrown
//! is cut up for entries that come later: it has a quarter of what those take. Entries begin a slab only where there are many: what is left of it would be much of a smaller
//! table; until then they are cut from what indexes have left of theirs. An index that is not small always may: all shards need one of the same size at about the same time.

use std::alloc::Layout;

use crate::{
    cache::table::arena::Slabs,
    sync::global::{Mutex, lock},
};

/// Entries of fewer bytes come from the allocator ..
pub(super) const SMALL: usize = 16 << 10;
/// .. and so does an index of fewer: those of all shards together are a slab then.
pub(super) const SMALL_INDEX: usize = 32 << 10;
/// Where so many bytes have been taken, entries lie in slabs.
const MANY: usize = 16 << 20;

/// The memory of one hash table. It goes as a whole, with the last who has it.
#[derive(Default)]
pub(super) struct Memory(Mutex<Pieces>);

#[derive(Default)]
struct Pieces {
    slabs: Slabs,
    unused: Vec<Unused>,
}

/// A piece that was given back, or what is left of it. No two that touch are parts of the same slab.
struct Unused {
    at: *mut u8,
    bytes: usize,
    /// The slab that it is a part of, if it is one of a slab.
    slab: Option<usize>,
}

// SAFETY: it owns what the pointers lead to, as `slabs` does.
unsafe impl Send for Pieces {}

impl Memory {
    /// Memory for entries, of this layout, which is not empty; uninitialised, and there as long as `self`, unless it is given back.
    pub(super) fn take(&self, layout: Layout) -> *mut u8 {
        self.find_or(layout, |slabs| {
            if slabs.taken() >= MANY {
                return slabs.take_of_slab(layout);
            }
            slabs.take_left(layout).unwrap_or_else(|| slabs.take_apart(layout))
        })
    }

    /// The same for an index.
    pub(super) fn take_for_index(&self, layout: Layout) -> *mut u8 {
        self.find_or(layout, |slabs| slabs.take_of_slab(layout))
    }

    /// A piece that was given back, or a new one.
    fn find_or(&self, layout: Layout, take: impl FnOnce(&mut Slabs) -> *mut u8) -> *mut u8 {
        let mut pieces = lock(&self.0);
        let size = layout.pad_to_align().size();
        let fits = |piece: &Unused| piece.bytes >= size && piece.at.align_offset(layout.align()) == 0;
        let Some(found) = pieces.unused.iter().position(fits) else { return take(&mut pieces.slabs) };
        let piece = &mut pieces.unused[found];
        let at = piece.at;
        (piece.at, piece.bytes) = (at.wrapping_add(size), piece.bytes - size);
        if piece.bytes == 0 {
            pieces.unused.swap_remove(found);
        }
        at
    }

    /// Takes a piece back, for others.
    ///
    /// # Safety
    /// It was taken with this layout, nobody looks at it, and it is given back once.
    pub(super) unsafe fn give_back(&self, piece: *mut u8, layout: Layout) {
        let mut whole = Unused { at: piece, bytes: layout.pad_to_align().size(), slab: Slabs::slab_of(piece, layout) };
        let unused = &mut lock(&self.0).unused;
        // Shards outgrow pieces that lie side by side at about the same time.
        unused.retain(|other| {
            let (is_before, is_behind) = (other.end() == whole.at, whole.end() == other.at);
            let touches = whole.slab.is_some() && whole.slab == other.slab && (is_before || is_behind);
            if touches {
                whole.at = if is_before { other.at } else { whole.at };
                whole.bytes += other.bytes;
            }
            !touches
        });
        unused.push(whole);
    }
}

impl Unused {
    fn end(&self) -> *mut u8 {
        self.at.wrapping_add(self.bytes)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_back_is_cut_up_for_others() {
        let (memory, layout) = (Memory::default(), |size| Layout::from_size_align(size, 64).expect("a layout"));
        let piece = memory.take(layout(4 * SMALL));
        // SAFETY: taken with this layout, and looked at by nobody.
        unsafe { memory.give_back(piece, layout(4 * SMALL)) };
        let [first, second, third] = [SMALL, 2 * SMALL, 2 * SMALL].map(|size| memory.take(layout(size)));
        assert_eq!((first, second), (piece, piece.wrapping_add(SMALL)));
        assert!(!(piece..piece.wrapping_add(4 * SMALL)).contains(&third), "what is left is too little");
        assert_eq!(memory.take(layout(SMALL)), piece.wrapping_add(3 * SMALL));
    }

    #[test]
    fn what_lies_side_by_side_is_one_piece_again() {
        let (memory, layout) = (Memory::default(), |size| Layout::from_size_align(size, 64).expect("a layout"));
        let pieces = [(); 5].map(|()| memory.take_for_index(layout(SMALL)));
        assert!(pieces.windows(2).all(|two| two[0].wrapping_add(SMALL) == two[1]), "cut from one slab");
        for piece in [0, 2, 1, 4] {
            // SAFETY: taken with this layout, and looked at by nobody.
            unsafe { memory.give_back(pieces[piece], layout(SMALL)) };
        }
        assert_eq!(memory.take(layout(3 * SMALL)), pieces[0]);
        assert_eq!(memory.take(layout(SMALL)), pieces[4]);
    }
}
