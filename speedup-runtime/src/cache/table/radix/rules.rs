//! Which pages are made: those that will be used, by what is known so far.
//!
//! A page that has one value for good costs a fault of memory, and so does its place in a large directory: each as much as several keys in the hash
//! table. So pages stand near others, directories are as large as keys have paid for, and once there are many pages they have to be well used.

use super::{Growth, Pages, Place};
use crate::{
    cache::{
        table::{
            bias::Alone,
            directory::Directory,
            key::Key,
            page::PageOf,
            slot::{Slot, State},
        },
        thread::registry::Pinned,
    },
    sync::{AtomicPtr, Ordering},
};

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
/// A page is far if the first directory has nothing within so many places, which are a line of the processor's cache.
const NEAR: usize = 8;

impl<K: Key, R> Pages<K, R> {
    /// So many pages are made without asking how full the others are.
    pub(super) const FREE: usize = {
        let bytes = if K::COORDINATES == 1 { FREE_PAGE_BYTES_ON_A_LINE } else { FREE_PAGE_BYTES };
        let pages = bytes / PageOf::<K, R>::LAYOUT.size();
        if pages > FREE_PAGES { pages } else { FREE_PAGES }
    };

    /// Pages may hold so many times as many slots as there are values.
    const SLOTS_A_VALUE: usize = {
        let slots = BYTES_A_VALUE / (size_of::<State>() + size_of::<R>());
        if slots > SLOTS_A_LARGE_VALUE { slots } else { SLOTS_A_LARGE_VALUE }
    };

    /// Makes the page of a key, and finds its slot, where no key has strayed, its directories are there, and pages may be made without asking: as most
    /// are.
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    pub(in crate::cache::table) fn make_at_once<'pin>(
        &self,
        packed: u64,
        alone: &Alone<'_>,
        pin: Pinned<'pin>,
    ) -> Option<Slot<'pin, R>> {
        if self.strays.is_any() {
            return None;
        }
        let place = Self::place(packed);
        let (mut at, mut link) = (self.root.load(Ordering::Relaxed), None);
        for step in &place.path[..K::COORDINATES] {
            // SAFETY: what is not null is a directory of this table, and so are the links of those above the last level.
            let Some(entry): Option<&AtomicPtr<u8>> = (unsafe { Directory::entry_of(at, *step) }) else {
                return self.make_with_directories(packed, alone, pin);
            };
            (at, link) = (entry.load(Ordering::Relaxed).cast(), Some(entry));
        }
        // Beyond a line, the first directory has something at this very place.
        if !at.is_null() || K::COORDINATES == 1 && self.is_far(&place) {
            return None;
        }
        // SAFETY: who is alone is the only one to change the table.
        let page = self.growth.with_mut(|growth| self.make_page(unsafe { &mut *growth }, link?, false, false));
        // SAFETY: made just now for this place.
        page.map(|page| unsafe { PageOf::<K, R>::slot(page, place.slot, packed) })
    }

    /// The same where directories are yet to be made, too, if that may be done without asking.
    #[inline(never)]
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    fn make_with_directories<'pin>(
        &self,
        packed: u64,
        _alone: &Alone<'_>,
        _pin: Pinned<'pin>,
    ) -> Option<Slot<'pin, R>> {
        let place = Self::place(packed);
        if K::COORDINATES == 1 || self.is_beyond(&place) {
            return None;
        }
        let page = self.growth.with_mut(|growth| {
            // SAFETY: who is alone is the only one to change the table.
            let growth = unsafe { &mut *growth };
            if growth.pages < growth.allowed.max(Self::FREE) { self.make(growth, &place) } else { None }
        });
        // SAFETY: made just now for this place.
        page.map(|page| unsafe { PageOf::<K, R>::slot(page, place.slot, packed) })
    }

    /// Whether the page of a place would be far from all others, or lead to a directory that is too large.
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    pub(super) fn is_beyond(&self, place: &Place) -> bool {
        if !self.allowance.may_be_far() && self.is_far(place) {
            return true;
        }
        let mut at = self.root.load(Ordering::Acquire);
        for step in &place.path[..K::COORDINATES] {
            // SAFETY: what is not null is a directory of this table, which lives as long as the table; and so are the links of those
            // above the last level.
            let (len, below) = unsafe { (Directory::len_of(at), Directory::entry_of(at, *step)) };
            if *step >= len && !self.allowance.can_pay(Directory::layout_for(*step).size()) {
                return true;
            }
            at = below.map_or(std::ptr::null_mut(), |below| below.load(Ordering::Acquire).cast());
        }
        false
    }

    /// Whether the first directory has nothing near a place.
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    pub(super) fn is_far(&self, place: &Place) -> bool {
        let (root, step) = (self.root.load(Ordering::Acquire), place.path[0]);
        let has_none = |step| {
            // SAFETY: a directory of this table, which lives as long as the table.
            unsafe { Directory::entry_of(root, step) }.is_none_or(|link| link.load(Ordering::Relaxed).is_null())
        };
        // The nearest first: mostly there is one.
        (0..=NEAR).all(|off| has_none(step + off) && has_none(step.saturating_sub(off)))
    }

    /// Counts the values in the pages, not at each request: where they are well used, when there are a quarter more of
    /// them, and otherwise now and then.
    pub(super) fn allow_more(&self, growth: &mut Growth) -> bool {
        let owed = std::mem::take(&mut growth.owed);
        if owed > 0 {
            self.allowance.be_patient(owed);
            growth.strays += owed;
        }
        if self.allowance.is_patient() {
            return false;
        }
        let used = self.count_used(growth.pages);
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
