//! All other keys in a sharded hash table whose readers take no lock.
//!
//! A shard is an open-addressed index of words, each a tag of eight hash bits and the number of an entry; entries stand
//! in chunks that never move. Writers hold the shard's lock; readers probe with plain loads. A larger index replaces
//! the old one, which is retired. The hash is seeded at random, so keys cannot be chosen to collide.

use std::{
    cell::UnsafeCell,
    hash::{BuildHasher, Hasher},
    mem::MaybeUninit,
    ptr::null_mut,
};

use foldhash::fast::RandomState;

use super::slot::{Slot, State, Word};
use crate::{
    cache::{
        key::{Key, Lookup, Output},
        worker::{self, Pin},
    },
    sync::{AtomicPtr, AtomicU32, Mutex, MutexGuard, Ordering, lock},
};

const SHARDS: usize = 64;
/// An index word that was never used: a probe ends here.
const FREE: u32 = 0;
/// An index word whose entry was removed: a probe goes on.
const TOMB: u32 = 1;
/// Entry numbers start here and have 24 bits.
const FIRST: u32 = 2;
const NUMBER_BITS: u32 = 24;
/// Marks the member name of a hashed slot.
pub(super) const HASHED: u64 = 1 << 63;

/// The slots of the keys that are not small integers.
pub(super) struct Hashed<K, R> {
    hasher: RandomState,
    shards: Box<[Shard<K, R>]>,
}

#[repr(align(128))]
struct Shard<K, R> {
    /// Never null once the first entry is there. Written under the lock; Release there, Acquire by readers.
    index: AtomicPtr<Index<K, R>>,
    writer: Mutex<Writer<K, R>>,
}

/// What only the holder of a shard's lock touches.
struct Writer<K, R> {
    chunks: Vec<*mut Entry<K, R>>,
    /// Entries ever taken from the chunks.
    made: u32,
    /// Numbers of entries that were removed and that nobody can be reading.
    free: Vec<u32>,
    /// Index words that are not `FREE`.
    used: usize,
    /// Index words that name an entry.
    live: usize,
}

// SAFETY: the chunks are owned by the shard and reached by other threads only as its invariants say.
unsafe impl<K: Send, R: Send> Send for Writer<K, R> {}

/// What a reader probes: it never changes size.
struct Index<K, R> {
    words: Box<[AtomicU32]>,
    /// The chunks as of the making of this index, null beyond. Written under the lock; Release there, Acquire by
    /// readers.
    chunks: Box<[AtomicPtr<Entry<K, R>>]>,
}

/// A key with its slot.
pub(super) struct Entry<K, R> {
    state: State,
    /// Initialised as long as an index word names the entry and until it is unread after its removal.
    key: UnsafeCell<MaybeUninit<K>>,
    value: UnsafeCell<MaybeUninit<R>>,
    number: u32,
}

impl<K, R> Entry<K, R> {
    /// The slot of a linked entry.
    ///
    /// # Safety
    /// The entry is not reused during `'pin`.
    unsafe fn slot<'pin>(&self) -> Slot<'pin, R> {
        let member = std::ptr::from_ref(self) as u64 | HASHED;
        // SAFETY: entries live as long as their table, and by the contract this one stays the same.
        unsafe { Slot::new(&raw const self.state, self.value.get().cast::<R>(), member) }
    }
}

/// The slot behind a member's name. Its word says `Removed` if the entry has been, or is being, given to another key.
///
/// # Safety
/// The name was given by a table that is current under the caller's pin.
pub(super) unsafe fn slot_of<'pin, K, R>(member: u64, _pin: &'pin Pin) -> Slot<'pin, R> {
    let entry = (member & !HASHED) as *const Entry<K, R>;
    // SAFETY: by the contract the entry's chunk is allocated, and entries are never made invalid.
    unsafe { (*entry).slot() }
}

/// The key behind a member's name.
///
/// # Safety
/// As for [`slot_of`], and the caller has claimed the slot: a claimed entry is linked, so its key is there.
pub(super) unsafe fn key_of<K, R>(member: u64, _pin: &Pin) -> &K {
    let entry = (member & !HASHED) as *const Entry<K, R>;
    // SAFETY: by the contract.
    unsafe { (*(*entry).key.get()).assume_init_ref() }
}

impl<K: Key, R: Output> Hashed<K, R> {
    pub(super) fn new() -> Self {
        let shard = || Shard {
            index: AtomicPtr::new(null_mut()),
            writer: Mutex::new(Writer { chunks: Vec::new(), made: 0, free: Vec::new(), used: 0, live: 0 }),
        };
        Self { hasher: RandomState::default(), shards: (0..SHARDS).map(|_| shard()).collect() }
    }

    /// The slot of a key, if it has one.
    #[inline]
    pub(super) fn find<'pin, Q: Lookup<K>>(&self, key: Q, pin: &'pin Pin) -> Option<Slot<'pin, R>> {
        let hash = self.hash(key);
        self.shard(hash).find(hash, key, pin)
    }

    /// The slot of a key; a new one is made with this state unless `instead` finds, under the lock, that the key has
    /// come to belong elsewhere.
    pub(super) fn find_or_make<'pin, Q: Lookup<K>>(
        &self,
        key: Q,
        pin: &'pin Pin,
        state: impl FnOnce() -> State,
        instead: impl FnOnce() -> bool,
    ) -> Option<Slot<'pin, R>> {
        let hash = self.hash(key);
        let shard = self.shard(hash);
        let mut writer = lock(&shard.writer);
        if let Some(found) = shard.find(hash, key, pin) {
            return Some(found);
        }
        (!instead()).then(|| shard.insert(&mut writer, &self.hasher, hash, key.to_key(), state()))
    }

    /// Looks a key up under the lock, so that what a concurrent maker does is either seen or has not begun.
    pub(super) fn find_settled<'pin, Q: Lookup<K>>(&self, key: Q, pin: &'pin Pin) -> Option<Slot<'pin, R>> {
        let hash = self.hash(key);
        let shard = self.shard(hash);
        let _writer = lock(&shard.writer);
        shard.find(hash, key, pin)
    }

    /// Unlinks the entry of a key if it is ready, which the result says. It is freed when nobody can be reading it.
    ///
    /// # Safety
    /// `self` is part of a table that is retired later than what this call retires.
    pub(super) unsafe fn remove<Q: Lookup<K>>(&self, key: Q, pin: &Pin) -> bool {
        let hash = self.hash(key);
        let shard = self.shard(hash);
        let mut writer = lock(&shard.writer);
        let Some(slot) = shard.find(hash, key, pin).filter(|slot| slot.state().word() == Word::Ready) else {
            return false;
        };
        shard.unlink(&mut writer, hash, &slot);
        slot.state().remove();
        drop(writer);
        let (shard, entry) = (std::ptr::from_ref(shard) as usize, slot.member() & !HASHED);
        worker::retire(Box::new(move || {
            // SAFETY: the table, and so the shard, is retired after this entry by the caller's contract, and garbage is
            // freed in the order of retirement; nobody reads the entry any more, whose key and value are initialised.
            unsafe {
                let (shard, entry) = (&*(shard as *const Shard<K, R>), &*(entry as *const Entry<K, R>));
                let (key, value) = ((*entry.key.get()).assume_init_read(), (*entry.value.get()).assume_init_read());
                lock(&shard.writer).free.push(entry.number);
                drop((key, value));
            }
        }));
        true
    }

    /// How many entries are ready.
    pub(super) fn len(&self, _pin: &Pin) -> usize {
        let mut count = 0;
        for shard in &self.shards {
            let index = shard.index.load(Ordering::Acquire);
            if index.is_null() {
                continue;
            }
            // SAFETY: an index lives while readers that loaded it are pinned.
            let index = unsafe { &*index };
            for word in &index.words {
                let entry = index.entry(word.load(Ordering::Acquire));
                count += usize::from(entry.is_some_and(|entry| entry.state.is_ready()));
            }
        }
        count
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

/// The tag and the first position of a probe.
#[inline]
fn start(hash: u64, words: usize) -> (u32, usize) {
    ((hash >> 56) as u32, (hash / SHARDS as u64) as usize & (words - 1))
}

/// The chunk and the place in it of an entry number: chunks of 16, 32, .. 1,024 and then 1,024 each.
#[inline]
fn position(number: u32) -> (usize, usize) {
    let n = (number - FIRST) as usize + 16;
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

impl<K, R> Index<K, R> {
    /// An index for so many words, in a shard that has made so many entries.
    fn new(words: usize, made: u32) -> Box<Self> {
        // Every new entry takes a word, so this many chunks can be named before the next index is made.
        let chunks = position(FIRST + made + words as u32).0 + 1;
        Box::new(Self {
            words: (0..words).map(|_| AtomicU32::new(FREE)).collect(),
            chunks: (0..chunks).map(|_| AtomicPtr::new(null_mut())).collect(),
        })
    }

    /// The entry that a word names.
    #[inline]
    fn entry(&self, word: u32) -> Option<&Entry<K, R>> {
        let number = word & ((1 << NUMBER_BITS) - 1);
        if number < FIRST {
            return None;
        }
        let (chunk, place) = position(number);
        let chunk = self.chunks[chunk].load(Ordering::Acquire);
        // SAFETY: a word that names an entry was stored after its chunk was linked, and chunks live as long as the table.
        Some(unsafe { &*chunk.add(place) })
    }
}

impl<K: Key, R: Output> Shard<K, R> {
    #[inline]
    fn find<'pin, Q: Lookup<K>>(&self, hash: u64, key: Q, _pin: &'pin Pin) -> Option<Slot<'pin, R>> {
        let index = self.index.load(Ordering::Acquire);
        if index.is_null() {
            return None;
        }
        // SAFETY: an index lives while readers that loaded it are pinned.
        let index = unsafe { &*index };
        let mask = index.words.len() - 1;
        let (tag, mut at) = start(hash, index.words.len());
        loop {
            let word = index.words[at].load(Ordering::Acquire);
            if word == FREE {
                return None;
            }
            if word >> NUMBER_BITS == tag
                && let Some(entry) = index.entry(word)
            {
                // SAFETY: a named entry has its key, and is not reused while the reader is pinned.
                unsafe {
                    if key.matches((*entry.key.get()).assume_init_ref()) {
                        return Some(entry.slot());
                    }
                }
            }
            at = (at + 1) & mask;
        }
    }

    fn insert<'pin>(
        &self,
        writer: &mut MutexGuard<'_, Writer<K, R>>,
        hasher: &RandomState,
        hash: u64,
        key: K,
        state: State,
    ) -> Slot<'pin, R> {
        self.reserve(writer, hasher);
        let (number, fresh) = self.take_number(writer);
        let (chunk, place) = position(number);
        let entry = writer.chunks[chunk].wrapping_add(place);
        // SAFETY: the entry lies in its chunk and no word names it. One that was removed is still looked at through
        // member names, but only its state word, until that says `Empty` or `Claimed`.
        let slot = unsafe {
            if fresh {
                entry.write(Entry {
                    state,
                    key: UnsafeCell::new(MaybeUninit::new(key)),
                    value: UnsafeCell::new(MaybeUninit::uninit()),
                    number,
                });
            } else {
                (*(*entry).key.get()).write(key);
                (*entry).state.renew(state);
            }
            (*entry).slot()
        };
        // SAFETY: `reserve` made an index, which only the holder of the lock replaces.
        let index = unsafe { &*self.index.load(Ordering::Relaxed) };
        writer.used += usize::from(index.link(hash, number));
        writer.live += 1;
        slot
    }

    /// Makes room for one more word.
    fn reserve(&self, writer: &mut MutexGuard<'_, Writer<K, R>>, hasher: &RandomState) {
        let old = self.index.load(Ordering::Relaxed);
        // SAFETY: only the holder of the lock replaces the index.
        let words = unsafe { old.as_ref() }.map_or(0, |old| old.words.len());
        if (writer.used + 1) * 4 <= words * 3 {
            return;
        }
        let new = Index::new((writer.live * 2 + 2).next_power_of_two().max(16), writer.made);
        for (link, chunk) in new.chunks.iter().zip(&writer.chunks) {
            link.store(*chunk, Ordering::Relaxed);
        }
        for number in FIRST..FIRST + writer.made {
            // In the order of memory, not of the hash: this way the entries stream through the processor's cache.
            let (chunk, place) = position(number);
            let entry = writer.chunks[chunk].wrapping_add(place);
            // SAFETY: entries below `made` have been written. One that is not removed is linked, since the lock is held,
            // and so has its key.
            unsafe {
                if (*entry).state.word() != Word::Removed {
                    let mut state = hasher.build_hasher();
                    (*(*entry).key.get()).assume_init_ref().hash_into(&mut state);
                    new.link(state.finish(), number);
                }
            }
        }
        writer.used = writer.live;
        self.index.store(Box::into_raw(new), Ordering::Release);
        if !old.is_null() {
            let old = old as usize;
            worker::retire(Box::new(move || {
                // SAFETY: made by `Box::into_raw` above, unlinked, and nobody pinned can be reading it.
                drop(unsafe { Box::from_raw(old as *mut Index<K, R>) });
            }));
        }
    }

    /// The number of an unused entry, and whether it was never used.
    fn take_number(&self, writer: &mut MutexGuard<'_, Writer<K, R>>) -> (u32, bool) {
        if let Some(number) = writer.free.pop() {
            return (number, false);
        }
        let number = FIRST + writer.made;
        assert!(number < 1 << NUMBER_BITS, "a cache holds at most a thousand million entries");
        writer.made += 1;
        let chunk = position(number).0;
        if chunk == writer.chunks.len() {
            let entries = Vec::<Entry<K, R>>::with_capacity(chunk_len(chunk)).leak().as_mut_ptr();
            writer.chunks.push(entries);
        }
        // SAFETY: `reserve` made an index, which only the holder of the lock replaces.
        let index = unsafe { &*self.index.load(Ordering::Relaxed) };
        index.chunks[chunk].store(writer.chunks[chunk], Ordering::Release);
        (number, true)
    }

    fn unlink(&self, writer: &mut MutexGuard<'_, Writer<K, R>>, hash: u64, slot: &Slot<'_, R>) {
        // SAFETY: the slot was found under the lock, so there is an index and the entry is linked.
        let (index, number) = unsafe {
            (&*self.index.load(Ordering::Relaxed), (*((slot.member() & !HASHED) as *const Entry<K, R>)).number)
        };
        let mask = index.words.len() - 1;
        let (tag, mut at) = start(hash, index.words.len());
        while index.words[at].load(Ordering::Relaxed) != (tag << NUMBER_BITS | number) {
            at = (at + 1) & mask;
        }
        index.words[at].store(TOMB, Ordering::Release);
        writer.live -= 1;
    }
}

impl<K, R> Index<K, R> {
    /// Stores the entry's number in the first word that names none; true if that word was never used.
    fn link(&self, hash: u64, number: u32) -> bool {
        let mask = self.words.len() - 1;
        let (tag, mut at) = start(hash, self.words.len());
        loop {
            let word = self.words[at].load(Ordering::Relaxed);
            if word == FREE {
                self.words[at].store(tag << NUMBER_BITS | number, Ordering::Release);
                return true;
            }
            at = (at + 1) & mask;
        }
    }
}

impl<K, R> Drop for Shard<K, R> {
    fn drop(&mut self) {
        let index = *self.index.get_mut();
        if index.is_null() {
            return;
        }
        // SAFETY: the table is being dropped: nobody looks at the index, which came from a box.
        let index = unsafe { Box::from_raw(index) };
        for word in &index.words {
            if let Some(entry) = index.entry(word.load(Ordering::Relaxed)) {
                // SAFETY: a named entry has its key, and a ready one its value; nobody else looks at them.
                unsafe {
                    (*entry.key.get()).assume_init_drop();
                    if entry.state.is_ready() {
                        (*entry.value.get()).assume_init_drop();
                    }
                }
            }
        }
        for (number, chunk) in lock(&self.writer).chunks.drain(..).enumerate() {
            // SAFETY: leaked in `take_number` with this capacity; its entries have been dropped above.
            drop(unsafe { Vec::from_raw_parts(chunk, 0, chunk_len(number)) });
        }
    }
}
