//! What readers of a shard see: where its entries are.

use std::{ptr::null_mut, sync::Arc};

use super::{entry::Entry, index::Index, memory::Memory};
use crate::{
    cache::{
        memory::{epoch::Garbage, garbage, prefetch},
        table::key::{Key, Output},
    },
    sync::{AtomicPtr, Ordering},
};

/// What a reader sees: it never changes size.
pub(super) struct View<K, R> {
    pub(super) index: Index,
    /// The chunks as of the making of this view, null beyond. Written under the lock; Release there, Acquire by
    /// readers.
    pub(super) chunks: Box<[AtomicPtr<Entry<K, R>>]>,
    /// The view before this one, if it stays as long: it came from a box, and readers may still be looking at it. Written before
    /// anybody else knows this view.
    pub(super) outgrown: *mut Self,
}

impl<K, R> Drop for View<K, R> {
    fn drop(&mut self) {
        if !self.outgrown.is_null() {
            // SAFETY: it came from a box, and this view, which has it alone, is dropped when nobody looks at either.
            drop(unsafe { Box::from_raw(self.outgrown) });
        }
    }
}

/// Entries of the first chunk of a shard, as a power of 2: there are many shards, and a small table has one or two entries in each. The second one has
/// twice as many, and so on ..
const FIRST_BITS: usize = 2;
/// .. up to so many.
const MOST_BITS: usize = 10;

/// The chunk and the place in it of an entry number.
#[inline]
pub(super) fn position(number: u32) -> (usize, usize) {
    const { assert!(FIRST_BITS < MOST_BITS) };
    let n = number as usize + (1 << FIRST_BITS);
    if n < 1 << MOST_BITS {
        let bits = n.ilog2() as usize;
        (bits - FIRST_BITS, n - (1 << bits))
    } else {
        (MOST_BITS - FIRST_BITS - 1 + (n >> MOST_BITS), n & ((1 << MOST_BITS) - 1))
    }
}

pub(super) fn chunk_len(chunk: usize) -> usize {
    1 << (FIRST_BITS + chunk).min(MOST_BITS)
}

impl<K, R> View<K, R> {
    /// A view with room for so many entries in a shard that has made so many.
    pub(super) fn new(entries: usize, made: u32, memory: &Arc<Memory>) -> Box<Self> {
        let index = Index::with_room_for(entries, made, memory);
        // Every new entry takes a lane, so this many chunks can be named before the next view is made.
        let chunks = position(made.saturating_add(index.lanes() as u32)).0 + 1;
        let chunks = (0..chunks).map(|_| AtomicPtr::new(null_mut())).collect();
        Box::new(Self { index, chunks, outgrown: null_mut() })
    }

    /// Whether an entry is one of this shard.
    #[inline]
    pub(super) fn has(&self, entry: &Entry<K, R>) -> bool {
        let (chunk, place) = position(entry.number());
        let at = |chunk: &AtomicPtr<Entry<K, R>>| chunk.load(Ordering::Acquire).wrapping_add(place).cast_const();
        self.chunks.get(chunk).is_some_and(|chunk| std::ptr::eq(at(chunk), entry))
    }

    /// What the index and the entries take.
    #[cfg(not(loom))]
    pub(super) fn bytes(&self) -> usize {
        let made = self.chunks.iter().enumerate().filter(|(_, chunk)| !chunk.load(Ordering::Relaxed).is_null());
        let entries: usize = made.map(|(chunk, _)| chunk_len(chunk)).sum();
        self.index.bytes() + size_of_val(&*self.chunks) + entries * size_of::<Entry<K, R>>()
    }

    /// The entry of a number that the index has named.
    #[inline]
    pub(super) fn entry(&self, number: u32) -> &Entry<K, R> {
        let (chunk, place) = position(number);
        let chunk = self.chunks[chunk].load(Ordering::Acquire);
        // SAFETY: a number is linked after its chunk was, and chunks live as long as the table.
        unsafe { &*chunk.add(place) }
    }

    /// Has the entry of a number come, in order to be written. It may be any number.
    #[inline]
    pub(super) fn expect(&self, number: u32) {
        let (chunk, place) = position(number);
        if let Some(chunk) = self.chunks.get(chunk) {
            prefetch::to_write(chunk.load(Ordering::Relaxed).wrapping_add(place));
        }
    }
}

impl<K: Key, R: Output> View<K, R> {
    /// Frees a view, if there was one, when nobody can be looking at it.
    ///
    /// # Safety
    /// It was made by `Box::into_raw`, has been unlinked, and this is called once.
    pub(super) unsafe fn retire(old: *mut Self) {
        if !old.is_null() {
            // SAFETY: it lives until it is retired, just below.
            let bytes = unsafe { &*old }.index.bytes();
            // SAFETY: by the contract; nobody pinned can be reading it when it is freed.
            garbage::retire_of(bytes, unsafe { Garbage::boxed(old) });
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn each_number_has_a_place_of_its_own() {
        let (mut chunk, mut place) = (0, 0);
        for number in 0..10_000 {
            assert_eq!(position(number), (chunk, place), "{number}");
            place += 1;
            if place == chunk_len(chunk) {
                (chunk, place) = (chunk + 1, 0);
            }
        }
    }
}
