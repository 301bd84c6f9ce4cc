//! What a page of slots is made of: the state words, then the values.

use std::{alloc::Layout, marker::PhantomData};

use crate::cache::table::{
    key::Key,
    slot::{Slot, State},
};

/// A line of the processor's cache, in bytes.
const LINE: usize = 64;
/// A page has so many slots on a line, as a power of 2 ..
const BITS_ON_A_LINE: u32 = 5;
/// .. and in a plane or a space, where a recursion that goes deep before it goes wide leaves a trail through all of it, and fills it only on
/// its way back: of large pages each would have a few values for a long time. The state words of these are one line of the processor's cache.
const BITS: u32 = 4;
/// Pages of large values have no more than 16 slots, and others are at most about this large, in bytes.
const PAGE_BYTES: usize = 16 * 1024;

/// The layout of a page of values of type `R` under keys of type `K`.
pub(super) struct PageOf<K, R>(PhantomData<(K, R)>);

/// A link to a page, and what is known of it, in the bits that its alignment leaves.
#[derive(Clone, Copy)]
pub(super) struct PageLink(*mut u8);

impl PageLink {
    /// Keys had strayed to the hash table when the page was made: an empty slot's key may be there.
    const MIXED: usize = 1;
    /// All slots were found used. A hint, and never taken back.
    const FULL: usize = 2;

    /// A link to a new page.
    pub(super) fn new(page: *mut u8, is_mixed: bool) -> Self {
        Self(page.map_addr(|at| at | if is_mixed { Self::MIXED } else { 0 }))
    }

    /// What was read in a directory of the last level, and is not null.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn of(link: *mut u8) -> Self {
        Self(link)
    }

    /// What a directory of the last level holds.
    pub(super) fn link(self) -> *mut u8 {
        self.0
    }

    /// The page.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn page(self) -> *mut u8 {
        self.0.map_addr(|at| at & !(Self::MIXED | Self::FULL))
    }

    /// Whether the hash table may have held some keys of the page when it was made.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn is_mixed(self) -> bool {
        self.0.addr() & Self::MIXED != 0
    }

    /// Whether all slots were found used.
    pub(super) fn is_full(self) -> bool {
        self.0.addr() & Self::FULL != 0
    }

    /// The same with that.
    pub(super) fn full(self) -> Self {
        Self(self.0.map_addr(|at| at | Self::FULL))
    }
}

impl<K: Key, R> PageOf<K, R> {
    /// Binary logarithm of the slots of a page; two slots are enough for a model.
    pub(super) const BITS: u32 = {
        let fits = (size_of::<State>() + size_of::<R>()) << BITS_ON_A_LINE <= PAGE_BYTES;
        match K::COORDINATES {
            _ if cfg!(loom) => 1,
            1 if fits => BITS_ON_A_LINE,
            _ => BITS,
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
    /// The state words take no more than this, and a page begins at a multiple of it: so that a state word tells where its page is.
    const STATES: usize = {
        let bytes = (Self::SLOTS * size_of::<State>()).next_power_of_two();
        if bytes > LINE { bytes } else { LINE }
    };
    pub(super) const VALUES_AT: usize = (Self::SLOTS * size_of::<State>()).next_multiple_of(align_of::<R>());
    pub(super) const LAYOUT: Layout = {
        let size = Self::VALUES_AT + Self::SLOTS * size_of::<R>();
        let align = if align_of::<R>() > Self::STATES { align_of::<R>() } else { Self::STATES };
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
        for index in 0..Self::SLOTS {
            // SAFETY: by the contract.
            unsafe { page.cast::<State>().add(index).write(State::empty()) };
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
            let states = page.cast::<State>();
            let values = page.add(Self::VALUES_AT).cast::<R>();
            Slot::new(states.add(index), values.add(index), member)
        }
    }

    /// The slot of a page of this layout with this state word.
    ///
    /// # Safety
    /// It is one, by a pointer that may be used for the whole page, which is not freed during `'pin`.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) unsafe fn slot_at<'pin>(state: *const State) -> Slot<'pin, R> {
        let off = state.addr() % Self::STATES;
        // SAFETY: by the contract, and a page begins at a multiple of that.
        unsafe { Self::slot(state.byte_sub(off).cast_mut().cast(), off / size_of::<State>(), 0) }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::cache::table::arena::Slabs;

    fn every_slot_is_found_by_its_state_word<K: Key, R>() {
        let mut memory = Slabs::default();
        // What comes before a page leaves the next place anywhere.
        memory.take(Layout::new::<u8>());
        for _ in 0..3 {
            let page = memory.take(PageOf::<K, R>::LAYOUT);
            for index in 0..PageOf::<K, R>::SLOTS {
                // SAFETY: a page of this layout, whose slots are not looked into.
                let (slot, found) = unsafe {
                    let slot = PageOf::<K, R>::slot(page, index, 0);
                    (slot, PageOf::<K, R>::slot_at(slot.state_ptr()))
                };
                assert_eq!((found.state_ptr(), found.value_ptr()), (slot.state_ptr(), slot.value_ptr()));
            }
        }
    }

    #[test]
    fn a_slot_is_found_by_its_state_word_whatever_the_keys_and_values() {
        #[repr(align(256))]
        struct Wide([u8; 300]);
        every_slot_is_found_by_its_state_word::<(u64,), ()>();
        every_slot_is_found_by_its_state_word::<(u64,), u8>();
        every_slot_is_found_by_its_state_word::<(u64,), [u64; 3]>();
        every_slot_is_found_by_its_state_word::<(u32, u32), u64>();
        every_slot_is_found_by_its_state_word::<(u8, u8, u8), String>();
        every_slot_is_found_by_its_state_word::<(u64,), Wide>();
        every_slot_is_found_by_its_state_word::<(u16, i8), [u64; 400]>();
        assert_eq!(size_of_val(&Wide([0; 300]).0), 300);
    }
}
