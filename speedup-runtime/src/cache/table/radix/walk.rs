//! What goes through all pages: counts, snapshots, the end.

use std::ptr::null;

use super::Pages;
use crate::cache::{
    memory::prefetch,
    table::{
        directory::Directory,
        key::Key,
        page::{PageLink, PageOf},
        slot::Word,
    },
};
#[cfg(not(loom))]
use crate::cache::{
    table::{census::Census, packed_key, radix::Place, slot::Slot},
    thread::registry::Pinned,
};
use crate::sync::{AtomicPtr, Ordering};

/// So many pages are asked for before they are counted.
const AHEAD: usize = 16;
/// Of more pages than this, one in so many is counted, wherever it is, and stands for the others.
const SAMPLED: usize = 1 << 15;
const ONE_IN: usize = 8;

impl<K: Key, R> Pages<K, R> {
    /// How many slots are ready.
    pub(in crate::cache::table) fn len(&self) -> usize {
        let mut count = 0;
        self.each_page(&mut |link| count += Self::count_in(link.page(), |word| word == Word::Ready));
        count
    }

    /// Calls `each` for all packed keys whose slots are ready, and their values.
    #[cfg(not(loom))]
    pub(in crate::cache::table) fn each_ready<'pin>(&self, _pin: Pinned<'pin>, each: &mut dyn FnMut(u64, &'pin R)) {
        let mut pages = Vec::new();
        let root = self.root.load(Ordering::Acquire).cast();
        Self::paths(root, 0, &mut [0; 4], &mut |path, page| pages.push((path, page)));
        // Pages live as long as the table.
        for (path, page) in pages {
            for index in 0..PageOf::<K, R>::SLOTS {
                // SAFETY: the page belongs to this table, which the pin keeps.
                let slot: Slot<'pin, R> = unsafe { PageOf::<K, R>::slot(page, index, 0) };
                if let Some(value) = slot.value() {
                    each(Self::packed_at(&Place { path, slot: index }), value);
                }
            }
        }
    }

    /// All pages that there were when this began, each with the path that leads to it.
    #[cfg(not(loom))]
    fn paths(at: *mut u8, level: usize, path: &mut [usize; 4], each: &mut dyn FnMut([usize; 4], *mut u8)) {
        if at.is_null() {
            return;
        }
        if level == K::COORDINATES {
            return each(*path, PageLink::of(at).page());
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
        let (mut slot, mut codes) = (place.slot, [0; 4]);
        for index in (0..K::COORDINATES).rev() {
            let bits = PageOf::<K, R>::INNER[index];
            codes[index] = (place.path[index] << bits | slot & ((1 << bits) - 1)) as u64;
            slot >>= bits;
        }
        let [a, b, c, _] = codes;
        let packed = match K::COORDINATES {
            2 => packed_key::pack([a, b]),
            3 => packed_key::pack([a, b, c]),
            4 => packed_key::pack(codes),
            _ => packed_key::pack([a]),
        };
        packed.unwrap_or_default()
    }

    /// What the pages and their directories take.
    #[cfg(not(loom))]
    pub(in crate::cache::table) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed) + self.strays.bytes()
    }

    /// Adds what is in the pages.
    #[cfg(not(loom))]
    pub(in crate::cache::table) fn census(&self, census: &mut Census) {
        self.each_page(&mut |link| {
            for index in 0..PageOf::<K, R>::SLOTS {
                // SAFETY: the page belongs to this table, which is borrowed.
                census.add(unsafe { PageOf::<K, R>::slot(link.page(), index, 0) }.state().word());
            }
        });
    }

    /// How many slots of so many pages are used, where removed values may count as well; only by who has a turn. Of many pages, an estimate.
    ///
    /// Of a large table most pages are nowhere near the processor: they are asked for some pages before they are counted.
    pub(super) fn count_used(&self, pages: usize) -> usize {
        let one_in = if pages > SAMPLED { ONE_IN } else { 1 };
        let (mut count, mut asked_for, mut next) = (0, [null::<AtomicPtr<u8>>(); AHEAD], 0);
        let mut count_in = |entry: *const AtomicPtr<u8>| {
            // SAFETY: one of a directory of this table, which is borrowed.
            let Some(entry) = (unsafe { entry.as_ref() }) else { return };
            // Relaxed: written by who has a turn.
            let link = PageLink::of(entry.load(Ordering::Relaxed));
            let used = Self::count_in(link.page(), |word| matches!(word, Word::Ready | Word::Claimed(_)));
            if used == PageOf::<K, R>::SLOTS {
                // Release: who finds the link here finds the page, too.
                entry.store(link.full().link(), Ordering::Release);
            }
            count += used;
        };
        let (mut full, mut number) = (0, 0_u64);
        let root = self.root.load(Ordering::Acquire).cast();
        Self::descend(root, K::COORDINATES, &mut |entry| {
            // Scattered, so that no order of the keys has a say in which pages are counted.
            number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
            if (number ^ number >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93) >> 32 & (one_in as u64 - 1) != 0 {
                return;
            }
            let link = PageLink::of(entry.load(Ordering::Relaxed));
            // Most pages of a table that is well used are full: they are counted once.
            if link.is_full() {
                full += 1;
                return;
            }
            prefetch::to_read(link.page());
            count_in(std::mem::replace(&mut asked_for[next], entry));
            next = (next + 1) % AHEAD;
        });
        asked_for.into_iter().for_each(count_in);
        (count + full * PageOf::<K, R>::SLOTS) * one_in
    }

    /// How many slots of a page of this table have such a word.
    fn count_in(page: *mut u8, which: impl Fn(Word) -> bool) -> usize {
        // SAFETY: the page belongs to this table, which is borrowed.
        let word = |index| unsafe { PageOf::<K, R>::slot(page, index, 0) }.state().word();
        (0..PageOf::<K, R>::SLOTS).filter(|index| which(word(*index))).count()
    }

    /// All pages that there were when this began.
    fn each_page(&self, each: &mut dyn FnMut(PageLink)) {
        let root = self.root.load(Ordering::Acquire).cast();
        let mut of_entry = |entry: &AtomicPtr<u8>| each(PageLink::of(entry.load(Ordering::Acquire)));
        Self::descend(root, K::COORDINATES, &mut of_entry);
    }

    /// Calls `each` for all entries of directories that lead to pages.
    pub(super) fn descend(at: *mut u8, levels: usize, each: &mut dyn FnMut(&AtomicPtr<u8>)) {
        if at.is_null() {
            return;
        }
        let directory = at.cast::<Directory>();
        // SAFETY: above the last level, links lead to directories of this table.
        for index in 0..unsafe { (*directory).len } {
            // SAFETY: as above.
            let Some(entry) = (unsafe { Directory::entry(directory, index) }) else { continue };
            let below = entry.load(Ordering::Acquire);
            if levels > 1 {
                Self::descend(below, levels - 1, each);
            } else if !below.is_null() {
                each(entry);
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::SAMPLED;
    use crate::{Cache, cache::thread::registry};

    #[test]
    fn of_many_pages_about_as_many_slots_are_found_used_as_are() {
        const SIDE: u32 = 800;
        let cache = Cache::from_fn(|a: u32, b: u32| (a ^ b) as u8);
        // One of each page, and all of every eighth: no order of the pages tells which of them are counted.
        let is_used = |a: u32, b: u32| (b / 4).is_multiple_of(8) || (a % 4, b % 4) == (0, 0);
        let keys = (0..SIDE).flat_map(|a| (0..SIDE).map(move |b| (a, b)));
        let used = keys.filter(|(a, b)| is_used(*a, *b)).inspect(|key| _ = cache.get(*key)).count();
        let pin = registry::current().pin();
        let pages = &cache.core().table(pin.at()).expect("it has values").pages;
        let estimate = pages.count_used(SAMPLED + 1);
        assert_ne!(estimate, used, "that would be all of them");
        assert!(estimate.abs_diff(used) < used / 20, "{estimate} of {used}");
        assert_eq!(pages.count_used(SAMPLED), used);
    }
}
