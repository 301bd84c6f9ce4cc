//! What a page of slots is made of: a header, the state words, the values.

use std::{alloc::Layout, marker::PhantomData};

use crate::cache::table::{
    key::Key,
    slot::{Slot, State},
};
use crate::sync::{AtomicU32, Ordering};

/// Pages are at most about this large, in bytes, ..
const PAGE_BYTES: usize = 16 * 1024;
/// .. and have no more slots than 2 to this power: as long as a recursion descends its keys are sparse.
const MOST_BITS: u32 = 8;
/// The layout of a page of values of type `R` under keys of type `K`: a header, the state words, the values.
pub(super) struct PageOf<K, R>(PhantomData<(K, R)>);

#[repr(C)]
pub(super) struct PageHeader {
    /// Nonzero if keys had strayed to the hash table when the page was made: an empty slot's key may be there.
    pub(super) mixed: AtomicU32,
    /// Nonzero once all slots were found used. Relaxed: a hint, and never taken back.
    pub(super) full: AtomicU32,
}

impl PageHeader {
    /// Whether the hash table may have held some keys of the page when it was made.
    #[inline(always)]
    pub(super) fn is_mixed(&self) -> bool {
        // Relaxed: written before the page was linked.
        self.mixed.load(Ordering::Relaxed) != 0
    }
}

impl<K: Key, R> PageOf<K, R> {
    /// Binary logarithm of the slots of a page, 4 to 8; two slots are enough for a model.
    pub(super) const BITS: u32 = {
        let fitting = PAGE_BYTES / (size_of::<State>() + size_of::<R>());
        if cfg!(loom) {
            1
        } else if fitting >= 1 << MOST_BITS {
            MOST_BITS
        } else if fitting <= 16 {
            4
        } else {
            fitting.ilog2()
        }
    };
    pub(super) const SLOTS: usize = 1 << Self::BITS;
    /// How many bits of each coordinate choose the slot in a page: about as many of each, and of the last ones most.
    pub(super) const INNER: [u32; 4] = {
        let (mut inner, mut left, mut index) = ([0; 4], Self::BITS, K::COORDINATES);
        while index > 0 {
            inner[index - 1] = left.div_ceil(index as u32);
            index -= 1;
            left -= inner[index];
        }
        inner
    };
    pub(super) const STATES_AT: usize = size_of::<PageHeader>();
    pub(super) const VALUES_AT: usize = {
        let end = Self::STATES_AT + Self::SLOTS * size_of::<State>();
        end.next_multiple_of(align_of::<R>())
    };
    pub(super) const LAYOUT: Layout = {
        let size = Self::VALUES_AT + Self::SLOTS * size_of::<R>();
        let align = if align_of::<R>() > 64 { align_of::<R>() } else { 64 };
        match Layout::from_size_align(size, align) {
            Ok(layout) => layout,
            Err(_) => panic!("the result type is too large for a page"),
        }
    };

    /// Makes a page whose memory is zeroed. The checker's atomics are no plain words.
    ///
    /// # Safety
    /// The page is fresh and of this layout.
    #[cfg(loom)]
    pub(super) unsafe fn fill(page: *mut u8) {
        // SAFETY: by the contract.
        unsafe {
            page.cast::<PageHeader>().write(PageHeader { mixed: AtomicU32::new(0), full: AtomicU32::new(0) });
            for index in 0..Self::SLOTS {
                page.add(Self::STATES_AT).cast::<State>().add(index).write(State::empty());
            }
        }
    }

    /// The slot with this index of a page of this layout.
    ///
    /// # Safety
    /// The page is not freed during `'pin`, and the index is below [`SLOTS`](Self::SLOTS).
    #[inline]
    pub(super) unsafe fn slot<'pin>(page: *mut u8, index: usize, member: u64) -> Slot<'pin, R> {
        // SAFETY: by the contract both addresses lie in the page.
        unsafe {
            let states = page.add(Self::STATES_AT).cast::<State>();
            let values = page.add(Self::VALUES_AT).cast::<R>();
            Slot::new(states.add(index), values.add(index), member)
        }
    }
}
