//! Arrays that are zero at first, of what is aligned to the lines of the processor's cache.
//!
//! Allocators take their time over what is to be aligned, so small ones are aligned here, in somewhat more memory. Those that are not small lie in the memory of the whole
//! table.

use std::{
    alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error},
    ops::Deref,
    ptr::NonNull,
    slice,
    sync::Arc,
};

use super::memory::{Memory, SMALL_INDEX};

/// Larger arrays, in bytes, are aligned by the allocator.
const LARGE: usize = 2048;

/// So many values that were all zero bits at first.
pub(super) struct Zeroed<T> {
    /// The first one, in the block.
    first: NonNull<T>,
    len: usize,
    /// What the allocator gave, or the memory.
    block: NonNull<u8>,
    /// Where that is given back to.
    memory: Option<Arc<Memory>>,
}

// SAFETY: it owns the values, as a box does.
unsafe impl<T: Send> Send for Zeroed<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Zeroed<T> {}

impl<T> Zeroed<T> {
    /// # Safety
    /// All zero bits are a `T`.
    pub(super) unsafe fn new(len: usize, memory: &Arc<Memory>) -> Self {
        const { assert!(size_of::<T>() > 0 && !std::mem::needs_drop::<T>()) };
        let layout = Self::layout(len);
        if layout.size() >= SMALL_INDEX {
            let block = memory.take_for_index(layout);
            // SAFETY: taken just now with this layout.
            unsafe { block.write_bytes(0, layout.size()) };
            let block = NonNull::new(block).unwrap_or(NonNull::dangling());
            return Self { first: block.cast(), len, block, memory: Some(memory.clone()) };
        }
        // SAFETY: the layout is not empty, since it has the room to align something.
        let block = NonNull::new(unsafe { alloc_zeroed(layout) }).unwrap_or_else(|| handle_alloc_error(layout));
        let first = block.as_ptr().wrapping_add(block.as_ptr().align_offset(align_of::<T>()));
        Self { first: NonNull::new(first.cast()).unwrap_or(NonNull::dangling()), len, block, memory: None }
    }

    /// Of the block: the values and, if they are few, as much as it may take to come to the first place for one.
    fn layout(len: usize) -> Layout {
        let aligned = Layout::array::<T>(len).expect("an array that memory has room for");
        if aligned.size() >= LARGE {
            return aligned;
        }
        Layout::from_size_align(aligned.size() + aligned.align(), align_of::<usize>()).unwrap_or(aligned)
    }
}

impl<T> Deref for Zeroed<T> {
    type Target = [T];

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn deref(&self) -> &[T] {
        // SAFETY: the block has room for them behind `first`, and they were made in `new`, by its contract.
        unsafe { slice::from_raw_parts(self.first.as_ptr(), self.len) }
    }
}

impl<T> Drop for Zeroed<T> {
    fn drop(&mut self) {
        let (block, layout) = (self.block.as_ptr(), Self::layout(self.len));
        match &self.memory {
            // SAFETY: taken in `new` with this layout, and nobody looks any more.
            Some(memory) => unsafe { memory.give_back(block, layout) },
            // SAFETY: allocated in `new` with this layout, and nobody looks any more.
            None => unsafe { dealloc(block, layout) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(align(64))]
    struct Line([u8; 64]);

    #[test]
    fn values_are_zero_aligned_and_all_there() {
        let memory = Arc::default();
        for len in [0, 1, 2, 7, 100, 3_000] {
            // SAFETY: bytes may be zero.
            let lines = unsafe { Zeroed::<Line>::new(len, &memory) };
            assert_eq!(lines.len(), len);
            assert!(
                lines.iter().all(|line| (&raw const *line).addr() % 64 == 0 && line.0.iter().all(|byte| *byte == 0))
            );
        }
    }
}
