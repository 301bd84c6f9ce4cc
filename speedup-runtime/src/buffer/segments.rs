//! Append-only storage with stable addresses: segments that double, and a length that is published.
//!
//! One thread at a time appends (the holder of the turn), any number read. A value is written before the length covers
//! it and never moves or changes afterwards, so a reader needs one load of the length and one of the segment.

use std::{marker::PhantomData, ptr, slice};

use super::{apart::Apart, memory, sink::Room, store::Store};
use crate::sync::{AtomicPtr, AtomicUsize, Ordering, const_unless_loom};

/// Values in the first segment. The segment `n` after it holds the values from `2^n` to `2^(n + 1)`.
const FIRST: usize = if cfg!(loom) { 2 } else { 64 };
/// The number of the first segment: segments are numbered by the binary logarithm of their last index, which spares a
/// read the subtraction.
const FIRST_SEGMENT: usize = FIRST.ilog2() as usize - 1;
/// One past the last number of a segment.
const SEGMENTS: usize = if cfg!(loom) { 4 } else { usize::BITS as usize - 1 };

/// The values of a buffer.
pub(super) struct Segments<T> {
    /// How many values readers may see. Written with Release by the holder of the turn, after the value and the
    /// segment; read with Acquire.
    len: Apart<AtomicUsize>,
    /// For each segment the address that its value 0 would have if it began at index 0, so that value `i` is at
    /// `origin + i`. Null until the holder of the turn makes it; Relaxed, because `len` publishes it.
    origins: [AtomicPtr<T>; SEGMENTS],
    owns: PhantomData<T>,
}

/// The number of the segment that holds the value `index`.
#[inline]
const fn segment_of(index: usize) -> usize {
    (index | (FIRST - 1)).ilog2() as usize
}

/// The index of the first value of a segment.
const fn start_of(segment: usize) -> usize {
    if segment == FIRST_SEGMENT { 0 } else { 1 << segment }
}

/// The index after the last value of a segment.
const fn end_of(segment: usize) -> usize {
    2 << segment
}

impl<T> Segments<T> {
    const_unless_loom! {
        /// No values and no memory.
        pub(super) fn new() -> Self {
            #[cfg(not(loom))]
            let origins = [const { AtomicPtr::new(ptr::null_mut()) }; SEGMENTS];
            #[cfg(loom)]
            let origins = std::array::from_fn(|_| AtomicPtr::new(ptr::null_mut()));
            Segments { len: Apart(AtomicUsize::new(0)), origins, owns: PhantomData }
        }
    }

    /// The value at `index`, if it is computed.
    #[inline]
    pub(super) fn get(&self, index: usize) -> Option<&T> {
        if index < self.len.load(Ordering::Acquire) {
            // SAFETY: the length, read with Acquire, covers the index.
            Some(unsafe { self.get_unchecked(index) })
        } else {
            None
        }
    }

    /// # Safety
    ///
    /// A length above `index` must have been read with Acquire.
    #[inline]
    pub(super) unsafe fn get_unchecked(&self, index: usize) -> &T {
        // SAFETY: an index below a length has a segment below `SEGMENTS`.
        let origin = unsafe { self.origins.get_unchecked(segment_of(index)) };
        // SAFETY: the value was written, and its segment stored, before the length was published.
        unsafe { &*origin.load(Ordering::Relaxed).wrapping_add(index) }
    }

    /// The computed values from `from` to the end of its segment or `to`, whichever comes first.
    #[inline]
    pub(super) fn slice(&self, from: usize, to: usize) -> &[T] {
        let to = to.min(self.len.load(Ordering::Acquire));
        if from >= to {
            return &[];
        }
        // SAFETY: `from < to`, and the length covers them.
        unsafe { self.slice_unchecked(from, to) }
    }

    /// The values from `from` to the end of its segment or `to`, whichever comes first.
    ///
    /// # Safety
    ///
    /// `from < to`, and a length of at least `to` must have been read with Acquire.
    #[inline]
    pub(super) unsafe fn slice_unchecked(&self, from: usize, to: usize) -> &[T] {
        let to = to.min(end_of(segment_of(from)));
        // SAFETY: the values up to `to` are computed and lie in one segment.
        unsafe { slice::from_raw_parts(self.get_unchecked(from), to - from) }
    }

    /// The segment's address for writing, made on first use. For the holder of the turn only.
    fn origin(&self, segment: usize) -> *mut T {
        assert!(segment < SEGMENTS, "a buffer cannot hold more than isize::MAX values");
        let slot = &self.origins[segment];
        // Relaxed: only the holder of the turn writes it, and the turn is handed over with Acquire and Release.
        let origin = slot.load(Ordering::Relaxed);
        if !origin.is_null() {
            return origin;
        }
        let made = memory::allocate::<T>(end_of(segment) - start_of(segment)).wrapping_sub(start_of(segment));
        slot.store(made, Ordering::Relaxed);
        made
    }
}

impl<T> Store<T> for Segments<T> {
    #[inline]
    fn len(&self) -> usize {
        // Acquire: pairs with the Release of `Sink::push`.
        self.len.load(Ordering::Acquire)
    }

    fn visible(&self) -> &AtomicUsize {
        &self.len
    }

    fn published(&self) -> &AtomicUsize {
        &self.len
    }

    fn room(&self, len: usize) -> Room<T> {
        let segment = segment_of(len);
        Room { slot: self.origin(segment).wrapping_add(len), until: end_of(segment) }
    }

    #[inline]
    fn ready_room(&self, len: usize) -> Option<Room<T>> {
        let segment = segment_of(len);
        // Relaxed: as in `origin`.
        let origin = self.origins.get(segment)?.load(Ordering::Relaxed);
        (!origin.is_null()).then(|| Room { slot: origin.wrapping_add(len), until: end_of(segment) })
    }

    fn settle(&self, _: usize, _: usize) {}

    fn last_is(&self, len: usize, test: fn(&T) -> bool) -> bool {
        len.checked_sub(1).and_then(|last| self.get(last)).is_some_and(test)
    }
}

impl<T> Drop for Segments<T> {
    fn drop(&mut self) {
        let len = self.len.load(Ordering::Acquire);
        for (segment, slot) in self.origins.iter().enumerate().skip(FIRST_SEGMENT) {
            let origin = slot.load(Ordering::Relaxed);
            if origin.is_null() {
                break;
            }
            let (start, end) = (start_of(segment), end_of(segment));
            let memory = origin.wrapping_add(start);
            let used = len.min(end).saturating_sub(start);
            // SAFETY: the first `used` values of the segment were written, and nobody else has access any more.
            unsafe { ptr::drop_in_place(ptr::slice_from_raw_parts_mut(memory, used)) };
            // SAFETY: it was allocated for as many values, which are gone.
            unsafe { memory::free(memory, end - start) };
        }
    }
}
