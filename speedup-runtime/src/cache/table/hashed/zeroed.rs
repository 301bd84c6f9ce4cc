//! Two arrays of the same length that are zero at first, in one block. The first may be aligned to the lines of the processor's cache; what the second
//! consists of has a narrow and a wide form.
//!
//! Allocators take their time over what is to be aligned, so small ones are aligned here, in somewhat more memory. Those that are not small lie in the memory of the whole
//! table.

#[cfg(not(loom))]
pub(super) use self::real::Zeroed;

/// A value of the second array, in the form that all of them have.
#[derive(Clone, Copy)]
pub(super) enum Either<N, W> {
    Narrow(N),
    Wide(W),
}

#[cfg(not(loom))]
mod real {
    use std::{
        alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error},
        ptr::NonNull,
        sync::Arc,
    };

    use super::{
        super::memory::{Memory, SMALL_INDEX},
        Either,
    };

    /// Larger arrays, in bytes, are aligned by the allocator.
    const LARGE: usize = 2048;

    /// So many pairs of values that were all zero bits at first: all first ones, and behind them all second ones.
    pub(in super::super) struct Zeroed<A, N, W> {
        firsts: NonNull<A>,
        /// The first of so many `W`, or of so many `N`.
        seconds: Either<NonNull<N>, NonNull<W>>,
        /// How many there are, less one; a power of two less one.
        mask: usize,
        /// What the allocator gave, or the memory.
        block: NonNull<u8>,
        /// Where that is given back to.
        memory: Option<Arc<Memory>>,
    }

    // SAFETY: it owns the values, as a box does.
    unsafe impl<A: Send, N: Send, W: Send> Send for Zeroed<A, N, W> {}
    // SAFETY: as above.
    unsafe impl<A: Sync, N: Sync, W: Sync> Sync for Zeroed<A, N, W> {}

    impl<A, N, W> Zeroed<A, N, W> {
        /// So many, which is a power of two, whose second values are wide or not.
        ///
        /// # Safety
        /// All zero bits are an `A`, an `N` and a `W`.
        pub(in super::super) unsafe fn new(len: usize, is_wide: bool, memory: &Arc<Memory>) -> Self {
            const {
                assert!(!std::mem::needs_drop::<A>() && !std::mem::needs_drop::<N>() && !std::mem::needs_drop::<W>());
                assert!(
                    size_of::<A>().is_multiple_of(align_of::<N>()) && size_of::<A>().is_multiple_of(align_of::<W>())
                );
                assert!(size_of::<A>() > 0);
            }
            assert!(len.is_power_of_two());
            let layout = Self::layout(len, is_wide);
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
            let seconds = place(firsts.wrapping_add(len).cast());
            Self {
                firsts: place(firsts.cast()).cast(),
                seconds: if is_wide { Either::Wide(seconds.cast()) } else { Either::Narrow(seconds.cast()) },
                mask: len - 1,
                block: place(block),
                memory,
            }
        }

        /// Of the block: the values and, if they are few, as much as it may take to come to the first place for one.
        fn layout(len: usize, is_wide: bool) -> Layout {
            let seconds = if is_wide { Layout::array::<W>(len) } else { Layout::array::<N>(len) };
            let both = Layout::array::<A>(len).and_then(|first| Ok(first.extend(seconds?)?.0));
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

        /// Whether the second values are wide.
        pub(in super::super) fn is_wide(&self) -> bool {
            matches!(self.seconds, Either::Wide(_))
        }

        /// Which is the next one after the last is the first again.
        #[cfg_attr(not(debug_assertions), inline(always))]
        pub(in super::super) fn at(&self, at: usize) -> (&A, Either<&N, &W>) {
            let at = at & self.mask;
            // SAFETY: the block has room for so many of each, which were made in `new`, by its contract.
            unsafe {
                let second = match self.seconds {
                    Either::Narrow(seconds) => Either::Narrow(seconds.add(at).as_ref()),
                    Either::Wide(seconds) => Either::Wide(seconds.add(at).as_ref()),
                };
                (self.firsts.add(at).as_ref(), second)
            }
        }
    }

    impl<A, N, W> Drop for Zeroed<A, N, W> {
        fn drop(&mut self) {
            let (block, layout) = (self.block.as_ptr(), Self::layout(self.len(), self.is_wide()));
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
pub(super) struct Zeroed<A, N, W>(Box<[(A, Either<N, W>)]>);

#[cfg(loom)]
impl<A: Default, N: Default, W: Default> Zeroed<A, N, W> {
    /// # Safety
    /// None is needed here.
    pub(super) unsafe fn new(len: usize, is_wide: bool, _memory: &std::sync::Arc<super::memory::Memory>) -> Self {
        let second = || if is_wide { Either::Wide(W::default()) } else { Either::Narrow(N::default()) };
        Self((0..len).map(|_| (A::default(), second())).collect())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn at(&self, at: usize) -> (&A, Either<&N, &W>) {
        let (first, second) = &self.0[at & (self.0.len() - 1)];
        let second = match second {
            Either::Narrow(second) => Either::Narrow(second),
            Either::Wide(second) => Either::Wide(second),
        };
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
        let all_of = |second: Either<&[u8; 16], &[u16; 16]>| match second {
            Either::Narrow(bytes) => ((&raw const *bytes).addr(), 16, bytes.iter().all(|byte| *byte == 0)),
            Either::Wide(words) => ((&raw const *words).addr(), 32, words.iter().all(|word| *word == 0)),
        };
        for (len, is_wide) in [1, 2, 8, 128, 4_096].into_iter().flat_map(|len| [(len, false), (len, true)]) {
            // SAFETY: bytes and words may be zero.
            let pairs = unsafe { Zeroed::<Line, [u8; 16], [u16; 16]>::new(len, is_wide, &memory) };
            assert_eq!((pairs.len(), pairs.is_wide()), (len, is_wide));
            let mut ranges: Vec<_> = (0..len)
                .flat_map(|at| {
                    let (first, second) = pairs.at(at);
                    let (second, bytes, is_zero) = all_of(second);
                    assert!((&raw const *first).addr() % 64 == 0 && first.0.iter().all(|byte| *byte == 0) && is_zero);
                    assert_eq!(all_of(pairs.at(at + len).1).0, second);
                    [((&raw const *first).addr(), 64), (second, bytes)]
                })
                .collect();
            ranges.sort_unstable();
            assert!(ranges.windows(2).all(|two| two[0].0 + two[0].1 <= two[1].0), "two overlap");
        }
    }
}
