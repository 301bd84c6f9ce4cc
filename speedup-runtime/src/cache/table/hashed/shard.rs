//! A part of the hash table, with a lock of its own.

use std::{
    cell::UnsafeCell,
    hash::{BuildHasher, Hasher},
    mem::{MaybeUninit, needs_drop},
    ptr::null_mut,
    sync::Arc,
};

#[cfg(loom)]
pub(super) use foldhash::fast::FixedState as RandomState;
#[cfg(not(loom))]
pub(super) use foldhash::fast::RandomState;

use super::{
    entry::Entry,
    index::Lane,
    memory::Memory,
    view::{View, chunk_len},
    writer::{Missing, Refused, Writer, Writing},
};
use crate::cache::{
    memory::prefetch,
    table::{
        bias::{Alone, Turn},
        key::{Key, Lookup, Output},
        slot::{State, Word},
    },
    thread::registry::Pinned,
};
use crate::sync::{AtomicPtr, AtomicU32, AtomicU64, Brief, Ordering};

/// A part of the table, chosen by the hash.
#[repr(align(128))]
pub(super) struct Shard<K, R> {
    /// Never null once the first entry is there. Written by the writer; Release there, Acquire by readers.
    view: AtomicPtr<View<K, R>>,
    /// Reached through [`Shard::write`] alone.
    writer: UnsafeCell<Writer<K, R>>,
    /// How many entries were ever linked. Release by the writer, Acquire by who looks for a key.
    linked: AtomicU64,
    /// Held by writers, unless the table is theirs alone.
    writing: Brief<()>,
    /// The entry that was given back last, as its number plus one, and through it all others since the writer has taken them; 0 for none.
    /// Release by who gives one back, Acquire by the writer, who takes all.
    pub(super) freed: AtomicU32,
    /// The first of the entries that were given back and taken over by the writer, as its number plus one; 0 for none. Relaxed: only the writer
    /// writes it, and others look at it in order to have the entry's line come.
    pub(super) unused: AtomicU32,
    /// Whether views that are outgrown stay until the shard goes, see [`View::outgrown`]. Otherwise they are retired.
    keeps: bool,
    /// Where the larger part of its entries and indexes lies.
    pub(super) memory: Arc<Memory>,
}

// SAFETY: the writer is reached by one thread at a time, see `Shard::write`, and everything else is `Sync`. Keys and
// values are shared among threads and dropped on any.
unsafe impl<K: Send + Sync, R: Send + Sync> Sync for Shard<K, R> {}

impl<K: Key, R: Output> Shard<K, R> {
    /// An empty shard.
    pub(super) fn new(keeps: bool, memory: Arc<Memory>) -> Self {
        Self {
            view: AtomicPtr::new(null_mut()),
            writer: UnsafeCell::new(Writer {
                chunks: Vec::new(),
                made: 0,
                fresh: null_mut()..null_mut(),
                room: 0,
                gone: 0,
            }),
            linked: AtomicU64::new(0),
            writing: Brief::new(()),
            freed: AtomicU32::new(0),
            unused: AtomicU32::new(0),
            keeps,
            memory,
        }
    }

    #[inline]
    pub(super) fn view<'pin>(&self, _pin: Pinned<'pin>) -> Option<&'pin View<K, R>> {
        // SAFETY: a view lives while readers that loaded it are pinned.
        unsafe { self.view.load(Ordering::Acquire).as_ref() }
    }

    /// Makes the caller the only writer.
    #[inline]
    pub(super) fn write<'a>(&'a self, turn: &'a Turn<'_>) -> Writing<'a, K, R> {
        let _lock = match turn {
            Turn::Alone(_) => None,
            Turn::Shared => Some(self.writing.lock()),
        };
        // SAFETY: nobody else comes here during the turn of a thread that is alone, which begins no second turn meanwhile and
        // ends one borrow before the next; all others hold the lock. The borrow ends before either does.
        Writing { writer: unsafe { &mut *self.writer.get() }, _lock }
    }

    /// The same for who is alone.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn write_alone<'a>(&'a self, _alone: &'a Alone<'_>) -> Writing<'a, K, R> {
        // SAFETY: as above.
        Writing { writer: unsafe { &mut *self.writer.get() }, _lock: None }
    }

    /// The view, for the writer.
    #[inline]
    pub(super) fn own_view(&self, _writer: &Writing<'_, K, R>) -> Option<&View<K, R>> {
        // SAFETY: only the writer replaces the view.
        unsafe { self.view.load(Ordering::Relaxed).as_ref() }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn find<'pin, Q: Lookup<K>>(
        &self,
        hash: u64,
        key: Q,
        pin: Pinned<'pin>,
    ) -> Result<&'pin Entry<K, R>, Missing<'pin, K, R>> {
        let view = self.view(pin).ok_or(Missing { at: None })?;
        let found = view.index.find(hash, |number| {
            let entry = view.entry(number);
            // SAFETY: a named entry has its key, and is not reused while the reader is pinned.
            unsafe { key.matches((*entry.key.get()).assume_init_ref()).then_some(entry) }
        });
        found.map_err(|lane| Missing { at: Some((view, lane)) })
    }

    /// How many entries were ever linked: for who looks for a key, and then makes its entry in the [`place`](Self::place) that was found.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn linked(&self) -> u64 {
        self.linked.load(Ordering::Acquire)
    }

    /// Whether the shard has to grow before another entry is made.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn is_full(&self, writer: &Writing<'_, K, R>) -> bool {
        writer.room == 0
    }

    /// How many entries are linked.
    fn live(&self, writer: &Writing<'_, K, R>) -> usize {
        // Relaxed: written by writers alone.
        (self.linked.load(Ordering::Relaxed) - writer.gone) as usize
    }

    /// Has the lines come that every writer writes.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn expect(&self) {
        prefetch::to_write(&raw const self.writing);
        prefetch::to_write(&raw const self.writer);
    }

    /// Has the lines come that [`insert`](Self::insert) writes.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn expect_insert(&self, missing: &Missing<'_, K, R>) {
        self.expect();
        let Some((view, lane)) = &missing.at else { return };
        lane.expect_link();
        if let Some(number) = self.unused.load(Ordering::Relaxed).checked_sub(1) {
            view.expect(number);
        }
    }

    /// Where the entry of a key that was missing goes, if none has been linked since: so many were before the key was looked for.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn place<'pin>(
        &self,
        writer: &Writing<'_, K, R>,
        missing: Missing<'pin, K, R>,
        before: u64,
    ) -> Result<Lane<'pin>, Refused> {
        if self.is_full(writer) {
            return Err(Refused::Full);
        }
        let same = |view| self.own_view(writer).is_some_and(|own| std::ptr::eq(own, view));
        // Relaxed: written by writers alone.
        let is_unchanged = self.linked.load(Ordering::Relaxed) == before;
        let at = missing.at.filter(|(view, _)| is_unchanged && same(*view));
        at.map(|(_, lane)| lane).ok_or(Refused::Changed)
    }

    /// Makes an entry, with a value if it is ready, and links it in this lane.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn insert<'pin>(
        &self,
        writer: &mut Writing<'_, K, R>,
        hash: u64,
        key: K,
        (state, value): (State, Option<R>),
        lane: Lane<'_>,
    ) -> &'pin Entry<K, R> {
        let numbers = writer.made;
        let entry = self.make(writer, key, state, value);
        lane.link(hash, entry.number());
        // An entry that was never used takes a number, of which a view has no more than room.
        writer.room -= usize::from(lane.is_new() || writer.made != numbers);
        self.count_linked();
        entry
    }

    /// As [`insert`](Self::insert), by who is alone, for a key that is seen to have no entry in the tags alone; if there is room, and an entry that was never used.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn insert_at_once<'pin>(
        &self,
        hash: u64,
        key: &K,
        state: State,
        alone: &Alone<'_>,
    ) -> Option<&'pin Entry<K, R>> {
        let Writing { writer, .. } = self.write_alone(alone);
        // SAFETY: only the writer replaces the view.
        let view = unsafe { self.view.load(Ordering::Relaxed).as_ref() }?;
        if writer.room == 0 || self.has_unused() {
            return None;
        }
        let (entry, number) = writer.next_fresh()?;
        let lane = view.index.find_free(hash)?;
        writer.take(entry);
        // SAFETY: the entry lies in its chunk and nobody names it.
        let entry = unsafe {
            let key = UnsafeCell::new(MaybeUninit::new(key.to_key()));
            let value = UnsafeCell::new(MaybeUninit::uninit());
            entry.write(Entry { state, key, value, number: AtomicU32::new(number) });
            &*entry
        };
        lane.link(hash, number);
        writer.room -= 1;
        self.count_linked();
        Some(entry)
    }

    /// One more was linked, by the writer.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn count_linked(&self) {
        // Release: who sees this sees the link.
        self.linked.store(self.linked.load(Ordering::Relaxed) + 1, Ordering::Release);
    }

    /// Puts a new entry with a value in the place of one that is linked and ready.
    pub(super) fn replace(
        &self,
        writer: &mut Writing<'_, K, R>,
        hash: u64,
        old: &Entry<K, R>,
        key: K,
        value: Option<R>,
    ) {
        let new = self.make(writer, key, State::ready(), value);
        if let Some(view) = self.own_view(writer) {
            view.index.replace(hash, old.number(), new.number());
        }
        // It takes no lane, but a number: a view names the chunks of no more entries than there was room for.
        writer.room -= 1;
        old.state.remove();
    }

    /// An entry that is not linked yet.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn make<'pin>(&self, writer: &mut Writing<'_, K, R>, key: K, state: State, value: Option<R>) -> &'pin Entry<K, R> {
        let reused = self.take_unused(writer);
        // SAFETY: the entry lies in its chunk and no word names it. One that was removed is still looked at through
        // member names, but only its state word, until that says `Empty` or `Claimed`.
        unsafe {
            if let Some(entry) = reused {
                (*(*entry).key.get()).write(key);
                if let Some(value) = value {
                    (*(*entry).value.get()).write(value);
                }
                (*entry).state.renew(state);
                &*entry
            } else {
                let (entry, number) = self.take_fresh(writer);
                let value = value.map_or_else(MaybeUninit::uninit, MaybeUninit::new);
                let key = UnsafeCell::new(MaybeUninit::new(key));
                entry.write(Entry { state, key, value: UnsafeCell::new(value), number: AtomicU32::new(number) });
                &*entry
            }
        }
    }

    /// Replaces the view by one that has twice the room for what is there, if there is no room. Keys are hashed while others
    /// may change the shard, since that is users' code. `None` without a turn.
    #[cold]
    #[inline(never)]
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first_hashed"))]
    pub(super) fn grow<'a>(
        &self,
        hasher: &RandomState,
        turn: &dyn Fn() -> Option<Turn<'a>>,
        _pin: Pinned<'_>,
    ) -> Option<()> {
        let (old, mut new, made, chunks) = {
            let turn = turn()?;
            let writer = self.write(&turn);
            if writer.room > 0 {
                return Some(());
            }
            let new = View::new(self.live(&writer) * 2 + 1, writer.made, &self.memory);
            (self.view.load(Ordering::Relaxed), new, writer.made, writer.chunks.clone())
        };
        // Nothing is inserted or replaced meanwhile, since there is no room.
        let linked = Self::link_all(&new, made, &chunks, hasher);
        let turn = turn()?;
        let mut writer = self.write(&turn);
        // Of several who come here one is first.
        if self.view.load(Ordering::Relaxed) == old {
            // Where some were removed since they were linked, there are fewer left.
            if linked != self.live(&writer) {
                new.index.retain(|number| new.entry(number).state.word() != Word::Removed);
            }
            writer.room = new.index.room() - linked;
            if self.keeps {
                new.outgrown = old;
            }
            self.view.store(Box::into_raw(new), Ordering::Release);
            drop(writer);
            drop(turn);
            if !self.keeps {
                // SAFETY: it was the view until just now.
                unsafe { View::retire(old) };
            }
        }
        Some(())
    }

    /// Links the entries that are not removed, and says how many those are.
    fn link_all(new: &View<K, R>, made: u32, chunks: &[*mut Entry<K, R>], hasher: &RandomState) -> usize {
        for (link, chunk) in new.chunks.iter().zip(chunks) {
            link.store(*chunk, Ordering::Relaxed);
        }
        let (mut first, mut linked) = (0, 0);
        // In the order of memory, not of the hash: this way the entries stream through the processor's cache.
        for (chunk, entries) in chunks.iter().enumerate() {
            let made = (made - first).min(chunk_len(chunk) as u32);
            for place in 0..made {
                // SAFETY: entries below `made` have been written. One that is not removed has its key, which is not dropped
                // before this thread's pin ends.
                unsafe {
                    let entry = &*entries.add(place as usize);
                    if entry.state.word() != Word::Removed {
                        let mut state = hasher.build_hasher();
                        (*entry.key.get()).assume_init_ref().hash_into(&mut state);
                        new.index.link(state.finish(), first + place);
                        linked += 1;
                    }
                }
            }
            first += made;
        }
        linked
    }

    /// Takes an entry out of use that is ready, or claimed by the caller.
    pub(super) fn unlink(&self, writer: &mut Writing<'_, K, R>, hash: u64, entry: &Entry<K, R>) {
        if let Some(view) = self.own_view(writer) {
            view.index.unlink(hash, entry.number());
        }
        writer.gone += 1;
        entry.state.remove();
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
        let numbers = (needs_drop::<K>() || needs_drop::<R>()).then(|| view.index.numbers());
        for number in numbers.into_iter().flatten() {
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
            if Self::large(chunk_len(number)).is_none() {
                // SAFETY: leaked in `add_chunk` with this capacity; its entries have been dropped above.
                drop(unsafe { Vec::from_raw_parts(chunk, 0, chunk_len(number)) });
            }
        }
    }
}
