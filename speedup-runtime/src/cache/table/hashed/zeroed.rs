//! Two arrays of the same length that are zero at first, in one block. The first may be aligned to the lines of the processor's cache.
//!
//! Allocators take their time over what is to be aligned, so small ones are aligned here, in somewhat more memory. Those that are not small lie in the memory of the whole
//! table.

#[cfg(not(loom))]
pub(super) use self::real::Zeroed;

#[cfg(not(loom))]
mod real {
    use std::{
        alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error},
        ptr::NonNull,
        sync::Arc,
    };

    use super::super::memory::{Memory, SMALL_INDEX};

    /// Larger arrays, in bytes, are aligned by the allocator.
    const LARGE: usize = 2048;

    /// So many pairs of values that were all zero bits at first: all first ones, and behind them all second ones.
    pub(in super::super) struct Zeroed<A, B> {
        firsts: NonNull<A>,
        seconds: NonNull<B>,
        /// How many there are, less one; a power of two less one.
        mask: usize,
        /// What the allocator gave, or the memory.
        block: NonNull<u8>,
        /// Where that is given back to.
        memory: Option<Arc<Memory>>,
    }

    // SAFETY: it owns the values, as a box does.
    unsafe impl<A: Send, B: Send> Send for Zeroed<A, B> {}
    // SAFETY: as above.
    unsafe impl<A: Sync, B: Sync> Sync for Zeroed<A, B> {}

    impl<A, B> Zeroed<A, B> {
        /// So many, which is a power of two.
        ///
        /// # Safety
        /// All zero bits are an `A`, and a `B`.
        pub(in super::super) unsafe fn new(len: usize, memory: &Arc<Memory>) -> Self {
            const {
                assert!(!std::mem::needs_drop::<A>() && !std::mem::needs_drop::<B>());
                assert!(size_of::<B>() > 0 && size_of::<A>().is_multiple_of(align_of::<B>()));
            }
            assert!(len.is_power_of_two());
            let layout = Self::layout(len);
            let (block, memory) = if layout.size() >= SMALL_INDEX {
                let block = memory.take_for_index(layout);
                // SAFETY: taken just now with this layout.
                unsafe { block.write_bytes(0, layout.size()) };
                (block, Some(memory.clone()))
            } else {
                // SAFETY: the layout is not empty.
                let block = unsafe { alloc_zeroed(layout) };
                if block.is_null() {
                    handle_alloc_error(layout);
                }
                (block, None)
            };
            let firsts = block.wrapping_add(block.align_offset(align_of::<A>())).cast::<A>();
            let place = |at: *mut u8| NonNull::new(at).unwrap_or(NonNull::dangling());
            Self {
                firsts: place(firsts.cast()).cast(),
                seconds: place(firsts.wrapping_add(len).cast()).cast(),
                mask: len - 1,
                block: place(block),
                memory,
            }
        }

        /// Of the block: the values and, if they are few, as much as it may take to come to the first place for one.
        fn layout(len: usize) -> Layout {
            let both = Layout::array::<A>(len).and_then(|first| Ok(first.extend(Layout::array::<B>(len)?)?.0));
            let aligned = both.expect("arrays that memory has room for");
            if aligned.size() >= LARGE {
                return aligned;
            }
            Layout::from_size_align(aligned.size() + aligned.align(), align_of::<usize>()).unwrap_or(aligned)
        }

        /// How many there are.
        pub(in super::super) fn len(&self) -> usize {
            self.mask + 1
        }

        /// Which is the next one after the last is the first again.
        #[cfg_attr(not(debug_assertions), inline(always))]
        pub(in super::super) fn at(&self, at: usize) -> (&A, &B) {
            // SAFETY: the block has room for so many of each, which were made in `new`, by its contract.
            unsafe { (self.firsts.add(at & self.mask).as_ref(), self.seconds.add(at & self.mask).as_ref()) }
        }
    }

    impl<A, B> Drop for Zeroed<A, B> {
        fn drop(&mut self) {
            let (block, layout) = (self.block.as_ptr(), Self::layout(self.len()));
            match &self.memory {
                // SAFETY: taken in `new` with this layout, and nobody looks any more.
                Some(memory) => unsafe { memory.give_back(block, layout) },
                // SAFETY: allocated in `new` with this layout, and nobody looks any more.
                None => unsafe { dealloc(block, layout) },
            }
        }
    }
}

/// The same for models, whose values are not zero bits.
#[cfg(loom)]
pub(super) struct Zeroed<A, B>(Box<[(A, B)]>);

#[cfg(loom)]
impl<A: Default, B: Default> Zeroed<A, B> {
    /// # Safety
    /// None is needed here.
    pub(super) unsafe fn new(len: usize, _memory: &std::sync::Arc<super::memory::Memory>) -> Self {
        Self((0..len).map(|_| Default::default()).collect())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn at(&self, at: usize) -> (&A, &B) {
        let (first, second) = &self.0[at & (self.0.len() - 1)];
        (first, second)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[repr(align(64))]
    struct Line([u8; 64]);

    #[test]
    fn values_are_zero_aligned_apart_and_all_there() {
        let memory = Arc::default();
        for len in [1, 2, 8, 128, 4_096] {
            // SAFETY: bytes may be zero.
            let pairs = unsafe { Zeroed::<Line, [u8; 16]>::new(len, &memory) };
            assert_eq!(pairs.len(), len);
            let mut ranges: Vec<_> = (0..len)
                .flat_map(|at| {
                    let (first, second) = pairs.at(at);
                    assert!(
                        (&raw const *first).addr() % 64 == 0 && first.0.iter().chain(second).all(|byte| *byte == 0)
                    );
                    assert!(std::ptr::eq(pairs.at(at + len).1, second));
                    [((&raw const *first).addr(), 64), ((&raw const *second).addr(), 16)]
                })
                .collect();
            ranges.sort_unstable();
            assert!(ranges.windows(2).all(|two| two[0].0 + two[0].1 <= two[1].0), "two overlap");
        }
    }
}
