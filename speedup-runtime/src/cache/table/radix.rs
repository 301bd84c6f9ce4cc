//! Small integer keys in pages of slots, found without hashing.
//!
//! A page holds up to 1,024 neighbouring keys: a run of integers, or a square (cube) tile of pairs (triples). Pages hang
//! in directories, one level a coordinate, so a table of any shape costs what its tiles cost. All memory is zeroed when
//! it is made, which is what empty slots and missing pages look like.
//!
//! Sparse keys must not cost memory: pages may hold at most four times as many slots as there are values, or were where
//! a page has been full, beyond a fixed allowance. Where a page is refused, its keys go to the hash table.

use std::{
    alloc::{alloc_zeroed, dealloc, handle_alloc_error},
    marker::PhantomData,
    mem::needs_drop,
    ptr::{NonNull, null_mut},
};

use super::{
    arena::Slabs,
    directory::Directory,
    page::{PageHeader, PageOf},
    slot::{Slot, State, Word},
};
#[cfg(not(loom))]
use crate::cache::table::census::Census;
use crate::cache::{
    table::{key::Key, packed_key},
    thread::registry::Pinned,
};
#[cfg(not(loom))]
use crate::seeing::limit;
use crate::sync::{AtomicBool, AtomicPtr, AtomicUsize, Mutex, Ordering, lock};

/// This many pages are made without asking how full the others are: as many as a recursion over a plane comes through before it
/// fills the first. On a line most of the first ones are full.
const FREE_PAGES: usize = if cfg!(loom) { 1 } else { 128 };
const FREE_PAGES_ON_A_LINE: usize = if cfg!(loom) { 1 } else { 16 };
/// A count of the values in pages that shows them to be badly used is good for so many requests a page: it takes about as
/// long as that many nanoseconds.
const PATIENCE: usize = if cfg!(loom) { 0 } else { 32 };
/// Directories may take this many bytes beyond what the pages take.
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
    /// The memory of the pages.
    memory: Slabs,
    directory_bytes: usize,
    /// Pages that may exist before the values in them are counted again.
    allowed: usize,
    /// What `patience` is to be when there are so many.
    owed: usize,
    /// Directories that were replaced by larger ones; freed with the table, since readers may look at them.
    outgrown: Vec<usize>,
}

/// Where a key is: the path through the directories, and the slot in the page.
struct Place {
    path: [usize; 3],
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
    #[inline(always)]
    pub(super) fn find<'pin>(&self, packed: u64, pin: Pinned<'pin>) -> Option<Slot<'pin, R>> {
        self.find_in_page(packed, pin).map(|(_, slot)| slot)
    }

    /// The same, with the header of its page.
    #[inline(always)]
    pub(super) fn find_in_page<'pin>(
        &self,
        packed: u64,
        _pin: Pinned<'pin>,
    ) -> Option<(&'pin PageHeader, Slot<'pin, R>)> {
        let place = Self::place(packed);
        let mut at = self.root.load(Ordering::Acquire).cast::<u8>();
        for step in &place.path[..K::COORDINATES] {
            let directory = NonNull::new(at)?.cast::<Directory>();
            // SAFETY: the pointer came from a directory of this table, which lives as long as the table.
            at = unsafe { Directory::entry(directory.as_ptr(), *step)? }.load(Ordering::Acquire);
        }
        // SAFETY: the page belongs to this table, and a place's slot is below the number of slots.
        (!at.is_null()).then(|| unsafe { (&*at.cast(), PageOf::slot(at, place.slot, packed)) })
    }

    /// The slot of a packed key, making its page unless that would waste memory; `None` sends the key to the hash
    /// table.
    pub(super) fn find_or_make<'pin>(&self, packed: u64, pin: Pinned<'pin>) -> Option<Slot<'pin, R>> {
        self.find(packed, pin).or_else(|| {
            let mut growth = lock(&self.growth);
            if self.find(packed, pin).is_none() && self.make(&mut growth, &Self::place(packed)).is_none() {
                self.strayed.store(true, Ordering::Relaxed);
                return None;
            }
            self.find(packed, pin)
        })
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
    pub(super) fn is_mixed(&self, slot: &Slot<'_, R>) -> bool {
        let index = Self::place(slot.member()).slot;
        let header = (slot.address() - PageOf::<R>::STATES_AT - index * size_of::<State>()) as *const PageHeader;
        // SAFETY: the slot belongs to a page of this table, whose header lies before its state words.
        unsafe { &*header }.is_mixed()
    }

    /// How many slots are ready.
    pub(super) fn len(&self) -> usize {
        let _growth = lock(&self.growth);
        let mut count = 0;
        self.each_page(&mut |page| count += Self::count_in(page, |word| word == Word::Ready));
        count
    }

    /// Calls `each` for all packed keys whose slots are ready, and their values.
    #[cfg(not(loom))]
    pub(super) fn each_ready<'pin>(&self, _pin: Pinned<'pin>, each: &mut dyn FnMut(u64, &'pin R)) {
        let mut pages = Vec::new();
        {
            let _growth = lock(&self.growth);
            let root = self.root.load(Ordering::Acquire).cast();
            Self::paths(root, 0, &mut [0; 3], &mut |path, page| pages.push((path, page)));
        }
        // Users' code runs without the lock; pages live as long as the table.
        for (path, page) in pages {
            for index in 0..PageOf::<R>::SLOTS {
                // SAFETY: the page belongs to this table, which the pin keeps.
                let slot: Slot<'pin, R> = unsafe { PageOf::<R>::slot(page, index, 0) };
                if let Some(value) = slot.value() {
                    each(Self::packed_at(&Place { path, slot: index }), value);
                }
            }
        }
    }

    /// All pages, each with the path that leads to it; the growth lock is held.
    #[cfg(not(loom))]
    fn paths(at: *mut u8, level: usize, path: &mut [usize; 3], each: &mut dyn FnMut([usize; 3], *mut u8)) {
        if at.is_null() {
            return;
        }
        if level == K::COORDINATES {
            return each(*path, at);
        }
        let directory = at.cast::<Directory>();
        // SAFETY: above the last level, links lead to directories of this table.
        for index in 0..unsafe { (*directory).len } {
            path[level] = index;
            // SAFETY: as above.
            if let Some(entry) = unsafe { Directory::entry(directory, index) } {
                Self::paths(entry.load(Ordering::Acquire), level + 1, path, each);
            }
        }
    }

    /// The packed key whose [`place`](Self::place) this is.
    #[cfg(not(loom))]
    fn packed_at(place: &Place) -> u64 {
        let bits = PageOf::<R>::BITS;
        let join = |high: usize, low: usize, bits: u32| (high << bits | low) as u64;
        let ([first, second, third], slot) = (place.path, place.slot);
        let low = |code: usize, bits: u32| code & ((1 << bits) - 1);
        match K::COORDINATES {
            2 => {
                let (inner, outer) = (bits.div_ceil(2), bits / 2);
                let (a, b) = (join(first, slot >> inner, outer), join(second, low(slot, inner), inner));
                packed_key::two(a, b).unwrap_or_default()
            }
            3 => {
                let (inner, middle, outer) = (bits.div_ceil(3), (bits - bits.div_ceil(3)).div_ceil(2), bits / 3);
                let (x, y, z) = (slot >> (middle + inner), low(slot >> inner, middle), low(slot, inner));
                let (a, b, c) = (join(first, x, outer), join(second, y, middle), join(third, z, inner));
                packed_key::three(a, b, c).unwrap_or_default()
            }
            _ => join(first, slot, bits),
        }
    }

    /// What the pages and their directories take.
    #[cfg(not(loom))]
    pub(super) fn bytes(&self) -> usize {
        let growth = lock(&self.growth);
        growth.pages * PageOf::<R>::LAYOUT.size() + growth.directory_bytes
    }

    /// Adds what is in the pages.
    #[cfg(not(loom))]
    pub(super) fn census(&self, census: &mut Census) {
        let _growth = lock(&self.growth);
        self.each_page(&mut |page| {
            for index in 0..PageOf::<R>::SLOTS {
                // SAFETY: the page belongs to this table, which is borrowed.
                census.add(unsafe { PageOf::<R>::slot(page, index, 0) }.state().word());
            }
        });
    }

    #[inline(always)]
    fn place(packed: u64) -> Place {
        let bits = PageOf::<R>::BITS;
        let split = |code: u64, bits: u32| ((code >> bits) as usize, (code & ((1 << bits) - 1)) as usize);
        match K::COORDINATES {
            2 => {
                let [a, b] = packed_key::split_two(packed);
                let (inner, outer) = (bits.div_ceil(2), bits / 2);
                let ((a, row), (b, column)) = (split(a, outer), split(b, inner));
                Place { path: [a, b, 0], slot: row << inner | column }
            }
            3 => {
                let [a, b, c] = packed_key::split_three(packed);
                let (inner, middle, outer) = (bits.div_ceil(3), (bits - bits.div_ceil(3)).div_ceil(2), bits / 3);
                let ((a, x), (b, y), (c, z)) = (split(a, outer), split(b, middle), split(c, inner));
                Place { path: [a, b, c], slot: (x << middle | y) << inner | z }
            }
            _ => {
                let (page, slot) = split(packed, bits);
                Place { path: [page, 0, 0], slot }
            }
        }
    }

    /// So many pages are made without asking how full the others are.
    const FREE: usize = if K::COORDINATES == 1 { FREE_PAGES_ON_A_LINE } else { FREE_PAGES };

    /// Makes the directories and the page of a place; `None` if that would cost too much.
    fn make(&self, growth: &mut Growth, place: &Place) -> Option<()> {
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
        let page = growth.memory.take(PageOf::<R>::LAYOUT);
        // The values need not be anything yet, and a page with few of them leaves most of its memory untouched.
        // SAFETY: fresh memory of this layout. Only now, so that the words are in the processor's cache when they are used.
        unsafe { page.write_bytes(0, PageOf::<R>::VALUES_AT) };
        #[cfg(loom)]
        // SAFETY: made just now.
        unsafe {
            PageOf::<R>::fill(page);
        }
        // SAFETY: the header is at the start of the fresh page.
        unsafe {
            (*page.cast::<PageHeader>()).mixed.store(u32::from(self.strayed.load(Ordering::Relaxed)), Ordering::Relaxed)
        };
        link.store(page, Ordering::Release);
        growth.pages += 1;
        #[cfg(not(loom))]
        limit::grown();
        Some(())
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
        let len = (step + 1).next_power_of_two().max(if cfg!(loom) { 1 } else { 16 });
        let layout = Directory::layout(len);
        let pages = growth.pages * PageOf::<R>::LAYOUT.size();
        if growth.directory_bytes + layout.size() > FREE_DIRECTORY_BYTES + 2 * pages {
            return None;
        }
        // SAFETY: the layout is not empty.
        let new = unsafe { alloc_zeroed(layout) }.cast::<Directory>();
        if new.is_null() {
            handle_alloc_error(layout);
        }
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
        if !old.is_null() {
            growth.outgrown.push(old as usize);
        }
        link.store(new.cast(), Ordering::Release);
        Some(new)
    }

    /// Counts the values in the pages, not at each request: where they are well used, when there are a quarter more of
    /// them, and otherwise now and then.
    fn allow_more(&self, growth: &mut Growth) -> bool {
        let owed = std::mem::take(&mut growth.owed);
        if owed > 0 {
            self.patience.store(owed, Ordering::Relaxed);
        }
        if self.is_patient() {
            return false;
        }
        let used = self.count_used();
        growth.allowed = Self::FREE + 4 * used / PageOf::<R>::SLOTS;
        if growth.allowed < growth.pages + growth.pages / 4 {
            growth.owed = PATIENCE * growth.pages;
        }
        growth.pages < growth.allowed
    }

    /// How many slots are used, where removed values may count as well; the growth lock is held.
    fn count_used(&self) -> usize {
        let mut count = 0;
        self.each_page(&mut |page| {
            // SAFETY: the page belongs to this table, which is borrowed, and begins with its header.
            let full = unsafe { &(*page.cast::<PageHeader>()).full };
            // Most pages of a table that is well used are full: they are counted once.
            if full.load(Ordering::Relaxed) != 0 {
                count += PageOf::<R>::SLOTS;
                return;
            }
            let used = Self::count_in(page, |word| matches!(word, Word::Ready | Word::Claimed(_)));
            full.store(u32::from(used == PageOf::<R>::SLOTS), Ordering::Relaxed);
            count += used;
        });
        count
    }

    /// How many slots of a page of this table have such a word.
    fn count_in(page: *mut u8, which: impl Fn(Word) -> bool) -> usize {
        // SAFETY: the page belongs to this table, which is borrowed.
        let word = |index| unsafe { PageOf::<R>::slot(page, index, 0) }.state().word();
        (0..PageOf::<R>::SLOTS).filter(|index| which(word(*index))).count()
    }

    /// All pages; the growth lock is held.
    fn each_page(&self, each: &mut dyn FnMut(*mut u8)) {
        Self::descend(self.root.load(Ordering::Acquire).cast(), K::COORDINATES, each, &mut |_| {});
    }

    fn descend(at: *mut u8, levels: usize, each: &mut dyn FnMut(*mut u8), leave: &mut dyn FnMut(*mut Directory)) {
        if at.is_null() {
            return;
        }
        if levels == 0 {
            return each(at);
        }
        let directory = at.cast::<Directory>();
        // SAFETY: above the last level, links lead to directories of this table.
        for index in 0..unsafe { (*directory).len } {
            // SAFETY: as above.
            if let Some(entry) = unsafe { Directory::entry(directory, index) } {
                Self::descend(entry.load(Ordering::Acquire), levels - 1, each, leave);
            }
        }
        leave(directory);
    }
}

impl<K: Key, R> Drop for Pages<K, R> {
    fn drop(&mut self) {
        // Relaxed: nobody else looks.
        let root = self.root.load(Ordering::Relaxed).cast::<u8>();
        let mut directories = Vec::new();
        let mut drop_values = |page: *mut u8| {
            for index in 0..if needs_drop::<R>() { PageOf::<R>::SLOTS } else { 0 } {
                // SAFETY: nobody else looks at the page; a ready slot is initialised, and the value of a moved one is
                // dropped by who moved it.
                unsafe {
                    let slot = PageOf::<R>::slot(page, index, 0);
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
            // SAFETY: allocated in `grow` with the layout of its length.
            unsafe { dealloc(directory.cast(), Directory::layout((*directory).len)) };
        }
    }
}
