//! A hashed key with its slot.

use std::{cell::UnsafeCell, mem::MaybeUninit};

use crate::{
    cache::{
        table::{
            key::{Key, mark_of},
            slot::{HASHED, Slot, State, Word},
        },
        thread::registry::Pinned,
    },
    sync::{AtomicU32, Ordering},
};

// Below the bit of hashed slots are those that mark the key, and the address of the entry.
const MARK_AT: u32 = 48;
const ADDRESS: u64 = (1 << MARK_AT) - 1;
const MARK: u64 = !(HASHED | ADDRESS);

/// A key with its slot. In this order, so that what a hit looks at stands together where there is more behind the value.
#[repr(C)]
pub(in crate::cache::table) struct Entry<K, R> {
    pub(super) state: State,
    /// Its number; once the entry has been given back, that of the one before it, plus one. Relaxed: ordered by what leads to the entry.
    pub(super) number: AtomicU32,
    /// Initialised as long as the index names the entry and until it is unread after its removal.
    pub(super) key: UnsafeCell<MaybeUninit<K>>,
    pub(super) value: UnsafeCell<MaybeUninit<R>>,
}

impl<K, R> Entry<K, R> {
    /// The slot of a linked entry that is not reused during `'pin`.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache::table) fn slot<'pin>(&'pin self) -> Slot<'pin, R> {
        let member = std::ptr::from_ref(self) as u64 | HASHED;
        // SAFETY: entries live as long as their table, and this one stays the same.
        unsafe { Slot::new(&raw const self.state, self.value.get().cast::<R>(), member) }
    }
}

impl<K, R> Entry<K, R> {
    /// The entry of a slot.
    ///
    /// # Safety
    /// The slot is that of an entry, and of no page.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache::table) unsafe fn of_slot<'pin>(slot: &Slot<'pin, R>) -> &'pin Self {
        // SAFETY: by the contract.
        unsafe { Self::of_state(slot.state_ptr()) }
    }

    /// The entry with this state word.
    ///
    /// # Safety
    /// It is that of an entry that lives during `'pin`.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache::table) unsafe fn of_state<'pin>(state: *const State) -> &'pin Self {
        const { assert!(std::mem::offset_of!(Self, state) == 0) };
        // SAFETY: the state is what an entry begins with; `slot` has told the address of the whole.
        unsafe { &*std::ptr::with_exposed_provenance(state.addr()) }
    }

    /// Its number in its shard, while it is in use.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn number(&self) -> u32 {
        self.number.load(Ordering::Relaxed)
    }

    /// The key and the value of an entry that is ready.
    ///
    /// # Safety
    /// The entry was ready at some moment of `'pin`.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache::table) unsafe fn contents<'pin>(&'pin self, _pin: Pinned<'pin>) -> (&'pin K, &'pin R) {
        // SAFETY: what was ready under a pin has its key and its value until the pin ends.
        unsafe { ((*self.key.get()).assume_init_ref(), (*self.value.get()).assume_init_ref()) }
    }

    /// Whether it is ready still.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache::table) fn is_ready(&self) -> bool {
        self.state.is_ready()
    }
}

/// The name of a hashed slot for others, who may come when the entry has another key.
pub(in crate::cache::table) fn name_of<K: Key>(member: u64, key: &K) -> u64 {
    member | u64::from(mark_of(key)) << MARK_AT
}

/// What marks the key in the name of a hashed slot.
pub(in crate::cache::table) fn mark_in(member: u64) -> u16 {
    ((member & MARK) >> MARK_AT) as u16
}

/// The slot behind a member's name, unless the entry has been, or is being, given to another key.
///
/// # Safety
/// The name was given by a table that is current under the caller's pin.
pub(in crate::cache::table) unsafe fn slot_of<'pin, K: Key, R: 'pin>(
    member: u64,
    pin: Pinned<'pin>,
) -> Option<Slot<'pin, R>> {
    let entry = (member & ADDRESS) as *const Entry<K, R>;
    // SAFETY: by the contract the entry's chunk is allocated, and entries are never made invalid.
    let slot = unsafe { (*entry).slot() };
    match slot.state().word() {
        Word::Empty | Word::Claimed(_) => {
            // SAFETY: by the contract; a linked entry has its key, and keeps it while the pin lasts.
            let key = unsafe { key_of::<K, R>(member, pin) };
            (name_of(member & !MARK, key) == member).then_some(slot)
        }
        Word::Ready | Word::Moved | Word::Removed => None,
    }
}

/// The key behind a member's name.
///
/// # Safety
/// As for [`slot_of`], and the slot was empty or claimed under the pin: then the entry is linked, so its key is there.
pub(in crate::cache::table) unsafe fn key_of<K, R>(member: u64, _pin: Pinned<'_>) -> &K {
    let entry = (member & ADDRESS) as *const Entry<K, R>;
    // SAFETY: by the contract.
    unsafe { (*(*entry).key.get()).assume_init_ref() }
}
