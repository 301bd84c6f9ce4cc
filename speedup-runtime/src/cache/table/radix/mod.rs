//! Small integer keys in pages of slots, found without hashing.
//!
//! A page holds neighbouring keys: a run of 32 integers, or a tile of 16 pairs, triples or fours. Pages hang
//! in directories, one level a coordinate, so a table of any shape costs what its tiles cost. All memory is zeroed when
//! it is made, which is what empty slots and missing pages look like.
//!
//! Sparse keys must not cost memory: pages may hold only a few times as many slots as there are values, or were where
//! a page has been full, beyond a fixed allowance. Where a page is refused, its keys go to the hash table.

mod walk;

use std::{
    alloc::{alloc_zeroed, dealloc, handle_alloc_error},
    marker::PhantomData,
    mem::needs_drop,
    ptr::{NonNull, null_mut},
};

use super::{
    arena::Slabs,
    directory::Directory,
    page::{PageLink, PageOf},
    slot::{Slot, State},
};
use crate::cache::{
    table::{key::Key, packed_key},
    thread::registry::Pinned,
};
#[cfg(not(loom))]
use crate::seeing::limit;
use crate::sync::{AtomicBool, AtomicPtr, AtomicUsize, Mutex, Ordering, lock};

/// So many bytes of pages are made without asking how full they are: as many as a recursion over a plane comes through before it
/// fills the first. On a line most of the first ones are full, and fewer are enough.
const FREE_PAGE_BYTES: usize = if cfg!(loom) { 0 } else { 3 << 19 };
const FREE_PAGE_BYTES_ON_A_LINE: usize = FREE_PAGE_BYTES / 4;
/// At least so many pages are.
const FREE_PAGES: usize = if cfg!(loom) { 1 } else { 64 };
/// Then pages may have so many bytes of slots for each value: about twice what a key takes in the hash table, and a look at a page takes a
/// fraction of the time. Over sets of up to twenty things, as the bits of a number, a recursion has eight times as many slots as values for a
/// while. Of large values there may be four slots for each.
const BYTES_A_VALUE: usize = 120;
const SLOTS_A_LARGE_VALUE: usize = 4;
/// Beyond these, each key that was sent to the hash table pays for so many bytes of pages: a recursion that goes deep before it goes wide
/// comes through most pages before it has filled any. Less on a line, where most of those that are not filled soon never are.
const BYTES_A_STRAY: usize = 768;
const BYTES_A_STRAY_ON_A_LINE: usize = 192;
/// Pages that are not well used take no more bytes than this.
const FREE_BYTES: usize = if cfg!(loom) { 0 } else { 3 << 20 };
/// A count of the values in pages that shows them to be badly used is good for one request for so many slots: it takes about as
/// long as those.
const PATIENCE: usize = if cfg!(loom) { usize::MAX } else { 32 };
/// A directory has at least so many entries.
const FEWEST: usize = 4;
/// Directories may take this many bytes beyond half of what the pages take: the first keys on a line have pages up to about 2^24. More would be
/// more to go through at each count of what is used.
const FREE_DIRECTORY_BYTES: usize = 4 << 20;

/// The slots of the keys that are small integers.
pub(super) struct Pages<K: Key, R> {
    /// The directory of the first coordinate, or null. Written under `growth`; Release there, Acquire by readers.
    root: AtomicPtr<Directory>,
    /// What has been allocated; its lock is held while anything is linked.
    growth: Mutex<Growth>,
    /// Whether any key was ever sent to the hash table for want of a page. Written under `growth`, and never taken back.
    strayed: AtomicBool,
    /// So many requests are refused before the values are counted again; 0 while there are fewer pages than allowed.
    /// Written by who holds `growth` or alone changes the table.
    patience: AtomicUsize,
    keys: PhantomData<fn(K) -> R>,
}

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
    /// Directories that were replaced by larger ones, and are not [small](Directory::is_small); freed with the table, since readers may look
    /// at them.
    outgrown: Vec<usize>,
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
            root: AtomicPtr::new(null_mut()),
            growth: Mutex::new(Growth::default()),
            strayed: AtomicBool::new(false),
            patience: AtomicUsize::new(0),
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
    pub(super) fn find_in_page<'pin>(&self, packed: u64, _pin: Pinned<'pin>) -> Option<(PageLink, Slot<'pin, R>)> {
        let place = Self::place(packed);
        let mut at = self.root.load(Ordering::Acquire).cast::<u8>();
        for step in &place.path[..K::COORDINATES] {
            let directory = NonNull::new(at)?.cast::<Directory>();
            // SAFETY: the pointer came from a directory of this table, which lives as long as the table.
            at = unsafe { Directory::entry(directory.as_ptr(), *step)? }.load(Ordering::Acquire);
        }
        let link = PageLink::of(at);
        // SAFETY: the page belongs to this table, and a place's slot is below the number of slots.
        (!at.is_null()).then(|| unsafe { (link, PageOf::<K, R>::slot(link.page(), place.slot, packed)) })
    }

    /// The slot of a packed key, making its page unless that would waste memory; `None` sends the key to the hash
    /// table.
    pub(super) fn find_or_make<'pin>(&self, packed: u64, pin: Pinned<'pin>) -> Option<Slot<'pin, R>> {
        self.find(packed, pin).or_else(|| {
            let mut growth = lock(&self.growth);
            let place = Self::place(packed);
            self.find(packed, pin).or_else(|| {
                let page = self.make(&mut growth, &place);
                if page.is_none() {
                    self.strayed.store(true, Ordering::Relaxed);
                }
                // SAFETY: made just now for this place.
                page.map(|page| unsafe { PageOf::<K, R>::slot(page, place.slot, packed) })
            })
        })
    }

    /// The slot of a packed key that is certain to be its own, in a page that is made if need be; none once keys have strayed.
    pub(super) fn find_or_make_own<'pin>(&self, packed: u64, pin: Pinned<'pin>) -> Option<Slot<'pin, R>> {
        if self.strayed.load(Ordering::Relaxed) {
            return None;
        }
        self.find_or_make(packed, pin)?;
        // Another thread may have made it, after a key had strayed.
        self.find_in_page(packed, pin).filter(|(link, _)| !link.is_mixed()).map(|(_, slot)| slot)
    }

    /// Whether there is no page for a key, and none will be made for now. Only for who alone changes the table.
    #[inline]
    pub(super) fn refuses(&self, packed: u64, pin: Pinned<'_>) -> bool {
        // Before the first key has strayed, pages do not heed the hash table.
        self.strayed.load(Ordering::Relaxed) && self.find(packed, pin).is_none() && self.is_patient()
    }

    /// Whether a request for a page is refused without counting.
    fn is_patient(&self) -> bool {
        let patience = self.patience.load(Ordering::Relaxed);
        self.patience.store(patience.saturating_sub(1), Ordering::Relaxed);
        patience > 0
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

    /// So many pages are made without asking how full the others are.
    const FREE: usize = {
        let bytes = if K::COORDINATES == 1 { FREE_PAGE_BYTES_ON_A_LINE } else { FREE_PAGE_BYTES };
        let pages = bytes / PageOf::<K, R>::LAYOUT.size();
        if pages > FREE_PAGES { pages } else { FREE_PAGES }
    };

    /// Pages may hold so many times as many slots as there are values.
    const SLOTS_A_VALUE: usize = {
        let slots = BYTES_A_VALUE / (size_of::<State>() + size_of::<R>());
        if slots > SLOTS_A_LARGE_VALUE { slots } else { SLOTS_A_LARGE_VALUE }
    };

    /// Makes the directories and the page of a place; `None` if that would cost too much.
    fn make(&self, growth: &mut Growth, place: &Place) -> Option<*mut u8> {
        if growth.pages >= growth.allowed.max(Self::FREE) && !self.allow_more(growth) {
            return None;
        }
        // SAFETY: a pointer to a directory pointer has the same layout as one to a byte pointer, and both are atomics.
        let mut link: &AtomicPtr<u8> = unsafe { &*(&raw const self.root).cast() };
        for step in &place.path[..K::COORDINATES] {
            let directory = Self::grow(growth, link, *step)?;
            // SAFETY: `grow` returned a directory of this table that is longer than `step`.
            link = unsafe { Directory::entry(directory, *step)? };
        }
        let page = growth.memory.take(PageOf::<K, R>::LAYOUT);
        // The values need not be anything yet, and a page with few of them leaves most of its memory untouched.
        // SAFETY: fresh memory of this layout. Only now, so that the words are in the processor's cache when they are used.
        unsafe { page.write_bytes(0, PageOf::<K, R>::VALUES_AT) };
        #[cfg(loom)]
        // SAFETY: made just now.
        unsafe {
            PageOf::<K, R>::fill(page);
        }
        link.store(PageLink::new(page, self.strayed.load(Ordering::Relaxed)).link(), Ordering::Release);
        growth.pages += 1;
        #[cfg(not(loom))]
        limit::grown();
        Some(page)
    }

    /// The directory behind a link, made or enlarged so that it has the entry.
    fn grow(growth: &mut Growth, link: &AtomicPtr<u8>, step: usize) -> Option<*mut Directory> {
        // Relaxed: links are written under the lock that is held.
        let old = link.load(Ordering::Relaxed).cast::<Directory>();
        // SAFETY: a link that is not null leads to a directory of this table.
        let old_len = if old.is_null() { 0 } else { unsafe { (*old).len } };
        if step < old_len {
            return Some(old);
        }
        let len = (step + 1).next_power_of_two().max(if cfg!(loom) { 1 } else { FEWEST });
        let layout = Directory::layout(len);
        let pages = growth.pages * PageOf::<K, R>::LAYOUT.size();
        if growth.directory_bytes + layout.size() > FREE_DIRECTORY_BYTES + pages / 2 {
            return None;
        }
        let new = Self::zeroed(growth, len).cast::<Directory>();
        // SAFETY: `new` is fresh and long enough for the entries of `old`, and nobody links while the lock is held.
        unsafe {
            (&raw mut (*new).len).write(len);
            #[cfg(loom)]
            for index in 0..len {
                let entries = (&raw mut (*new).entries).cast::<AtomicPtr<u8>>();
                entries.add(index).write(AtomicPtr::new(null_mut()));
            }
            for index in 0..old_len {
                if let (Some(from), Some(to)) = (Directory::entry(old, index), Directory::entry(new, index)) {
                    to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
                }
            }
        }
        growth.directory_bytes += layout.size();
        if !Directory::is_small(old_len) {
            growth.outgrown.push(old as usize);
        }
        link.store(new.cast(), Ordering::Release);
        Some(new)
    }

    /// Zeroed memory for a directory of so many entries.
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
        new
    }

    /// Counts the values in the pages, not at each request: where they are well used, when there are a quarter more of
    /// them, and otherwise now and then.
    fn allow_more(&self, growth: &mut Growth) -> bool {
        let owed = std::mem::take(&mut growth.owed);
        if owed > 0 {
            self.patience.store(owed, Ordering::Relaxed);
            growth.strays += owed;
        }
        if self.is_patient() {
            return false;
        }
        let used = self.count_used();
        let size = PageOf::<K, R>::LAYOUT.size();
        let paid = if K::COORDINATES == 1 { BYTES_A_STRAY_ON_A_LINE } else { BYTES_A_STRAY } * growth.strays / size;
        let free = (Self::FREE + paid).min((FREE_BYTES / size).max(Self::FREE));
        growth.allowed = free + Self::SLOTS_A_VALUE * used / PageOf::<K, R>::SLOTS;
        if growth.allowed < growth.pages + growth.pages / 4 {
            growth.owed = growth.pages * PageOf::<K, R>::SLOTS / PATIENCE;
        }
        growth.pages < growth.allowed
    }
}

impl<K: Key, R> Drop for Pages<K, R> {
    fn drop(&mut self) {
        // Relaxed: nobody else looks.
        let root = self.root.load(Ordering::Relaxed).cast::<u8>();
        let mut directories = Vec::new();
        let mut drop_values = |entry: &AtomicPtr<u8>| {
            let page = PageLink::of(entry.load(Ordering::Relaxed)).page();
            for index in 0..if needs_drop::<R>() { PageOf::<K, R>::SLOTS } else { 0 } {
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
        Self::descend(root, K::COORDINATES, &mut drop_values, &mut |directory| directories.push(directory as usize));
        directories.append(&mut lock(&self.growth).outgrown);
        for directory in directories {
            let directory = directory as *mut Directory;
            // SAFETY: a directory of this table, which nobody else looks at.
            let len = unsafe { (*directory).len };
            if !Directory::is_small(len) {
                // SAFETY: allocated in `zeroed` with this layout.
                unsafe { dealloc(directory.cast(), Directory::layout(len)) };
            }
        }
    }
}
