//! Memory for what a large hash table consists of.
//!
//! Its entries and its index are spread over all shards, and each is touched at random: in small pages of memory, finding the page takes as long as fetching what is in
//! it, and each page costs a fault. So all shards cut what is not small from the same [slabs](Slabs), which the system gives in large pages. An index that was outgrown
//! is cut up for entries that come later: it has a quarter of what those take. Entries begin a slab only where there are many: what is left of it would be much of a smaller
//! table. An index that is not small always may: all shards need one of the same size at about the same time.

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
    /// Where pieces begin that were given back, and how many bytes they have.
    unused: Vec<(*mut u8, usize)>,
}

// SAFETY: it owns what the pointers lead to, as `slabs` does.
unsafe impl Send for Pieces {}

impl Memory {
    /// Memory for entries, of this layout, which is not empty; uninitialised, and there as long as `self`, unless it is given back.
    pub(super) fn take(&self, layout: Layout) -> *mut u8 {
        self.find_or(
            layout,
            |slabs| {
                if slabs.taken() < MANY { slabs.take_apart(layout) } else { slabs.take_of_slab(layout) }
            },
        )
    }

    /// The same for an index.
    pub(super) fn take_for_index(&self, layout: Layout) -> *mut u8 {
        self.find_or(layout, |slabs| slabs.take_of_slab(layout))
    }

    /// A piece that was given back, or a new one.
    fn find_or(&self, layout: Layout, take: impl FnOnce(&mut Slabs) -> *mut u8) -> *mut u8 {
        let mut pieces = lock(&self.0);
        let size = layout.pad_to_align().size();
        let fits = |(at, len): &(*mut u8, usize)| *len >= size && at.align_offset(layout.align()) == 0;
        let Some(found) = pieces.unused.iter().position(fits) else { return take(&mut pieces.slabs) };
        let (piece, len) = pieces.unused[found];
        if len - size < SMALL {
            pieces.unused.swap_remove(found);
        } else {
            pieces.unused[found] = (piece.wrapping_add(size), len - size);
        }
        piece
    }

    /// Takes a piece back, for others.
    ///
    /// # Safety
    /// It was taken with this layout, nobody looks at it, and it is given back once.
    pub(super) unsafe fn give_back(&self, piece: *mut u8, layout: Layout) {
        lock(&self.0).unused.push((piece, layout.pad_to_align().size()));
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
}
