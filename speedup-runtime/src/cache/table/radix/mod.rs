//! Small integer keys in pages of slots, found without hashing.
//!
//! A page holds neighbouring keys: a run of 32 integers, or a tile of 16 pairs, triples or fours. Pages hang
//! in directories, one level a coordinate, so a table of any shape costs what its tiles cost. All memory is zeroed when
//! it is made, which is what empty slots and missing pages look like.
//!
//! Sparse keys must not cost memory: pages may hold only a few times as many slots as there are values, or were where
//! a page has been full, beyond a fixed allowance. Where a page is refused, its keys go to the hash table.

mod ahead;
mod allowance;
mod rules;
mod strays;
mod walk;

use std::{
    alloc::{alloc_zeroed, dealloc, handle_alloc_error},
    marker::PhantomData,
    mem::needs_drop,
};

use self::{allowance::Allowance, strays::Strays};
use super::{
    arena::Slabs,
    directory::Directory,
    page::{PageLink, PageOf},
    slot::Slot,
};
use crate::cache::{
    table::{bias::Turn, key::Key, packed_key},
    thread::registry::Pinned,
};
#[cfg(not(loom))]
use crate::seeing::limit;
use crate::sync::{AtomicPtr, AtomicUsize, Mutex, MutexGuard, Ordering, WatchedCell, lock};

/// Directories may take this many bytes beyond half of what the pages take. More would be more to go through at each count of what is used.
const FREE_DIRECTORY_BYTES: usize = 4 << 20;

/// The slots of the keys that are small integers.
pub(super) struct Pages<K: Key, R> {
    /// The directory of the first coordinate, or one of no entries, which is nobody's; null where keys have no
    /// coordinates. Written by who has a turn; Release there, Acquire by readers.
    root: AtomicPtr<Directory>,
    /// What has been allocated. It is changed, and anything linked, by who has a turn: alone, or with the lock.
    growth: WatchedCell<Growth>,
    lock: Mutex<()>,
    /// What that takes, in bytes, for who has no turn. Relaxed: a figure.
    bytes: AtomicUsize,
    /// The places of keys that were sent to the hash table for want of a page.
    strays: Strays,
    allowance: Allowance,
    keys: PhantomData<fn(K) -> R>,
}

// SAFETY: what has been allocated is changed by one thread at a time, and is memory that any thread may give back.
unsafe impl<K: Key, R> Sync for Pages<K, R> {}

#[derive(Default)]
struct Growth {
    pages: usize,
    /// The memory of the pages, and of small directories.
    memory: Slabs,
    directory_bytes: usize,
    /// Pages that may exist before the values in them are counted again.
    allowed: usize,
    /// What `patience` is to be when there are so many.
    owed: usize,
    /// Requests that were refused, or are going to be.
    strays: usize,
    /// Directories that are not [small](Directory::is_small), also those that were replaced by larger ones; freed with the table, since readers
    /// may look at them.
    apart: Vec<usize>,
}

/// Where a key is: the path through the directories, and the slot in the page.
struct Place {
    path: [usize; 4],
    slot: usize,
}

impl<K: Key, R> Pages<K, R> {
    /// No pages.
    pub(super) fn new() -> Self {
        Self {
            // Where there are no coordinates, it would be taken for a page.
            root: AtomicPtr::new(if K::COORDINATES == 0 { std::ptr::null_mut() } else { Directory::none() }),
            growth: WatchedCell::new(Growth::default()),
            lock: Mutex::new(()),
            bytes: AtomicUsize::new(0),
            strays: Strays::new(),
            allowance: Allowance::new(K::COORDINATES == 1),
            keys: PhantomData,
        }
    }

    /// The slot of a packed key, if its page has been made.
    ///
    /// Pages live as long as the table, which the pin under which it was found keeps.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn find<'pin>(&self, packed: u64, pin: Pinned<'pin>) -> Option<Slot<'pin, R>> {
        self.find_in_page(packed, pin).map(|(_, slot)| slot)
    }

    /// The same, with the link to its page.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn find_in_page<'pin>(&self, packed: u64, pin: Pinned<'pin>) -> Option<(PageLink, Slot<'pin, R>)> {
        self.find_at(&Self::place(packed), pin, || packed)
    }

    /// The same by the [codes](Key::codes) of a key.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn find_by_codes<'pin>(&self, codes: &[u64; 4], pin: Pinned<'pin>) -> Option<(PageLink, Slot<'pin, R>)> {
        let [a, b, c, d] = *codes;
        let place = match K::COORDINATES {
            2 => Self::place_of([a, b]),
            3 => Self::place_of([a, b, c]),
            4 => Self::place_of([a, b, c, d]),
            _ => Self::place_of([a]),
        };
        self.find_at(&place, pin, || packed_key::joined(codes, K::COORDINATES))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn find_at<'pin>(
        &self,
        place: &Place,
        _pin: Pinned<'pin>,
        packed: impl FnOnce() -> u64,
    ) -> Option<(PageLink, Slot<'pin, R>)> {
        let mut at = self.root.load(Ordering::Acquire).cast::<u8>();
        let mut level = 0;
        while level < K::COORDINATES {
            // The first one is never null.
            if level > 0 && at.is_null() {
                return None;
            }
            // SAFETY: the pointer came from a directory of this table, which lives as long as the table.
            at = unsafe { Directory::entry(at.cast(), place.path[level])? }.load(Ordering::Acquire);
            level += 1;
        }
        let link = PageLink::of(at);
        // SAFETY: the page belongs to this table, and a place's slot is below the number of slots.
        (!at.is_null()).then(|| unsafe { (link, PageOf::<K, R>::slot(link.page(), place.slot, packed())) })
    }

    /// The slot of a packed key, making its page unless that would waste memory; `None` sends the key to the hash
    /// table.
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    pub(super) fn find_or_make<'pin>(&self, packed: u64, turn: &Turn<'_>, pin: Pinned<'pin>) -> Option<Slot<'pin, R>> {
        self.find(packed, pin).or_else(|| {
            let _lock = self.lock_in(turn);
            let place = Self::place(packed);
            // Another thread may have made it.
            let made = if matches!(turn, Turn::Alone(_)) { None } else { self.find(packed, pin) };
            made.or_else(|| {
                // SAFETY: who is alone is the only one to change the table, and others have the lock.
                let page = self.growth.with_mut(|growth| self.make(unsafe { &mut *growth }, &place));
                if page.is_none() {
                    self.strays.add(&place.path);
                }
                // SAFETY: made just now for this place.
                page.map(|page| unsafe { PageOf::<K, R>::slot(page, place.slot, packed) })
            })
        })
    }

    /// The lock, where others may change the table as well.
    fn lock_in(&self, turn: &Turn<'_>) -> Option<MutexGuard<'_, ()>> {
        matches!(turn, Turn::Shared).then(|| lock(&self.lock))
    }

    /// Whether there is no page for a key, and none will be made for now, without the lock.
    #[inline]
    pub(super) fn refuses(&self, packed: u64, turn: &Turn<'_>, pin: Pinned<'_>) -> bool {
        // Before the first key has strayed, pages do not heed the hash table.
        if !self.strays.is_any() || self.find(packed, pin).is_some() {
            return false;
        }
        let place = Self::place(packed);
        if !self.strays.may_hold(&place.path) {
            // Threads that share a table are not to wait for each other at each place.
            let Some(_lock) = self.lock_in(turn) else { return false };
            self.strays.add_all();
        }
        if self.is_beyond(&place) {
            self.allowance.note_beyond(true);
            return true;
        }
        self.allowance.is_patient()
    }

    /// Whether the page of this slot was made when the hash table may have held some of its keys.
    #[inline]
    pub(super) fn is_mixed(&self, slot: &Slot<'_, R>, pin: Pinned<'_>) -> bool {
        self.find_in_page(slot.member(), pin).is_some_and(|(link, _)| link.is_mixed())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn place(packed: u64) -> Place {
        match K::COORDINATES {
            2 => Self::place_of(packed_key::split::<2>(packed)),
            3 => Self::place_of(packed_key::split::<3>(packed)),
            4 => Self::place_of(packed_key::split::<4>(packed)),
            _ => Self::place_of(packed_key::split::<1>(packed)),
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn place_of<const N: usize>(codes: [u64; N]) -> Place {
        let mut place = Place { path: [0; 4], slot: 0 };
        let mut index = 0;
        while index < N {
            let (code, bits) = (codes[index], PageOf::<K, R>::INNER[index]);
            place.path[index] = (code >> bits) as usize;
            place.slot = place.slot << bits | (code & ((1 << bits) - 1)) as usize;
            index += 1;
        }
        place
    }

    /// Makes the directories and the page of a place; `None` if that would cost too much.
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    fn make(&self, growth: &mut Growth, place: &Place) -> Option<*mut u8> {
        if self.is_beyond(place) {
            self.allowance.note_beyond(false);
            return None;
        }
        if growth.pages >= growth.allowed.max(Self::FREE) && !self.allow_more(growth) {
            return None;
        }
        let is_far = self.is_far(place);
        // SAFETY: a pointer to a directory pointer has the same layout as one to a byte pointer, and both are atomics.
        let mut link: &AtomicPtr<u8> = unsafe { &*(&raw const self.root).cast() };
        for step in &place.path[..K::COORDINATES] {
            let Some(directory) = Self::grow(growth, link, *step) else {
                self.note_bytes(growth);
                return None;
            };
            // SAFETY: `grow` returned a directory of this table that is longer than `step`.
            link = unsafe { Directory::entry(directory, *step)? };
        }
        self.make_page(growth, link, self.strays.may_hold(&place.path), is_far)
    }

    /// Makes a page behind a link, unless there are as many as may be made without asking.
    #[inline]
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    fn make_page(&self, growth: &mut Growth, link: &AtomicPtr<u8>, is_mixed: bool, is_far: bool) -> Option<*mut u8> {
        if growth.pages >= growth.allowed.max(Self::FREE) {
            return None;
        }
        self.allowance.note_page(PageOf::<K, R>::LAYOUT.size(), is_far);
        let page = growth.memory.take(PageOf::<K, R>::LAYOUT);
        // The values need not be anything yet, and a page with few of them leaves most of its memory untouched.
        // SAFETY: fresh memory of this layout. Only now, so that the words are in the processor's cache when they are used.
        unsafe { page.write_bytes(0, PageOf::<K, R>::VALUES_AT) };
        #[cfg(loom)]
        // SAFETY: made just now.
        unsafe {
            PageOf::<K, R>::fill(page);
        }
        link.store(PageLink::new(page, is_mixed).link(), Ordering::Release);
        growth.pages += 1;
        self.note_bytes(growth);
        #[cfg(not(loom))]
        limit::grown();
        Some(page)
    }

    /// Tells who has no turn what has been allocated.
    fn note_bytes(&self, growth: &Growth) {
        let bytes = growth.pages * PageOf::<K, R>::LAYOUT.size() + growth.directory_bytes;
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    /// The directory behind a link, made or enlarged so that it has the entry.
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    fn grow(growth: &mut Growth, link: &AtomicPtr<u8>, step: usize) -> Option<*mut Directory> {
        // Relaxed: links are written by who has a turn.
        let old = link.load(Ordering::Relaxed).cast::<Directory>();
        // SAFETY: a link that is not null leads to a directory of this table.
        let old_len = unsafe { Directory::len_of(old) };
        if step < old_len {
            return Some(old);
        }
        let len = Directory::len_for(step);
        let layout = Directory::layout(len);
        let pages = growth.pages * PageOf::<K, R>::LAYOUT.size();
        // Without its head, so that one of a power of two fits.
        if growth.directory_bytes + len * size_of::<usize>() > FREE_DIRECTORY_BYTES + pages / 2 {
            return None;
        }
        let new = Self::zeroed(growth, len).cast::<Directory>();
        // SAFETY: `new` is fresh and long enough for the entries of `old`, and nobody else links meanwhile.
        unsafe {
            (&raw mut (*new).len).write(len);
            #[cfg(loom)]
            for index in 0..len {
                let entries = (&raw mut (*new).entries).cast::<AtomicPtr<u8>>();
                entries.add(index).write(AtomicPtr::new(std::ptr::null_mut()));
            }
            for index in 0..old_len {
                if let (Some(from), Some(to)) = (Directory::entry(old, index), Directory::entry(new, index)) {
                    let link = from.load(Ordering::Relaxed);
                    // What has not been touched stays so.
                    if !link.is_null() {
                        to.store(link, Ordering::Relaxed);
                    }
                }
            }
        }
        growth.directory_bytes += layout.size();
        link.store(new.cast(), Ordering::Release);
        Some(new)
    }

    /// Zeroed memory for a directory of so many entries.
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    fn zeroed(growth: &mut Growth, len: usize) -> *mut u8 {
        let layout = Directory::layout(len);
        if Directory::is_small(len) {
            let new = growth.memory.take(layout);
            // SAFETY: fresh memory of this layout.
            unsafe { new.write_bytes(0, layout.size()) };
            return new;
        }
        // SAFETY: the layout is not empty.
        let new = unsafe { alloc_zeroed(layout) };
        if new.is_null() {
            handle_alloc_error(layout);
        }
        growth.apart.push(new as usize);
        new
    }
}

impl<K: Key, R> Drop for Pages<K, R> {
    fn drop(&mut self) {
        // Relaxed: nobody else looks.
        let root = self.root.load(Ordering::Relaxed).cast::<u8>();
        let mut drop_values = |entry: &AtomicPtr<u8>| {
            let page = PageLink::of(entry.load(Ordering::Relaxed)).page();
            for index in 0..PageOf::<K, R>::SLOTS {
                // SAFETY: nobody else looks at the page; a ready slot is initialised, and the value of a moved one is
                // dropped by who moved it.
                unsafe {
                    let slot = PageOf::<K, R>::slot(page, index, 0);
                    if slot.state().is_ready() {
                        slot.value_ptr().drop_in_place();
                    }
                }
            }
        };
        if needs_drop::<R>() {
            Self::descend(root, K::COORDINATES, &mut drop_values);
        }
        // SAFETY: nobody else looks.
        let apart = self.growth.with_mut(|growth| std::mem::take(unsafe { &mut (*growth).apart }));
        for directory in apart {
            let directory = directory as *mut Directory;
            // SAFETY: a directory of this table, which nobody else looks at; allocated in `zeroed` with this layout.
            unsafe { dealloc(directory.cast(), Directory::layout((*directory).len)) };
        }
    }
}
