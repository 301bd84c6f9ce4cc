//! Hashed values by where they are, for who keeps books of them: no look-up by the key, and no copy of it.

use super::{
    Table,
    hashed::{Entry, Hashed},
    key::{Key, Lookup, Output},
    slot::Slot,
};
use crate::cache::{
    memory::epoch::Urgency,
    thread::registry::{Pinned, Worker},
};

/// A value, and where it is.
pub(in crate::cache) struct Found<'pin, K, R> {
    /// The number of its table.
    pub(in crate::cache) table: u64,
    /// Names it among those of the table, see [`Table::at`].
    pub(in crate::cache) place: u32,
    /// The hash of its key.
    pub(in crate::cache) hash: u64,
    pub(in crate::cache) key: &'pin K,
    pub(in crate::cache) value: &'pin R,
    entry: &'pin Entry<K, R>,
}

/// The value of an entry that was found ready.
pub(in crate::cache) struct Placed<'pin, K, R> {
    /// Names it among those of the table.
    place: u32,
    entry: &'pin Entry<K, R>,
    pin: Pinned<'pin>,
}

impl<K, R> Clone for Placed<'_, K, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, R> Copy for Placed<'_, K, R> {}

impl<'pin, K, R> Placed<'pin, K, R> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn value(&self) -> &'pin R {
        // SAFETY: found ready.
        unsafe { self.entry.contents(self.pin) }.1
    }
}

impl<'pin, K: Key, R: Output> Found<'pin, K, R> {
    /// # Safety
    /// The entry was ready at some moment of `'pin`.
    unsafe fn new(table: u64, place: u32, hash: u64, entry: &'pin Entry<K, R>, pin: Pinned<'pin>) -> Self {
        // SAFETY: by the contract.
        let (key, value) = unsafe { entry.contents(pin) };
        Self { table, place, hash, key, value, entry }
    }

    /// Whether it has not been taken out.
    pub(in crate::cache) fn is_there(&self) -> bool {
        self.entry.is_ready()
    }
}

impl<K: Key, R: Output> Table<K, R> {
    /// The value of a key, by a short cut that there is to some that are hashed.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn find_hinted<'pin, Q: Lookup<K>>(&self, key: Q, pin: Pinned<'pin>) -> Option<&'pin R> {
        let entry = self.front.find(key.hint()?, key, pin)?;
        // SAFETY: found ready.
        Some(unsafe { entry.contents(pin) }.1)
    }

    /// Makes a short cut to the slot of a key, if there are any to such keys.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn note<Q: Lookup<K>>(&self, key: Q, slot: &Slot<'_, R>, pin: Pinned<'_>) {
        if let Some(hint) = key.hint() {
            // SAFETY: those to which there are short cuts are in entries alone.
            let entry = unsafe { Entry::<K, R>::of_slot(slot) };
            // About as many as there are entries, to the next power of two.
            self.front.note(hint, entry, self.hashed.get().map_or(0, |hashed| hashed.room(pin) / 2), pin);
        }
    }

    /// The hashed value of a key, and where it is. `None` also for one of the few beyond four billions, which have no place.
    pub(in crate::cache) fn find_place<'pin>(&self, key: &K, pin: Pinned<'pin>) -> Option<Found<'pin, K, R>> {
        let (hash, entry) = self.hashed.get()?.find_place(key, pin)?;
        let place = Hashed::place(hash, entry)?;
        // SAFETY: found ready.
        Some(unsafe { Found::new(self.id, place, hash, entry, pin) })
    }

    /// A hashed value by its slot, and where it is. It may have been taken out since.
    ///
    /// # Safety
    /// The slot is one of this table, and was ready at some moment of `'pin`.
    pub(in crate::cache) unsafe fn place_of<'pin>(
        &self,
        slot: &Slot<'pin, R>,
        pin: Pinned<'pin>,
    ) -> Option<Found<'pin, K, R>> {
        const { assert!(K::COORDINATES == 0, "keys of small integers have slots in pages, too") };
        // SAFETY: such keys are in entries alone.
        let entry = unsafe { Entry::<K, R>::of_slot(slot) };
        let hashed = self.hashed.get()?;
        // SAFETY: it was ready, by the contract.
        let hash = hashed.hash(unsafe { entry.contents(pin) }.0);
        let place = hashed.place_of(hash, entry, pin)?;
        // SAFETY: as above.
        Some(unsafe { Found::new(self.id, place, hash, entry, pin) })
    }

    /// How soon what is taken out is to be freed: there is no hurry only where several threads change the table, for which that takes long.
    #[inline]
    fn urgency_of(&self, urgency: Urgency) -> Urgency {
        if self.bias.is_shared() { urgency } else { Urgency::USUAL }
    }

    /// Looks at all hashed values. Those that come and go meanwhile are seen or not.
    #[cfg(not(loom))]
    pub(in crate::cache) fn each(&self, pin: Pinned<'_>, look: impl FnMut(&K, &R)) {
        if let Some(hashed) = self.hashed.get() {
            hashed.each(pin, look);
        }
    }

    /// Looks at all hashed values and their places. Those that come and go meanwhile are seen or not.
    #[cfg(not(loom))]
    pub(in crate::cache) fn each_place<'pin>(&self, pin: Pinned<'pin>, look: impl FnMut(Found<'pin, K, R>)) {
        let mut keys = Vec::new();
        self.each(pin, |key, _| keys.push(key.clone()));
        keys.iter().filter_map(|key| self.find_place(key, pin)).for_each(look);
    }

    /// The value at a place that was found in this table, if there is one; perhaps of another key than then.
    #[inline]
    pub(in crate::cache) fn at<'pin>(&self, place: u32, pin: Pinned<'pin>) -> Option<Placed<'pin, K, R>> {
        let entry = self.hashed.get()?.at(place, pin)?;
        Some(Placed { place, entry, pin })
    }

    /// The hash of a key by which its value is taken out. What that writes comes meanwhile, where others may have written it.
    #[inline]
    pub(in crate::cache) fn hash_at(&self, Placed { place, entry, pin }: Placed<'_, K, R>) -> u64 {
        // SAFETY: found ready.
        let key = unsafe { entry.contents(pin) }.0;
        self.hashed.get().map_or(0, |hashed| hashed.hash_at(place, key, self.bias.is_shared(), pin))
    }

    /// Has the value at a place that was found in this table come, in order to be taken out, where others may have written it.
    #[inline]
    pub(in crate::cache) fn expect(&self, place: u32, pin: Pinned<'_>) {
        if let Some(hashed) = self.hashed.get().filter(|_| self.bias.is_shared()) {
            hashed.expect(place, pin);
        }
    }

    /// Takes a value out that was found in this table, with this hash of its key, if it still is there; it is dropped when nobody can be reading it.
    ///
    /// # Safety
    /// As for [`remove`](Self::remove).
    pub(in crate::cache) unsafe fn remove_at<'pin>(
        &self,
        Placed { place, entry, pin }: Placed<'pin, K, R>,
        hash: u64,
        (me, urgency): (&Worker, Urgency),
    ) -> Option<Found<'pin, K, R>> {
        // SAFETY: passed on.
        unsafe { self.hashed.get()?.remove_at(place, entry, (hash, self.urgency_of(urgency)), || self.turn(me)) }
            .then_some(())?;
        // SAFETY: found ready.
        Some(unsafe { Found::new(self.id, place, hash, entry, pin) })
    }
}
