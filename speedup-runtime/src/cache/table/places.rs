//! Hashed values by where they are, for who keeps books of them: no look-up by the key, and no copy of it.

use super::{
    Table,
    hashed::{Entry, Hashed},
    key::{Key, Lookup, Output},
};
use crate::cache::thread::registry::{Pinned, Worker};

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
    #[inline(always)]
    pub(in crate::cache) fn find_hinted<'pin, Q: Lookup<K>>(&self, key: Q, pin: Pinned<'pin>) -> Option<&'pin R> {
        let entry = self.hashed.get()?.find_hinted(key, pin)?;
        // SAFETY: found ready.
        Some(unsafe { entry.contents(pin) }.1)
    }

    /// The hashed value of a key, and where it is. `None` also for one of the few beyond four billions, which have no place.
    pub(in crate::cache) fn find_place<'pin>(&self, key: &K, pin: Pinned<'pin>) -> Option<Found<'pin, K, R>> {
        let (hash, entry) = self.hashed.get()?.find_place(key, pin)?;
        let place = Hashed::place(hash, entry)?;
        // SAFETY: found ready.
        Some(unsafe { Found::new(self.id, place, hash, entry, pin) })
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
    pub(in crate::cache) fn at<'pin>(&self, place: u32, pin: Pinned<'pin>) -> Option<&'pin R> {
        let entry = self.hashed.get()?.at(place, pin)?;
        // SAFETY: found ready.
        Some(unsafe { entry.contents(pin) }.1)
    }

    /// Takes the value at a place out; it is dropped when nobody can be reading it.
    ///
    /// # Safety
    /// As for [`remove`](Self::remove).
    pub(in crate::cache) unsafe fn remove_at<'pin>(
        &self,
        place: u32,
        me: &Worker,
        pin: Pinned<'pin>,
    ) -> Option<Found<'pin, K, R>> {
        // SAFETY: passed on.
        let (hash, entry) = unsafe { self.hashed.get()?.remove_at(place, || self.turn(me), pin) }?;
        // SAFETY: found ready.
        Some(unsafe { Found::new(self.id, place, hash, entry, pin) })
    }
}
