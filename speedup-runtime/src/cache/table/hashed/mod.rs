//! All other keys in a sharded hash table whose readers take no lock.
//!
//! A shard has an index of numbers and, in chunks that never move, the entries that they are the numbers of. Writers
//! hold the shard's lock, unless the table is theirs alone; readers use plain loads. A larger index replaces the old one, which is retired. The hash is
//! seeded at random, so keys cannot be chosen to collide.

mod index;

use std::{
    cell::UnsafeCell,
    hash::{BuildHasher, Hasher},
    mem::MaybeUninit,
    ops::{Deref, DerefMut},
    ptr::null_mut,
};

#[cfg(loom)]
use foldhash::fast::FixedState as RandomState;
#[cfg(not(loom))]
use foldhash::fast::RandomState;

use self::index::{Index, Lane};
use super::slot::{Slot, State, Word};
use crate::{
    cache::{
        bias::Turn,
        key::{Key, Lookup, Output},
        worker::{self, Pinned},
    },
    sync::{AtomicBool, AtomicPtr, Mutex, MutexGuard, Ordering, lock},
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

#[repr(align(128))]
struct Shard<K, R> {
    /// Never null once the first entry is there. Written under the lock; Release there, Acquire by readers.
    view: AtomicPtr<View<K, R>>,
    /// Reached through [`Shard::write`] alone.
    writer: UnsafeCell<Writer<K, R>>,
    /// Held by writers, unless the table is theirs alone.
    writing: Mutex<()>,
    /// Numbers of entries that were removed and that nobody can be reading.
    freed: Mutex<Vec<u32>>,
    /// Whether there may be any. Relaxed: a hint.
    has_freed: AtomicBool,
}

// SAFETY: the writer is reached by one thread at a time, see `Shard::write`, and everything else is `Sync`. Keys and
// values are shared among threads and dropped on any.
unsafe impl<K: Send + Sync, R: Send + Sync> Sync for Shard<K, R> {}

/// What only the writer of a shard touches.
struct Writer<K, R> {
    chunks: Vec<*mut Entry<K, R>>,
    /// Entries ever taken from the chunks.
    made: u32,
    /// Lanes of the index that are not free.
    used: usize,
    /// Lanes of the index that name an entry.
    live: usize,
}

// SAFETY: the chunks are owned by the shard and reached by other threads only as its invariants say.
unsafe impl<K: Send, R: Send> Send for Writer<K, R> {}

/// The one writer of a shard, by its lock or because the table is its own.
struct Writing<'a, K, R> {
    writer: &'a mut Writer<K, R>,
    _lock: Option<MutexGuard<'a, ()>>,
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
        let shard = || Shard {
            view: AtomicPtr::new(null_mut()),
            writer: UnsafeCell::new(Writer { chunks: Vec::new(), made: 0, used: 0, live: 0 }),
            writing: Mutex::new(()),
            freed: Mutex::new(Vec::new()),
            has_freed: AtomicBool::new(false),
        };
        Self { hasher: RandomState::default(), shards: (0..SHARDS).map(|_| shard()).collect() }
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
        worker::retire(Box::new(move || {
            // SAFETY: the table, and so the shard, is retired after this entry by the caller's contract, and garbage is
            // freed in the order of retirement; nobody reads the entry any more, whose key and value are initialised.
            unsafe {
                let (shard, entry) = (&*(shard as *const Shard<K, R>), &*(entry as *const Entry<K, R>));
                let (key, value) = ((*entry.key.get()).assume_init_read(), (*entry.value.get()).assume_init_read());
                lock(&shard.freed).push(entry.number);
                shard.has_freed.store(true, Ordering::Relaxed);
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

impl<K: Key, R: Output> Shard<K, R> {
    #[inline]
    fn view<'pin>(&self, _pin: Pinned<'pin>) -> Option<&'pin View<K, R>> {
        // SAFETY: a view lives while readers that loaded it are pinned.
        unsafe { self.view.load(Ordering::Acquire).as_ref() }
    }

    /// Makes the caller the only writer.
    #[inline]
    fn write<'a>(&'a self, turn: &'a Turn<'_>) -> Writing<'a, K, R> {
        let _lock = match turn {
            Turn::Alone(_) => None,
            Turn::Shared => Some(lock(&self.writing)),
        };
        // SAFETY: a thread whose turn it is alone comes here once a turn, and nobody else does meanwhile; all others hold
        // the lock. The borrow ends before either does.
        Writing { writer: unsafe { &mut *self.writer.get() }, _lock }
    }

    /// The view, for the writer.
    #[inline]
    fn own_view(&self, _writer: &Writing<'_, K, R>) -> Option<&View<K, R>> {
        // SAFETY: only the writer replaces the view.
        unsafe { self.view.load(Ordering::Relaxed).as_ref() }
    }

    #[inline(always)]
    fn find<'pin, Q: Lookup<K>>(
        &self,
        hash: u64,
        key: Q,
        pin: Pinned<'pin>,
    ) -> Result<&'pin Entry<K, R>, Option<Lane<'pin>>> {
        let view = self.view(pin).ok_or(None)?;
        view.index.find(hash, |number| {
            let entry = view.entry(number);
            // SAFETY: a named entry has its key, and is not reused while the reader is pinned.
            unsafe { key.matches((*entry.key.get()).assume_init_ref()).then_some(entry) }
        })
    }

    /// As [`insert`](Self::insert), where there is no room for another lane.
    #[cold]
    #[inline(never)]
    fn insert_in_larger<'pin>(
        &self,
        writer: &mut Writing<'_, K, R>,
        hasher: &RandomState,
        hash: u64,
        key: K,
        state: State,
    ) -> Option<&'pin Entry<K, R>> {
        self.grow(writer, hasher);
        let lane = self.own_view(writer)?.index.find(hash, |_| None::<()>).err()??;
        Some(self.insert(writer, hash, key, state, lane))
    }

    /// Makes an entry and links it in this lane.
    #[inline(always)]
    fn insert<'pin>(
        &self,
        writer: &mut Writing<'_, K, R>,
        hash: u64,
        key: K,
        state: State,
        lane: Lane<'_>,
    ) -> &'pin Entry<K, R> {
        let (number, fresh) = self.take_number(writer);
        let (chunk, place) = position(number);
        let entry = writer.chunks[chunk].wrapping_add(place);
        // SAFETY: the entry lies in its chunk and no word names it. One that was removed is still looked at through
        // member names, but only its state word, until that says `Empty` or `Claimed`.
        let entry = unsafe {
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
            &*entry
        };
        lane.link(hash, number);
        writer.used += 1;
        writer.live += 1;
        entry
    }

    /// Whether there is no room for another lane.
    #[inline]
    fn is_full(&self, writer: &Writing<'_, K, R>) -> bool {
        self.own_view(writer).is_none_or(|view| view.index.is_full(writer.used + 1))
    }

    /// Replaces the view by one that has twice the room for what is there.
    fn grow(&self, writer: &mut Writing<'_, K, R>, hasher: &RandomState) {
        let new = View::new(writer.live * 2 + 1, writer.made);
        for (link, chunk) in new.chunks.iter().zip(&writer.chunks) {
            link.store(*chunk, Ordering::Relaxed);
        }
        for number in 0..writer.made {
            // In the order of memory, not of the hash: this way the entries stream through the processor's cache.
            let (chunk, place) = position(number);
            let entry = writer.chunks[chunk].wrapping_add(place);
            // SAFETY: entries below `made` have been written. One that is not removed is linked, since the lock is held,
            // and so has its key.
            unsafe {
                if (*entry).state.word() != Word::Removed {
                    let mut state = hasher.build_hasher();
                    (*(*entry).key.get()).assume_init_ref().hash_into(&mut state);
                    new.index.link(state.finish(), number);
                }
            }
        }
        writer.used = writer.live;
        let old = self.view.swap(Box::into_raw(new), Ordering::AcqRel);
        if !old.is_null() {
            let old = old as usize;
            worker::retire(Box::new(move || {
                // SAFETY: made by `Box::into_raw` above, unlinked, and nobody pinned can be reading it.
                drop(unsafe { Box::from_raw(old as *mut View<K, R>) });
            }));
        }
    }

    /// The number of an unused entry, and whether it was never used.
    #[inline]
    fn take_number(&self, writer: &mut Writing<'_, K, R>) -> (u32, bool) {
        if self.has_freed.load(Ordering::Relaxed)
            && let Some(number) = self.take_freed()
        {
            return (number, false);
        }
        let number = writer.made;
        writer.made = number.checked_add(1).expect("a shard of a cache holds at most 4,294,967,295 entries");
        let (chunk, place) = position(number);
        if place == 0 {
            let entries = Vec::<Entry<K, R>>::with_capacity(chunk_len(chunk)).leak().as_mut_ptr();
            writer.chunks.push(entries);
            if let Some(view) = self.own_view(writer) {
                view.chunks[chunk].store(entries, Ordering::Release);
            }
        }
        (number, true)
    }

    #[cold]
    #[inline(never)]
    fn take_freed(&self) -> Option<u32> {
        let mut freed = lock(&self.freed);
        let number = freed.pop();
        self.has_freed.store(!freed.is_empty(), Ordering::Relaxed);
        number
    }

    fn unlink(&self, writer: &mut Writing<'_, K, R>, hash: u64, entry: &Entry<K, R>) {
        if let Some(view) = self.own_view(writer) {
            view.index.unlink(hash, entry.number);
        }
        writer.live -= 1;
    }
}

impl<K, R> Drop for Shard<K, R> {
    fn drop(&mut self) {
        // Relaxed: nobody else looks.
        let view = self.view.load(Ordering::Relaxed);
        if view.is_null() {
            return;
        }
        // SAFETY: the table is being dropped: nobody looks at the view, which came from a box.
        let view = unsafe { Box::from_raw(view) };
        for number in view.index.numbers() {
            let entry = view.entry(number);
            // SAFETY: a named entry has its key, and a ready one its value; nobody else looks at them.
            unsafe {
                (*entry.key.get()).assume_init_drop();
                if entry.state.is_ready() {
                    (*entry.value.get()).assume_init_drop();
                }
            }
        }
        for (number, chunk) in self.writer.get_mut().chunks.drain(..).enumerate() {
            // SAFETY: leaked in `take_number` with this capacity; its entries have been dropped above.
            drop(unsafe { Vec::from_raw_parts(chunk, 0, chunk_len(number)) });
        }
    }
}
