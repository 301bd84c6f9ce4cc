//! Several keys at once: groups, forecasts, all of an iterator.

use crate::cache::{
    api::cache::Cache,
    fork::{ahead, fork_join},
    table::key::{Key, Lookup, Output},
    thread::registry,
};

impl<K: Key, R: Output> Cache<K, R> {
    /// The values of keys that do not need each other: what `#[cache]` makes of several recursive calls.
    ///
    /// Where a call is worth it, the members run in parallel and in any order.
    ///
    /// # Panics
    /// As [`get`](Self::get), for one of the keys whose call panics.
    // Always: as `get`.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn group<const N: usize>(&self, keys: [K::Args; N]) -> [R; N] {
        self.group_of(keys.map(K::of))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn group_of<const N: usize>(&self, keys: [K; N]) -> [R; N] {
        if !self.shares_group() {
            let mut results = [const { None }; N];
            for (result, key) in results.iter_mut().zip(&keys) {
                *result = Some(self.core().get(self.function.callee(), key));
            }
            return results.map(|result| result.expect("every member of a group has its result"));
        }
        self.group_shared(&keys)
    }

    /// The same, shown to others; out of line, to keep the frames of bodies small.
    #[inline(never)]
    fn group_shared<const N: usize>(&self, keys: &[K; N]) -> [R; N] {
        let (mut results, mut scratch) = ([const { None }; N], [0; N]);
        fork_join::compute(self.core(), self.function.callee(), keys, &mut results, &mut scratch, false);
        results.map(|result| result.expect("every member of a group has its result"))
    }

    /// Lets a body say which of its own calls it will make next: what `#[cache]` writes before them.
    ///
    /// The forecast is given a function to name keys with. It is run only where sharing calls out is worth it; then those
    /// that are missing are computed in parallel and in any order. A forecast that panics has named the keys up to there.
    /// What it names wrongly costs time, and changes no result.
    ///
    /// Where panics abort the process, it does nothing.
    // Always: as `get`.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn ahead(&self, forecast: impl FnOnce(&(dyn Fn(K::Args) + Sync))) {
        if self.shares_group() {
            self.ahead_shared(forecast);
        }
    }

    /// The same, where it is worth it; out of line, to keep the frames of bodies small.
    #[cold]
    #[inline(never)]
    fn ahead_shared(&self, forecast: impl FnOnce(&(dyn Fn(K::Args) + Sync))) {
        ahead::run(self.core(), self.function.callee(), forecast);
    }

    /// As [`group`](Self::group), for keys that are only borrowed.
    ///
    /// # Panics
    /// As [`group`](Self::group).
    #[inline]
    pub fn group_ref<Q: Lookup<K>, const N: usize>(&self, keys: [Q; N]) -> [R; N] {
        if !self.shares_group() {
            return keys.map(|key| self.get_ref(key));
        }
        self.group_of(keys.map(Lookup::to_key))
    }

    /// Whether the members of the next group may come to be shown to others, or are to be looked up together.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn shares_group(&self) -> bool {
        // What lies in a store is fetched together, shared or not.
        self.function.docked.is_some() || self.core().may_share(&self.function, registry::current())
    }

    /// The values of all keys, evaluated in parallel where it is worth it, in the order of the keys.
    ///
    /// # Panics
    /// As [`get`](Self::get), for one of the keys whose call panics.
    ///
    /// # Examples
    /// ```
    /// use speedup_runtime::Cache;
    ///
    /// let squares = Cache::from_fn(|n: u64| n * n);
    /// assert_eq!(squares.get_all((0..4).map(|n| (n,))), [0, 1, 4, 9]);
    /// ```
    pub fn get_all(&self, keys: impl IntoIterator<Item = K::Args>) -> Vec<R> {
        let keys: Vec<K> = keys.into_iter().map(K::of).collect();
        let mut results = Vec::new();
        results.resize_with(keys.len(), || None);
        fork_join::compute(self.core(), self.function.callee(), &keys, &mut results, &mut vec![0; keys.len()], true);
        results.into_iter().map(|result| result.expect("every member of a group has its result")).collect()
    }
}
