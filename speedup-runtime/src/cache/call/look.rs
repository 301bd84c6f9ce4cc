//! Looking at values where they are, without a clone.

use crate::cache::{
    call::state::Core,
    table::key::{Key, Lookup, Output},
    thread::registry::{self, Worker},
};

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
    pub(in crate::cache) fn hit_of<Q: Lookup<K>, T>(&self, key: Q, take: impl FnOnce(&R) -> Option<T>) -> Option<T> {
        let Some(worker) = registry::swift() else { return self.hit_of_slowly(key, take) };
        let pin = worker.pin_swiftly();
        let value = take(self.table(pin.at())?.find(key, None, pin.at())?)?;
        drop(pin);
        worker.count_hit(self.number.index(), 0);
        Some(value)
    }

    /// The same on a thread that makes barriers of its own.
    #[cold]
    #[inline(never)]
    fn hit_of_slowly<Q: Lookup<K>, T>(&self, key: Q, take: impl FnOnce(&R) -> Option<T>) -> Option<T> {
        let worker = registry::current();
        let pin = worker.pin();
        let value = take(self.table(pin.at())?.find(key, None, pin.at())?)?;
        drop(pin);
        worker.count_hit(self.number.index(), 0);
        Some(value)
    }

    /// Looks at all values. Those that come and go meanwhile are seen or not.
    pub(in crate::cache) fn each(&self, worker: &'static Worker, look: impl FnMut(&K, &R)) {
        let pin = worker.pin();
        if let Some(table) = self.table(pin.at()) {
            table.each(pin.at(), look);
        }
    }
}
