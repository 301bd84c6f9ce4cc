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

use self::{
    index::Index,
    shard::{Refused, Shard, Writing},
};
use super::slot::{Slot, State, Word};
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

    /// The entry of a key, and whether it is a new one: then it has this state, and the value if it is ready. `None` without
    /// a turn, or if `instead` finds, during the turn, that the key has come to belong elsewhere; `made` is called in it.
    ///
    /// The key is hashed, compared and copied before the turn begins: that is users' code, which may call the cache.
    #[inline]
    pub(super) fn find_or_make<'pin, 'a, Q: Lookup<K>>(
        &self,
        key: Q,
        turn: impl Fn() -> Option<Turn<'a>>,
        pin: Pinned<'pin>,
        instead: impl Fn() -> bool,
        mut make: impl FnMut() -> (State, Option<R>),
        mut made: impl FnMut(),
    ) -> Option<(&'pin Entry<K, R>, bool)> {
        let hash = self.hash(key);
        let shard = self.shard(hash);
        // Dropped after the turn, if it is not used.
        let mut own = None;
        loop {
            let missing = match shard.find(hash, key, pin) {
                Ok(found) => return Some((found, false)),
                Err(missing) => missing,
            };
            own = own.or_else(|| Some(key.to_key()));
            let refused = {
                let turn = turn()?;
                let mut writer = shard.write(&turn);
                if instead() {
                    return None;
                }
                match shard.place(&writer, missing) {
                    Ok(lane) => {
                        let key = own.take()?;
                        let entry = shard.insert(&mut writer, hash, key, make(), lane);
                        made();
                        return Some((entry, true));
                    }
                    Err(refused) => refused,
                }
            };
            if let Refused::Full = refused {
                shard.grow(&self.hasher, &turn, pin)?;
            }
        }
    }

    /// Whether a key has an entry, for the writer, so that what a concurrent maker does is either seen or has not begun.
    /// Only for small keys, whose comparison is no code of users.
    pub(super) fn has_settled<Q: Lookup<K>>(&self, key: Q, turn: &Turn<'_>, pin: Pinned<'_>) -> bool {
        let hash = self.hash(key);
        let shard = self.shard(hash);
        let _writer = shard.write(turn);
        shard.find(hash, key, pin).is_ok()
    }

    /// Takes the value of a key out, if it is ready. It is dropped when nobody can be reading it.
    ///
    /// # Safety
    /// `self` is part of a table that is retired later than what this call retires.
    pub(super) unsafe fn remove<'pin, 'a, Q: Lookup<K>>(
        &self,
        key: Q,
        turn: impl Fn() -> Turn<'a>,
        pin: Pinned<'pin>,
    ) -> Option<&'pin R> {
        let hash = self.hash(key);
        let shard = self.shard(hash);
        let (entry, _) = Self::change(shard, hash, key, turn, pin, |mut writer, entry| {
            shard.unlink(&mut writer, hash, entry);
        })?;
        // SAFETY: passed on.
        Some(unsafe { Self::retire(shard, entry) })
    }

    /// Puts a value in the place of one that is ready, which is dropped when nobody can be reading it. Readers find either.
    ///
    /// # Safety
    /// As for [`remove`](Self::remove).
    pub(super) unsafe fn replace<'pin, 'a>(
        &self,
        key: &K,
        value: &mut Option<R>,
        turn: impl Fn() -> Turn<'a>,
        pin: Pinned<'pin>,
    ) -> Option<&'pin R> {
        let hash = self.hash(key);
        let shard = self.shard(hash);
        let mut own = Some(key.clone());
        loop {
            let (entry, end) = Self::change(shard, hash, key, &turn, pin, |mut writer, entry| match own.take() {
                Some(key) if !shard.is_full(&writer) => {
                    shard.replace(&mut writer, hash, entry, key, value.take());
                    Ok(())
                }
                key => {
                    own = key;
                    Err(Refused::Full)
                }
            })?;
            match end {
                // SAFETY: passed on.
                Ok(()) => return Some(unsafe { Self::retire(shard, entry) }),
                Err(_) => _ = shard.grow(&self.hasher, || Some(turn()), pin),
            }
        }
    }

    /// Changes the entry of a key during a turn, if it is ready.
    fn change<'pin, 'a, Q: Lookup<K>, T>(
        shard: &Shard<K, R>,
        hash: u64,
        key: Q,
        turn: impl Fn() -> Turn<'a>,
        pin: Pinned<'pin>,
        change: impl FnOnce(Writing<'_, K, R>, &Entry<K, R>) -> T,
    ) -> Option<(&'pin Entry<K, R>, T)> {
        loop {
            let entry = shard.find(hash, key, pin).ok()?;
            let turn = turn();
            let writer = shard.write(&turn);
            match entry.state.word() {
                Word::Ready => return Some((entry, change(writer, entry))),
                // Others have been faster, and there may be another entry of the key by now.
                Word::Removed => {}
                _ => return None,
            }
        }
    }

    /// Has an entry that is no longer linked given back when nobody can be reading it.
    ///
    /// # Safety
    /// The caller has taken the entry out of use, during `'pin`, and as for [`remove`](Self::remove).
    unsafe fn retire<'pin>(shard: &Shard<K, R>, entry: &'pin Entry<K, R>) -> &'pin R {
        let (of, at) = (std::ptr::from_ref(shard) as usize, std::ptr::from_ref(entry) as usize);
        registry::retire(Box::new(move || {
            // SAFETY: the table, and so the shard, is retired after this entry by the caller's contract, and garbage is
            // freed in the order of retirement; nobody reads the entry any more, whose key and value are initialised.
            unsafe {
                let (shard, entry) = (&*(of as *const Shard<K, R>), &*(at as *const Entry<K, R>));
                let (key, value) = ((*entry.key.get()).assume_init_read(), (*entry.value.get()).assume_init_read());
                shard.give_back(entry.number);
                drop((key, value));
            }
        }));
        // SAFETY: it was ready, and what was retired just now lives during the pin.
        unsafe { (*entry.value.get()).assume_init_ref() }
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
