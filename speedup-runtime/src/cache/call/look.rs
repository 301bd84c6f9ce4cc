//! Looking at values where they are, without a clone.

use std::hint::cold_path;

use crate::cache::{
    call::{claim_guard::Flight, state::Core},
    table::key::{Key, Lookup, Output},
    thread::registry::{self, Worker},
};

/// What came of a [`begin_of`](Core::begin_of).
pub(in crate::cache) enum Got<'core, K: Key, R: Output, T> {
    Taken(T),
    /// There was no value: the caller is to compute it.
    Mine(Flight<'core, K, R>),
    /// It takes another look.
    Left,
}

/// What came of a [`hit_of`](Core::hit_of).
pub(in crate::cache) enum Hit<T> {
    Taken(T),
    /// There is a table, and no value.
    Absent,
    /// It takes another look.
    Left,
}

impl<T> Hit<T> {
    pub(in crate::cache) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    pub(in crate::cache) fn taken(self) -> Option<T> {
        match self {
            Self::Taken(value) => Some(value),
            Self::Absent | Self::Left => None,
        }
    }
}

impl<K: Key, R: Output> Core<K, R> {
    /// Looks at the value of a key, if there is one.
    pub(in crate::cache) fn look<Q: Lookup<K>, T>(
        &self,
        key: Q,
        worker: &'static Worker,
        look: impl FnOnce(&R) -> T,
    ) -> Option<T> {
        let pin = worker.pin();
        let value = self.table(pin.at())?.find(key, None, pin.at())?;
        Some(look(value))
    }

    /// A [`hit`](Self::hit) that takes something of the value, if it is to be had.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn hit_of<Q: Lookup<K>, T>(&self, key: Q, take: impl FnOnce(&R) -> Option<T>) -> Hit<T> {
        let Some(worker) = registry::swift() else { return self.hit_of_slowly(key, take) };
        let pin = worker.pin_swiftly();
        let Some(table) = self.table(pin.at()) else { return Hit::Left };
        // No closure: the rest is out of line, and this is the whole of most hits.
        let value = match table.find_hinted(key, pin.at()) {
            Some(value) => value,
            None => match table.find(key, None, pin.at()) {
                Some(value) => value,
                None => return Hit::Absent,
            },
        };
        let Some(taken) = take(value) else { return Hit::Left };
        drop(pin);
        worker.count_hit(self.number.index(), key.hint().unwrap_or(0));
        Hit::Taken(taken)
    }

    /// The same on a thread that makes barriers of its own.
    #[cold]
    #[inline(never)]
    fn hit_of_slowly<Q: Lookup<K>, T>(&self, key: Q, take: impl FnOnce(&R) -> Option<T>) -> Hit<T> {
        let worker = registry::current();
        let pin = worker.pin();
        let Some(table) = self.table(pin.at()) else { return Hit::Left };
        let Some(value) = table.find(key, None, pin.at()) else { return Hit::Absent };
        let Some(taken) = take(value) else { return Hit::Left };
        drop(pin);
        worker.count_hit(self.number.index(), 0);
        Hit::Taken(taken)
    }

    /// As [`hit_of`](Self::hit_of) for keys to which there are short cuts, and by no other way.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn hinted_of<T>(&self, key: &K, take: impl FnOnce(&R) -> Option<T>) -> Option<T> {
        let hint = Key::hint(key)?;
        let Some(worker) = registry::swift() else {
            // Not one question with the one before.
            cold_path();
            return None;
        };
        let pin = worker.pin_first()?;
        let taken = take(self.table(pin.at())?.find_hinted(key, pin.at())?)?;
        drop(pin);
        worker.count_hit(self.number.index(), hint);
        Some(taken)
    }

    /// Takes something of the value of a hashed key, if it is to be had, or claims the key's slot: by one look.
    #[inline]
    pub(in crate::cache) fn begin_of<T>(
        &self,
        key: &K,
        worker: &'static Worker,
        take: impl FnOnce(&R) -> Option<T>,
    ) -> Got<'_, K, R, T> {
        let pin = worker.pin();
        let Some(table) = self.table(pin.at()) else { return Got::Left };
        match table.begin(key, None, worker, pin.at()) {
            None => Got::Left,
            Some((slot, true)) => Got::Mine(Flight::new(self, worker, table.id(), slot)),
            Some((slot, false)) => {
                let Some(taken) = slot.value().and_then(take) else { return Got::Left };
                worker.count_hit(self.number.index(), 0);
                Got::Taken(taken)
            }
        }
    }

    /// Looks at all values. Those that come and go meanwhile are seen or not.
    pub(in crate::cache) fn each(&self, worker: &'static Worker, look: impl FnMut(&K, &R)) {
        let pin = worker.pin();
        if let Some(table) = self.table(pin.at()) {
            table.each(pin.at(), look);
        }
    }
}
