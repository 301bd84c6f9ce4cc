//! Looking at values where they are, without a clone.

use crate::cache::{
    call::state::Core,
    table::key::{Key, Lookup, Output},
    thread::registry::{self, Worker},
};

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
    #[inline(always)]
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

    /// Looks at all values. Those that come and go meanwhile are seen or not.
    pub(in crate::cache) fn each(&self, worker: &'static Worker, look: impl FnMut(&K, &R)) {
        let pin = worker.pin();
        if let Some(table) = self.table(pin.at()) {
            table.each(pin.at(), look);
        }
    }
}
