//! Integers that are too large for the pages, and so are in the hash table.
//!
//! Where values are found, one look is all. Where they are missing, as in a first pass over many, one look claims what is not there.

use crate::cache::{
    call::{
        callee::{Callee, Run},
        claim_guard::Flight,
        function::Function,
        inner::Begun,
        state::Core,
    },
    table::key::{Key, Output},
    thread::registry,
};

/// The value of a key that no page can have, computed if need be; most likely there is one.
#[inline(never)]
fn look_far<K: Key, R: Output>(
    core: &Core<K, R>,
    function: &Function<K, R>,
    key: &K,
    run: Run<K, R>,
    context: *const (),
    is_local: bool,
) -> R {
    match core.hit_lately(key) {
        Some(value) => value,
        None => miss_far(core, function, key, run, context, is_local),
    }
}

/// The same where there is no value, most likely: then most keys have no place, either, and one is made for them at once. By jumps, so that the way of a
/// miss has no more frames, and stores no more, than it needs: who makes many entries waits for the stores of those before.
#[inline(never)]
fn miss_far<K: Key, R: Output>(
    core: &Core<K, R>,
    function: &Function<K, R>,
    key: &K,
    run: Run<K, R>,
    context: *const (),
    is_local: bool,
) -> R {
    match core.file_far(key) {
        Some(flight) => Callee::of(function, run, context, is_local).run_claimed(core, key, flight),
        None => begin_far(core, function, key, run, context, is_local),
    }
}

/// The same where it takes more to make a place, or where there is one.
#[inline(never)]
fn begin_far<K: Key, R: Output>(
    core: &Core<K, R>,
    function: &Function<K, R>,
    key: &K,
    run: Run<K, R>,
    context: *const (),
    is_local: bool,
) -> R {
    let callee = Callee::of(function, run, context, is_local);
    match core.begin_far(key) {
        Begun::Value(value) => value,
        Begun::Mine(flight) => callee.run_claimed(core, key, flight),
        Begun::NotYet => core.unclaimed(callee, key),
    }
}

impl<K: Key, R: Output> Core<K, R> {
    /// The value of a key that no page can have, computed if need be. By a jump, so that the way of a miss has no more frames than it needs; and the parts
    /// of a callee one by one, in registers.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn get_far(
        &self,
        function: &Function<K, R>,
        key: &K,
        run: Run<K, R>,
        context: *const (),
        is_local: bool,
    ) -> R {
        if registry::swift().is_none_or(|worker| worker.own.lately.is_missing()) {
            miss_far(self, function, key, run, context, is_local)
        } else {
            look_far(self, function, key, run, context, is_local)
        }
    }

    /// The value of a key that no page can have, if the last one that was asked for had a value, too.
    #[cold]
    #[inline(never)]
    pub(super) fn hit_far(&self, key: &K) -> Option<R> {
        if registry::swift()?.own.lately.is_missing() {
            return None;
        }
        self.hit_lately(key)
    }

    /// The same for who has seen that it had.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn hit_lately(&self, key: &K) -> Option<R> {
        let worker = registry::swift()?;
        let pin = worker.pin_to_clone::<R>();
        let Some(value) = self.table(pin.at())?.find_far(key, pin.at()).cloned() else {
            worker.own.lately.misses();
            return None;
        };
        drop(pin);
        worker.count_hit(self.number.index(), 0);
        Some(value)
    }

    /// A claim on the slot of a key that no page can have and that has none yet, if that is made at once.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn file_far(&self, key: &K) -> Option<Flight<'_, K, R>> {
        let worker = registry::swift()?;
        let pin = worker.pin_briefly();
        let table = self.table(pin.at())?;
        let slot = table.file_at_once(key, worker, pin.at())?;
        Some(Flight::new(self, worker, table.id(), slot))
    }

    /// The value of a key that no page can have, or a claim on its slot, if that takes no more than a look.
    // Always: see `Core::begin`.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn begin_far(&self, key: &K) -> Begun<'_, K, R> {
        let Some(worker) = registry::swift() else { return Begun::NotYet };
        let pin = worker.pin_swiftly();
        let Some(table) = self.table(pin.at()) else { return Begun::NotYet };
        match table.begin_far(key, worker, pin.at()) {
            None => Begun::NotYet,
            Some((slot, true)) => Begun::Mine(Flight::new(self, worker, table.id(), slot)),
            Some((slot, false)) => {
                let Some(value) = slot.value() else { return Begun::NotYet };
                let value = value.clone();
                drop(pin);
                worker.count_hit(self.number.index(), 0);
                Begun::Value(value)
            }
        }
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
