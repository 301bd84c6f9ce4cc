//! A directory of pages, or of further directories.

use std::alloc::Layout;

use crate::sync::AtomicPtr;

/// A growable array of pointers; the pointers follow the header in memory.
#[repr(C)]
pub(super) struct Directory {
    pub(super) len: usize,
    /// To directories of the next level or, in the last one, to pages. Null until made. Release, Acquire.
    pub(super) entries: [AtomicPtr<u8>; 0],
}

/// Up to so many entries, a directory is cut from what the pages are cut from. Larger ones are zeroed by the system, as far as they are used.
const SMALL: usize = 32;

/// A directory has at least so many entries.
const FEWEST: usize = if cfg!(loom) { 1 } else { 4 };

/// A directory of no entries, so that who looks for one need not ask whether there is a directory.
static NONE: Directory = Directory { len: 0, entries: [] };

impl Directory {
    /// One of no entries, which nobody frees.
    pub(super) fn none() -> *mut Self {
        std::ptr::from_ref(&NONE).cast_mut()
    }

    /// Whether a directory with so many entries is part of the memory of the pages.
    pub(super) fn is_small(len: usize) -> bool {
        len <= SMALL
    }

    /// Of a directory with so many entries.
    #[inline]
    pub(super) fn layout(len: usize) -> Layout {
        let bytes = size_of::<Self>() + len * size_of::<AtomicPtr<u8>>();
        Layout::from_size_align(bytes, align_of::<Self>()).expect("a directory has at most 2^20 entries")
    }

    /// Of the least directory that has an entry with this index.
    #[inline]
    pub(super) fn layout_for(index: usize) -> Layout {
        Self::layout(Self::len_for(index))
    }

    /// How many entries that has.
    #[inline]
    pub(super) fn len_for(index: usize) -> usize {
        (index + 1).next_power_of_two().max(FEWEST)
    }

    /// How many entries there are, none of null.
    ///
    /// # Safety
    /// What is not null leads to a directory that lives.
    #[inline]
    pub(super) unsafe fn len_of(directory: *mut Self) -> usize {
        // SAFETY: by the contract.
        if directory.is_null() { 0 } else { unsafe { (*directory).len } }
    }

    /// The entry with this index, if the directory is long enough; none of null.
    ///
    /// # Safety
    /// What is not null leads to a directory that lives for `'table`.
    #[inline]
    pub(super) unsafe fn entry_of<'table>(directory: *mut Self, index: usize) -> Option<&'table AtomicPtr<u8>> {
        // SAFETY: by the contract.
        if directory.is_null() { None } else { unsafe { Self::entry(directory, index) } }
    }

    /// The entry with this index, if the directory is long enough.
    ///
    /// # Safety
    /// The pointer leads to a directory that lives for `'table`.
    #[inline]
    pub(super) unsafe fn entry<'table>(directory: *mut Self, index: usize) -> Option<&'table AtomicPtr<u8>> {
        // SAFETY: by the contract; the entries follow the header, `len` of them.
        unsafe {
            (index < (*directory).len).then(|| &*(&raw const (*directory).entries).cast::<AtomicPtr<u8>>().add(index))
        }
    }
}
