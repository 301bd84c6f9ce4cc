//! All other keys in a sharded hash table whose readers take no lock.
//!
//! A shard has an index of numbers and, in chunks that never move, the entries that they are the numbers of. Writers
//! hold the shard's lock, unless the table is theirs alone; readers use plain loads. A larger index replaces the old one,
//! which is retired. The hash is seeded at random, so keys cannot be chosen to collide.

mod index;
mod shard;

use std::{
    cell::UnsafeCell,
    hash::{BuildHasher, Hasher},
    mem::MaybeUninit,
    ptr::null_mut,
};

#[cfg(loom)]
use foldhash::fast::FixedState as RandomState;
#[cfg(not(loom))]
use foldhash::fast::RandomState;

use self::{index::Index, shard::Shard};
use super::slot::{Slot, State};
use crate::{
    cache::{
        api::key::{Key, Lookup, Output},
        table::bias::Turn,
        thread::registry::{self, Pinned},
    },
    sync::{AtomicPtr, Ordering},
};

/// The low bits of a hash choose the shard.
const SHARD_BITS: u32 = if cfg!(loom) { 0 } else { 6 };
const SHARDS: usize = 1 << SHARD_BITS;
/// Marks the member name of a hashed slot.
pub(super) const HASHED: u64 = 1 << 63;

/// The slots of the keys that are not small integers.
pub(super) struct Hashed<K, R> {
    hasher: RandomState,
    shards: Box<[Shard<K, R>]>,
}

/// What a reader sees: it never changes size.
struct View<K, R> {
    index: Index,
    /// The chunks as of the making of this view, null beyond. Written under the lock; Release there, Acquire by
    /// readers.
    chunks: Box<[AtomicPtr<Entry<K, R>>]>,
}

/// A key with its slot.
pub(super) struct Entry<K, R> {
    state: State,
    /// Initialised as long as the index names the entry and until it is unread after its removal.
    key: UnsafeCell<MaybeUninit<K>>,
    value: UnsafeCell<MaybeUninit<R>>,
    number: u32,
}

impl<K, R> Entry<K, R> {
    /// The slot of a linked entry that is not reused during `'pin`.
    #[inline(always)]
    pub(super) fn slot<'pin>(&'pin self) -> Slot<'pin, R> {
        let member = std::ptr::from_ref(self) as u64 | HASHED;
        // SAFETY: entries live as long as their table, and this one stays the same.
        unsafe { Slot::new(&raw const self.state, self.value.get().cast::<R>(), member) }
    }
}

/// The slot behind a member's name. Its word says `Removed` if the entry has been, or is being, given to another key.
///
/// # Safety
/// The name was given by a table that is current under the caller's pin.
pub(super) unsafe fn slot_of<'pin, K: 'pin, R: 'pin>(member: u64, _pin: Pinned<'pin>) -> Slot<'pin, R> {
    let entry = (member & !HASHED) as *const Entry<K, R>;
    // SAFETY: by the contract the entry's chunk is allocated, and entries are never made invalid.
    unsafe { (*entry).slot() }
}

/// The key behind a member's name.
///
/// # Safety
/// As for [`slot_of`], and the caller has claimed the slot: a claimed entry is linked, so its key is there.
pub(super) unsafe fn key_of<K, R>(member: u64, _pin: Pinned<'_>) -> &K {
    let entry = (member & !HASHED) as *const Entry<K, R>;
    // SAFETY: by the contract.
    unsafe { (*(*entry).key.get()).assume_init_ref() }
}

impl<K: Key, R: Output> Hashed<K, R> {
    pub(super) fn new() -> Self {
        Self { hasher: RandomState::default(), shards: (0..SHARDS).map(|_| Shard::new()).collect() }
    }

    /// The entry of a key, if it has one.
    #[inline]
    pub(super) fn find<'pin, Q: Lookup<K>>(&self, key: Q, pin: Pinned<'pin>) -> Option<&'pin Entry<K, R>> {
        let hash = self.hash(key);
        self.shard(hash).find(hash, key, pin).ok()
    }

    /// The entry of a key, and whether it is a new one. That is made with this state unless `instead` finds, when nobody
    /// else can make it, that the key has come to belong elsewhere.
    #[inline]
    pub(super) fn find_or_make<'pin, Q: Lookup<K>>(
        &self,
        key: Q,
        turn: &Turn<'_>,
        pin: Pinned<'pin>,
        state: impl FnOnce() -> State,
        instead: impl FnOnce() -> bool,
    ) -> Option<(&'pin Entry<K, R>, bool)> {
        let hash = self.hash(key);
        let shard = self.shard(hash);
        let mut writer = shard.write(turn);
        let lane = match shard.find(hash, key, pin) {
            Ok(found) => return Some((found, false)),
            Err(lane) => lane,
        };
        if instead() {
            return None;
        }
        let (key, full) = (key.to_key(), shard.is_full(&writer));
        let entry = match lane {
            Some(lane) if !full => shard.insert(&mut writer, hash, key, state(), lane),
            _ => shard.insert_in_larger(&mut writer, &self.hasher, hash, key, state())?,
        };
        Some((entry, true))
    }

    /// Looks a key up as a writer, so that what a concurrent maker does is either seen or has not begun.
    pub(super) fn find_settled<'pin, Q: Lookup<K>>(
        &self,
        key: Q,
        turn: &Turn<'_>,
        pin: Pinned<'pin>,
    ) -> Option<&'pin Entry<K, R>> {
        let hash = self.hash(key);
        let shard = self.shard(hash);
        let _writer = shard.write(turn);
        shard.find(hash, key, pin).ok()
    }

    /// Unlinks the entry of a key if it is ready, which the result says. It is freed when nobody can be reading it.
    ///
    /// # Safety
    /// `self` is part of a table that is retired later than what this call retires.
    pub(super) unsafe fn remove<Q: Lookup<K>>(&self, key: Q, turn: &Turn<'_>, pin: Pinned<'_>) -> bool {
        let hash = self.hash(key);
        let shard = self.shard(hash);
        let mut writer = shard.write(turn);
        let Some(entry) = shard.find(hash, key, pin).ok().filter(|entry| entry.state.is_ready()) else {
            return false;
        };
        shard.unlink(&mut writer, hash, entry);
        entry.state.remove();
        drop(writer);
        let (shard, entry) = (std::ptr::from_ref(shard) as usize, std::ptr::from_ref(entry) as usize);
        registry::retire(Box::new(move || {
            // SAFETY: the table, and so the shard, is retired after this entry by the caller's contract, and garbage is
            // freed in the order of retirement; nobody reads the entry any more, whose key and value are initialised.
            unsafe {
                let (shard, entry) = (&*(shard as *const Shard<K, R>), &*(entry as *const Entry<K, R>));
                let (key, value) = ((*entry.key.get()).assume_init_read(), (*entry.value.get()).assume_init_read());
                shard.give_back(entry.number);
                drop((key, value));
            }
        }));
        true
    }

    /// How many entries are ready.
    pub(super) fn len(&self, pin: Pinned<'_>) -> usize {
        let ready =
            |view: &View<K, R>| view.index.numbers().filter(|number| view.entry(*number).state.is_ready()).count();
        self.shards.iter().filter_map(|shard| shard.view(pin)).map(ready).sum()
    }

    #[inline]
    fn hash<Q: Lookup<K>>(&self, key: Q) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        key.hash_into(&mut hasher);
        hasher.finish()
    }

    #[inline]
    fn shard(&self, hash: u64) -> &Shard<K, R> {
        // The low bits choose the shard, the next ones the word, the top ones are the tag.
        &self.shards[hash as usize % SHARDS]
    }
}

/// The chunk and the place in it of an entry number: chunks of 16, 32, .. 1,024 and then 1,024 each.
#[inline]
fn position(number: u32) -> (usize, usize) {
    let n = number as usize + 16;
    if n < 1024 {
        let chunk = n.ilog2() as usize - 4;
        (chunk, n - (16 << chunk))
    } else {
        (6 + (n - 1024) / 1024, (n - 1024) % 1024)
    }
}

fn chunk_len(chunk: usize) -> usize {
    16 << chunk.min(6)
}

impl<K, R> View<K, R> {
    /// A view with room for so many entries in a shard that has made so many.
    fn new(entries: usize, made: u32) -> Box<Self> {
        let index = Index::with_room_for(entries);
        // Every new entry takes a lane, so this many chunks can be named before the next view is made.
        let chunks = position(made.saturating_add(index.lanes() as u32)).0 + 1;
        Box::new(Self { index, chunks: (0..chunks).map(|_| AtomicPtr::new(null_mut())).collect() })
    }

    /// The entry of a number that the index has named.
    #[inline]
    fn entry(&self, number: u32) -> &Entry<K, R> {
        let (chunk, place) = position(number);
        let chunk = self.chunks[chunk].load(Ordering::Acquire);
        // SAFETY: a number is linked after its chunk was, and chunks live as long as the table.
        unsafe { &*chunk.add(place) }
    }
}
