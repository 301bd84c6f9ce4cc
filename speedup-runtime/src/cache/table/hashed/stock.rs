//! The entries of a shard that are not in use: those that were given back, and new ones.

use std::{alloc::Layout, mem::ManuallyDrop};

use super::{entry::Entry, memory::SMALL, shard::Shard, view::chunk_len, writer::Writing};
use crate::cache::{
    memory::prefetch,
    table::key::{Key, Output},
};
#[cfg(not(loom))]
use crate::seeing::limit;
use crate::sync::Ordering;

impl<K: Key, R: Output> Shard<K, R> {
    /// An entry that was never used, and its number.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn take_fresh(&self, writer: &mut Writing<'_, K, R>) -> (*mut Entry<K, R>, u32) {
        if writer.fresh.is_empty() {
            self.add_chunk(writer);
        }
        let (entry, number) = (writer.fresh.start, writer.made);
        writer.take(entry);
        (entry, number)
    }

    #[cold]
    #[inline(never)]
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first_hashed"))]
    fn add_chunk(&self, writer: &mut Writing<'_, K, R>) {
        let len = chunk_len(writer.chunks.len());
        let numbered = u32::try_from(writer.made as usize + len).is_ok();
        assert!(numbered, "a shard of a cache holds at most 4,294,967,295 entries");
        let entries = match Self::large(len) {
            Some(layout) => self.memory.take(layout).cast(),
            // Not by `leak`, which gives a slice of no entries, beyond which its pointer may not go.
            None => ManuallyDrop::new(Vec::<Entry<K, R>>::with_capacity(len)).as_mut_ptr(),
        };
        if let Some(view) = self.own_view(writer) {
            view.chunks[writer.chunks.len()].store(entries, Ordering::Release);
        }
        writer.chunks.push(entries);
        writer.fresh = entries..entries.wrapping_add(len);
        #[cfg(not(loom))]
        limit::grown();
    }

    /// The entry was removed, is read by nobody any more, and has no key.
    #[inline]
    pub(super) fn give_back(&self, entry: &Entry<K, R>) {
        let (number, mut before) = (entry.number(), self.freed.load(Ordering::Relaxed));
        loop {
            entry.number.store(before, Ordering::Relaxed);
            match self.freed.compare_exchange(before, number + 1, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => before = now,
            }
        }
    }

    /// Whether an entry was given back.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn has_unused(&self) -> bool {
        self.unused.load(Ordering::Relaxed) | self.freed.load(Ordering::Relaxed) != 0
    }

    /// An entry that was given back.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn take_unused(&self, writer: &mut Writing<'_, K, R>) -> Option<*mut Entry<K, R>> {
        let mut unused = self.unused.load(Ordering::Relaxed);
        if unused == 0 && self.freed.load(Ordering::Relaxed) != 0 {
            unused = self.freed.swap(0, Ordering::Acquire);
        }
        let number = unused.checked_sub(1)?;
        let entry = writer.entry(number);
        // SAFETY: it lies in its chunk, and was written before it was given back.
        let link = unsafe { &(*entry).number };
        let next = link.load(Ordering::Relaxed);
        self.unused.store(next, Ordering::Relaxed);
        if let Some(next) = next.checked_sub(1).filter(|_| writer.is_shared()) {
            prefetch::to_write(writer.entry(next));
        }
        link.store(number, Ordering::Relaxed);
        Some(entry)
    }
}

impl<K, R> Shard<K, R> {
    /// How so many entries lie in the memory of the whole table, if they do.
    pub(super) fn large(len: usize) -> Option<Layout> {
        Layout::array::<Entry<K, R>>(len).ok().filter(|layout| layout.size() >= SMALL)
    }
}
