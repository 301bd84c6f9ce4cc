//! What the one writer of a shard has to itself.

use std::ops::{Deref, DerefMut, Range};

use super::{
    entry::Entry,
    index::Lane,
    view::{View, position},
};
use crate::{cache::memory::prefetch, sync::BriefGuard};

/// What only the writer of a shard touches.
pub(super) struct Writer<K, R> {
    pub(super) chunks: Vec<*mut Entry<K, R>>,
    /// Entries ever taken from the chunks.
    pub(super) made: u32,
    /// Those of the last chunk that have not been taken.
    pub(super) fresh: Range<*mut Entry<K, R>>,
    /// So many more lanes of the index may be used.
    pub(super) room: usize,
    /// Entries that were linked and taken out again.
    pub(super) gone: u64,
}

// SAFETY: the chunks are owned by the shard and reached by other threads only as its invariants say.
unsafe impl<K: Send, R: Send> Send for Writer<K, R> {}

/// Where a key was not found, for who makes its entry.
pub(super) struct Missing<'pin, K, R> {
    /// The view that was looked at, and where the entry goes in it; none before the first entry.
    pub(super) at: Option<(&'pin View<K, R>, Lane<'pin>)>,
}

/// Why an entry was not made.
pub(super) enum Refused {
    /// There may be one by now: look again.
    Changed,
    /// There is no room: [`grow`](super::shard::Shard::grow) first.
    Full,
}

/// The one writer of a shard, by its lock or because the table is its own. It runs no code of users: neither the `Hash`,
/// `Eq` or `Clone` of a key, which may call the cache, nor a destructor.
pub(super) struct Writing<'a, K, R> {
    pub(super) writer: &'a mut Writer<K, R>,
    pub(super) _lock: Option<BriefGuard<'a, ()>>,
}

impl<K, R> Writer<K, R> {
    /// The entry with this number, which was taken.
    #[inline]
    pub(super) fn entry(&self, number: u32) -> *mut Entry<K, R> {
        let (chunk, place) = position(number);
        self.chunks[chunk].wrapping_add(place)
    }

    /// The next entry that was never used, if there is one at hand, and its number.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn next_fresh(&self) -> Option<(*mut Entry<K, R>, u32)> {
        (!self.fresh.is_empty()).then_some((self.fresh.start, self.made))
    }

    /// Takes the next one, which is this.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn take(&mut self, next: *mut Entry<K, R>) {
        self.fresh.start = next.wrapping_add(1);
        self.made += 1;
        // The one after it, until which there are likely to be entries of many other shards.
        prefetch::to_write(next.wrapping_add(2).cast::<u8>().wrapping_sub(1));
    }
}

impl<K, R> Writing<'_, K, R> {
    /// Whether other threads may write as well.
    #[inline]
    pub(super) fn is_shared(&self) -> bool {
        self._lock.is_some()
    }
}

impl<K, R> Deref for Writing<'_, K, R> {
    type Target = Writer<K, R>;

    fn deref(&self) -> &Writer<K, R> {
        self.writer
    }
}

impl<K, R> DerefMut for Writing<'_, K, R> {
    fn deref_mut(&mut self) -> &mut Writer<K, R> {
        self.writer
    }
}
