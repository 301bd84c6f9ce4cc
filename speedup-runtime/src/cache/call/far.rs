//! Integers that are too large for the pages, and so are in the hash table.
//!
//! Where values are found, one look is all. Where they are missing, as in a first pass over many, a look waits for memory, and so does the next one behind it: there the
//! processor is only told what will be looked at, and fetches that while the call is begun.

use crate::cache::{
    call::state::Core,
    table::key::{Key, Output},
    thread::registry,
};

impl<K: Key, R: Output> Core<K, R> {
    /// The value of a key that no page can have, if the last one that was asked for had a value, too.
    #[cold]
    #[inline(never)]
    pub(super) fn hit_far(&self, key: &K) -> Option<R> {
        let worker = registry::swift()?;
        let pin = worker.pin_swiftly();
        let table = self.table(pin.at())?;
        if worker.own.lately.is_missing() {
            table.fetch(key, pin.at());
            return None;
        }
        let Some(value) = table.find_strayed(key, pin.at()).cloned() else {
            worker.own.lately.misses();
            return None;
        };
        drop(pin);
        worker.count_hit(self.number.index(), 0);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use crate::{Cache, cache::thread::registry};

    #[test]
    fn each_key_is_computed_once_and_found_whatever_the_last_one_was() {
        let (cache, far) = (Cache::from_fn(|n: u64| n ^ 1), |n: u64| n << 40 | 1 << 63);
        let misses = || registry::current().own.lately.is_missing();
        let ask = |range: std::ops::Range<u64>| range.for_each(|n| assert_eq!(cache.get((far(n),)), far(n) ^ 1));
        ask(0..100);
        // By whom the thread's pins make no barriers: others do not come by.
        let is_swift = registry::swift().is_some();
        assert_eq!(misses(), is_swift, "the next is likely to be missing");
        ask(0..100);
        assert!(!misses(), "the next is likely to be there");
        (100..200).for_each(|n| ask(n - 100..n - 99));
        (100..200).for_each(|n| ask(n - 1..n + 1));
        let stats = cache.stats();
        assert_eq!((stats.computed, stats.hits), (200, 300));
    }
}
