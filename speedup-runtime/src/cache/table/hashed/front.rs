//! A short cut to the entries of small integers: a slot is chosen by the number itself, and leads to an entry that is compared as any
//! other. It saves the hash, and most of the way through the index.
//!
//! A slot is written when a look-up by hash has found an entry, and the slot is empty or leads to an entry that was removed; who is in it
//! stays until then. So hits of keys that share a slot write nothing.

use std::{
    alloc::{Layout, alloc, dealloc, handle_alloc_error},
    marker::PhantomData,
    ptr::{NonNull, null_mut, without_provenance_mut},
};

use super::entry::Entry;
use crate::cache::{
    memory::{epoch::Garbage, garbage},
    table::key::{Key, Lookup, Output},
    thread::registry::Pinned,
};
use crate::sync::{AtomicPtr, Ordering};

/// Slots, none before the first hit.
pub(in crate::cache::table) struct Front<K, R> {
    /// Release where it is replaced by larger ones, with the Acquire of readers.
    slots: AtomicPtr<Slots<K, R>>,
}

/// The slots, behind what a look at one needs to know, in one piece of memory: so a hit follows one pointer less.
#[repr(C)]
struct Slots<K, R> {
    /// How many there are, less one; a power of two less one.
    mask: usize,
    /// The first of them. Each is the address of an entry of the same table, or [`NOWHERE`]; [over](over) that lies a part of the hint. Release
    /// where written, after the entry was found ready; Acquire by readers.
    first: [Slot<K, R>; 0],
}

type Slot<K, R> = AtomicPtr<Entry<K, R>>;

/// Addresses have so many bits. One that has more has no slot, nor is there any where words have no room for more than an address.
const ADDRESS: u32 = if usize::BITS == 64 { 48 } else { 0 };
/// The bit above them, which is that of a slot that leads nowhere.
const NOWHERE: usize = if ADDRESS == 0 { 0 } else { 1 << ADDRESS };
/// From here on lies a part of a hint. Its lowest bits are those by which all hints of a slot are alike, and so may lie where addresses do:
/// what is left when another hint of the slot is taken off stands above.
const HINT_AT: u32 = (ADDRESS + 1).saturating_sub(LEAST.trailing_zeros());

/// No more slots than that, nor fewer.
const MOST: usize = 1 << 15;
const LEAST: usize = if cfg!(loom) { 1 } else { 64 };

impl<K: Key, R: Output> Front<K, R> {
    pub(in crate::cache::table) fn new() -> Self {
        Self { slots: AtomicPtr::new(null_mut()) }
    }

    /// The entry of a key with this hint, if its slot leads to it and it is ready.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache::table) fn find<'pin, Q: Lookup<K>>(
        &self,
        hint: u64,
        key: Q,
        pin: Pinned<'pin>,
    ) -> Option<&'pin Entry<K, R>> {
        let (slot, tag) = self.slots(pin)?.at(hint);
        let at = slot.load(Ordering::Acquire).addr() ^ tag;
        // Another hint leaves bits above an address, as a slot that leads nowhere has one.
        if ADDRESS == 0 || at >> ADDRESS != 0 {
            return None;
        }
        // SAFETY: entries live as long as their table, which is looked at under the pin; `note` has told the address.
        let entry = unsafe { &*std::ptr::with_exposed_provenance::<Entry<K, R>>(at) };
        // SAFETY: found ready.
        (entry.is_ready() && key.matches(unsafe { entry.contents(pin) }.0)).then_some(entry)
    }

    /// Has the slot of a hint lead to an entry, if that is ready and the slot is free. There are to be about so many slots.
    #[cold]
    #[inline(never)]
    pub(in crate::cache::table) fn note(&self, hint: u64, entry: &Entry<K, R>, wanted: usize, pin: Pinned<'_>) {
        let at = std::ptr::from_ref(entry).cast_mut();
        _ = at.expose_provenance();
        if ADDRESS == 0 || at.addr() >> ADDRESS != 0 || !entry.is_ready() {
            return;
        }
        let wanted = wanted.next_power_of_two().clamp(LEAST, MOST);
        let slots = match self.slots(pin) {
            Some(slots) if slots.len() >= wanted => slots,
            _ => return self.grow(wanted),
        };
        let (slot, tag) = slots.at(hint);
        let there = slot.load(Ordering::Acquire).map_addr(|there| (there ^ tag) & !(usize::MAX << ADDRESS));
        // SAFETY: as above.
        if unsafe { there.as_ref() }.is_none_or(|there| !there.is_ready()) {
            slot.store(at.map_addr(|at| at ^ tag), Ordering::Release);
        }
    }

    /// Replaces the slots by more of them, which are empty.
    fn grow(&self, len: usize) {
        unsafe fn free<K, R>(_: *const (), at: *mut ()) {
            // SAFETY: by the contracts of `Garbage::new` and `grow`.
            unsafe { Slots::<K, R>::free(at.cast()) };
        }
        let old = self.slots.load(Ordering::Acquire);
        let new = Slots::make(len);
        let swapped = self.slots.compare_exchange(old, new, Ordering::AcqRel, Ordering::Relaxed);
        let unused = if swapped.is_ok() { old } else { new };
        if !unused.is_null() {
            // SAFETY: made by `make`, and taken out of use, or never in use; nobody pinned can be reading it when it is freed.
            let garbage = unsafe { Garbage::new(std::ptr::null(), unused.cast(), free::<K, R>) };
            garbage::retire_of(len * size_of::<Slot<K, R>>(), garbage);
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn slots<'pin>(&self, _pin: Pinned<'pin>) -> Option<Current<'pin, K, R>> {
        Some(Current(NonNull::new(self.slots.load(Ordering::Acquire))?, PhantomData))
    }

    /// What the slots take.
    #[cfg(not(loom))]
    pub(in crate::cache::table) fn bytes(&self, pin: Pinned<'_>) -> usize {
        self.slots(pin).map_or(0, |slots| Slots::<K, R>::layout(slots.len()).size())
    }
}

impl<K, R> Slots<K, R> {
    /// So many empty slots, a power of two.
    fn make(len: usize) -> *mut Self {
        let layout = Self::layout(len);
        // SAFETY: the layout is that of the head with so many slots behind it, and so not of nothing.
        unsafe {
            let slots = alloc(layout).cast::<Self>();
            if slots.is_null() {
                handle_alloc_error(layout);
            }
            slots.write(Self { mask: len - 1, first: [] });
            let first = (&raw mut (*slots).first).cast::<Slot<K, R>>();
            (0..len).for_each(|at| first.add(at).write(AtomicPtr::new(without_provenance_mut(NOWHERE ^ over(at)))));
            slots
        }
    }

    /// # Safety
    /// They came from [`make`](Self::make), nobody looks at them any more, and this is called once.
    unsafe fn free(slots: *mut Self) {
        // SAFETY: by the contract; what is in a slot needs no drop, but for a model's.
        unsafe {
            let (len, first) = ((*slots).mask + 1, (&raw mut (*slots).first).cast::<Slot<K, R>>());
            (0..len).for_each(|at| first.add(at).drop_in_place());
            dealloc(slots.cast(), Self::layout(len));
        }
    }

    fn layout(len: usize) -> Layout {
        let slots = Layout::array::<Slot<K, R>>(len);
        let whole = slots.and_then(|slots| Layout::new::<Self>().extend(slots));
        whole.expect("no more than `MOST` slots").0
    }
}

/// Slots that live during the pin: those that are replaced are freed when nobody who loaded them is pinned. No reference, which would be to
/// the head alone.
struct Current<'pin, K, R>(NonNull<Slots<K, R>>, PhantomData<Pinned<'pin>>);

impl<'pin, K, R> Current<'pin, K, R> {
    fn len(&self) -> usize {
        // SAFETY: see the type.
        unsafe { self.0.as_ref() }.mask + 1
    }

    /// The slot of a hint, and what of the hint lies over an address there: so most of those that share a slot are told apart without a look
    /// at the entry.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn at(&self, hint: u64) -> (&'pin Slot<K, R>, usize) {
        let (at, slots) = (hint as usize, self.0.as_ptr());
        // SAFETY: see the type; there are so many slots behind the head.
        unsafe {
            let slot = (&raw const (*slots).first).cast::<Slot<K, R>>().add(at & (*slots).mask);
            (&*slot, over(at))
        }
    }
}

/// What of a hint lies over an address.
#[cfg_attr(not(debug_assertions), inline(always))]
const fn over(hint: usize) -> usize {
    hint << HINT_AT
}

impl<K, R> Drop for Front<K, R> {
    fn drop(&mut self) {
        // Relaxed: nobody else looks.
        let slots = self.slots.load(Ordering::Relaxed);
        if !slots.is_null() {
            // SAFETY: made by `make`, and the table is being dropped.
            unsafe { Slots::free(slots) };
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::{cell::UnsafeCell, mem::MaybeUninit};

    use super::{super::State, *};
    use crate::{cache::thread::registry, sync::AtomicU32};

    fn entry(key: u64) -> Entry<(u64,), u64> {
        Entry {
            state: State::ready(),
            number: AtomicU32::new(0),
            key: UnsafeCell::new(MaybeUninit::new((key,))),
            value: UnsafeCell::new(MaybeUninit::new(key)),
        }
    }

    #[test]
    fn a_slot_leads_to_the_entry_of_its_hint_and_to_no_other() {
        let entries: Vec<_> = (0..8).map(|n| entry(9 * n)).collect();
        let (front, pin) = (Front::new(), registry::current().pin());
        let find = |hint: u64| front.find(hint, &(hint,), pin.at());
        assert!(find(0).is_none());
        // Of these the first has the slots made, and the first slot is the only one to be noted twice.
        for n in [0, 0, 1, 2, 3, 4, 5, 6, 7] {
            front.note(9 * n, &entries[n as usize], LEAST, pin.at());
        }
        for slot in 0..LEAST as u64 {
            let own = (slot % 9 == 0).then(|| &raw const entries[slot as usize / 9]);
            assert_eq!(find(slot).map(std::ptr::from_ref), own, "{slot}");
            for bit in LEAST.trailing_zeros()..u64::BITS {
                assert!(find(slot | 1 << bit).is_none(), "{slot} and bit {bit}");
            }
        }
    }

    #[test]
    fn a_slot_is_free_again_when_its_entry_was_removed() {
        let (old, new) = (entry(5), entry(5 + LEAST as u64));
        let (front, pin) = (Front::new(), registry::current().pin());
        let find = |hint: u64| front.find(hint, &(hint,), pin.at()).map(std::ptr::from_ref);
        let note = |hint: u64, entry: &Entry<(u64,), u64>| front.note(hint, entry, LEAST, pin.at());
        (0..2).for_each(|_| note(5, &old));
        note(5 + LEAST as u64, &new);
        assert_eq!((find(5), find(5 + LEAST as u64)), (Some(&raw const old), None));
        old.state.remove();
        note(5 + LEAST as u64, &new);
        assert_eq!((find(5), find(5 + LEAST as u64)), (None, Some(&raw const new)));
    }
}
