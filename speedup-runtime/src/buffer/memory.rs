//! Memory for the segments: from the allocator, in large pages where it is much.
//!
//! A first pass touches each page once, and for each the system steps in. With pages of 2 MiB it does so 512 times less
//! often; that is half the time of a first pass over trivial values.

use std::{
    alloc::{Layout, alloc, dealloc, handle_alloc_error},
    mem, ptr,
};

/// The size and the alignment of a large page.
const LARGE_PAGE: usize = 2 << 20;
/// Memory of at least this size is worth large pages; at most half as much can lie unused in the last of them.
const MUCH: usize = 2 * LARGE_PAGE;

fn layout<T>(count: usize) -> Layout {
    let layout = Layout::array::<T>(count).expect("a buffer's segment exceeds the address space");
    if layout.size() < MUCH { layout } else { layout.align_to(LARGE_PAGE).expect("a valid alignment") }
}

/// Memory for `count` values.
pub(super) fn allocate<T>(count: usize) -> *mut T {
    if mem::size_of::<T>() == 0 {
        // Far from null, so that an origin, which equals it, is never taken for "not made".
        return ptr::NonNull::dangling().as_ptr();
    }
    let layout = layout::<T>(count);
    // SAFETY: the layout has a size: neither `T` nor `count` is zero.
    let memory = unsafe { alloc(layout) };
    if memory.is_null() {
        handle_alloc_error(layout);
    }
    if layout.size() >= MUCH {
        in_large_pages(memory, layout.size());
    }
    memory.cast()
}

/// Gives back what [`allocate`] gave for `count` values.
///
/// # Safety
///
/// It was given for as many values, which are no longer in use, and is given back once.
pub(super) unsafe fn free<T>(memory: *mut T, count: usize) {
    if mem::size_of::<T>() != 0 {
        // SAFETY: by the caller's promise; the layout is the same.
        unsafe { dealloc(memory.cast(), layout::<T>(count)) };
    }
}

/// Asks the system for large pages, which it may refuse.
#[cfg(all(target_os = "linux", not(miri)))]
fn in_large_pages(memory: *mut u8, size: usize) {
    // SAFETY: advice about memory that this process has just been given changes nothing but its pages' size.
    let _ = unsafe { libc::madvise(memory.cast(), size, libc::MADV_HUGEPAGE) };
}

#[cfg(not(all(target_os = "linux", not(miri))))]
fn in_large_pages(_: *mut u8, _: usize) {}
