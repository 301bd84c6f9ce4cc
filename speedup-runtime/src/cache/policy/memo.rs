//! The values of a function in a field: without policies, or with them.

use std::{fmt, time::Duration};

use once_cell::race::OnceBox;

use super::{
    cache::PolicyCache,
    held::{Held, Holds},
    put_in::{Copied, PutIn},
    rules::Rules,
};
use crate::{
    cache::{
        api::{cache::Cache, context::Body},
        bound::{Hashed, Stored},
        call::function::Function,
        table::key::{Key, Lookup, Output},
    },
    seeing::{report::Kind, stats::Stats},
};

/// The values of a function that belong to one value of another type: a field of it.
///
/// `#[cache(field = memo)]` on a method keeps its results in `self.memo`, so that they live and die with `self`. One pointer in
/// size until it is used. A clone is empty, since what has been computed of the original need not be true of its copy.
///
/// # Examples
/// ```
/// use speedup_runtime::Memo;
///
/// #[derive(Clone, Default)]
/// struct Grid {
///     width: u64,
///     memo: Memo<(u64,), u64>,
/// }
///
/// let grid = Grid { width: 4, ..Grid::default() };
/// assert_eq!(grid.memo.get_with((3,), |(n,): &(u64,)| n * grid.width), 12);
/// assert_eq!((grid.memo.len(), grid.clone().memo.len()), (1, 0));
/// ```
pub struct Memo<K, R> {
    cache: OnceBox<Held<K, R>>,
}

impl<K, R> Memo<K, R> {
    /// No values yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { cache: OnceBox::new() }
    }
}

impl<K: Key, R: Output> Memo<K, R> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn cache(&self) -> Option<&Cache<K, R>> {
        Held::find(self.cache.get(), Holds::Function)?.cache()
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn policies(&self) -> Option<&PolicyCache<K, R>> {
        Held::find(self.cache.get(), Holds::Policies)?.policies()
    }

    /// What was put in before it was known of which function.
    fn put_in(&self) -> Option<&PutIn<K, R>> {
        Held::find(self.cache.get(), Holds::PutIn)?.put_in()
    }

    /// The cache with policies, made if need be: what `#[cache(field = .., capacity = ..)]` writes. The rules of whoever comes first hold.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn with_policies(
        &self,
        rules: impl Fn() -> Rules<K, R>,
        describe: impl Fn() -> Function<Hashed<K>, Stored<R>>,
    ) -> &PolicyCache<K, R> {
        match self.policies() {
            Some(cache) => cache,
            None => self.made_with_policies(rules, describe),
        }
    }

    /// The value of a key, computed if need be by this body. As [`Cache::get_with`].
    ///
    /// # Panics
    /// As [`Cache::get`].
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn get_with<B: Body<K, R>>(&self, key: K, body: B) -> R {
        self.get_as(key, || Function::of_context("memo"), body)
    }

    /// The same for a function of which more is known: what `#[cache(field = ..)]` writes.
    ///
    /// # Panics
    /// As [`Cache::get`].
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn get_as<B: Body<K, R>>(&self, key: K, describe: impl Fn() -> Function<K, R>, body: B) -> R {
        match self.cache() {
            Some(cache) => cache.get_with(key, body),
            None => self.made(describe).get_with(key, body),
        }
    }

    /// The same for a key that is only borrowed.
    ///
    /// # Panics
    /// As [`Cache::get`].
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn get_ref_as<Q: Lookup<K>, B: Body<K, R>>(&self, key: Q, describe: impl Fn() -> Function<K, R>, body: B) -> R {
        match self.cache() {
            Some(cache) => cache.get_ref_with(key, body),
            None => self.made(describe).get_ref_with(key, body),
        }
    }

    #[cold]
    #[inline(never)]
    fn made(&self, describe: impl Fn() -> Function<K, R>) -> &Cache<K, R> {
        let cache = Cache::owned(describe(), Kind::Memo);
        let copied = self.copy_put_in(|key, value| _ = cache.insert_key(key, value));
        let (held, is_first) = Held::add(&self.cache, Held::plain(cache));
        let cache = held.cache().expect("a cache of a function");
        if is_first {
            self.move_put_in(&copied, |key, value| cache.insert_key(key, value));
        }
        cache
    }

    #[cold]
    #[inline(never)]
    fn made_with_policies(
        &self,
        rules: impl Fn() -> Rules<K, R>,
        describe: impl Fn() -> Function<Hashed<K>, Stored<R>>,
    ) -> &PolicyCache<K, R> {
        let (cache, mut told) = (PolicyCache::owned(describe(), rules(), Kind::Memo), Vec::new());
        let copied = self.copy_put_in(|key, value| cache.fill(key, value, &mut told));
        let (held, is_first) = Held::add(&self.cache, Held::with_policies(cache));
        let cache = held.policies().expect("a cache with policies");
        if is_first {
            cache.shared.tell_all(told);
            self.move_put_in(&copied, |key, value| cache.insert_key(key, value));
        }
        cache
    }

    fn copy_put_in(&self, insert: impl FnMut(K, R)) -> Copied<R> {
        self.put_in().map_or_else(Copied::default, |put_in| put_in.copy_to(insert))
    }

    fn move_put_in(&self, copied: &Copied<R>, insert: impl Fn(K, R) -> Option<R>) {
        if let Some(put_in) = self.put_in() {
            put_in.move_rest(copied, insert);
        }
    }

    /// Puts a value in, and returns the one that was there. See [`Cache::insert`].
    ///
    /// It may be put in before the function has been called.
    ///
    /// # Examples
    /// ```
    /// use speedup_runtime::Memo;
    ///
    /// let memo: Memo<(u64,), u64> = Memo::new();
    /// assert_eq!(memo.insert((3,), 9), None);
    /// assert_eq!(memo.get_with((3,), |(n,): &(u64,)| *n), 9);
    /// assert_eq!(memo.insert((3,), 10), Some(9));
    /// ```
    pub fn insert(&self, key: K::Args, value: R) -> Option<R> {
        let is_used = || self.cache().is_some() || self.policies().is_some();
        if !is_used() {
            let held = Held::find(self.cache.get(), Holds::PutIn);
            let held = held.unwrap_or_else(|| Held::add(&self.cache, Held::of_put_in(PutIn::new())).0);
            let put_in = held.put_in().expect("what is put in");
            let old = put_in.insert(K::of(key.clone()), value.clone());
            if !is_used() {
                return old;
            }
            K::with(&key, |key| put_in.remove(key));
        }
        let plain = self.cache().and_then(|cache| cache.insert(key.clone(), value.clone()));
        self.policies().and_then(|cache| cache.insert(key, value)).or(plain)
    }

    /// The value of a key if it is there; never computes.
    pub fn peek(&self, key: &K::Args) -> Option<R> {
        let plain = self.cache().and_then(|cache| cache.peek(key));
        plain.or_else(|| K::with(key, |key| self.put_in()?.peek(key))).or_else(|| self.policies()?.peek(key))
    }

    /// Whether the value of a key is there; never computes.
    pub fn contains(&self, key: &K::Args) -> bool {
        self.cache().is_some_and(|cache| cache.contains(key))
            || self.put_in().is_some_and(|put_in| K::with(key, |key| put_in.contains(key)))
            || self.policies().is_some_and(|cache| cache.contains(key))
    }

    /// The value of a key if it is there and younger than this; never computes. Only the values of functions with bounds or ages have an age.
    pub fn get_if_fresh(&self, key: &K::Args, younger_than: Duration) -> Option<R> {
        self.policies()?.get_if_fresh(key, younger_than)
    }

    /// How long ago the value of a key was computed or put in. Only the values of functions with bounds or ages have an age.
    pub fn age(&self, key: &K::Args) -> Option<Duration> {
        self.policies()?.age(key)
    }

    /// Forgets a key, and returns its value if it was there.
    pub fn remove(&self, key: &K::Args) -> Option<R> {
        let put_in = self.put_in().and_then(|put_in| K::with(key, |key| put_in.remove(key)));
        let plain = self.cache().and_then(|cache| cache.remove(key)).or(put_in);
        self.policies().and_then(|cache| cache.remove(key)).or(plain)
    }

    /// Forgets everything and frees the memory: to be called where the value that the results are about has changed.
    pub fn clear(&self) {
        if let Some(put_in) = self.put_in() {
            put_in.clear();
        }
        if let Some(cache) = self.cache() {
            cache.clear();
        }
        if let Some(cache) = self.policies() {
            cache.clear();
        }
    }

    /// How many values there are. O(n).
    #[must_use]
    pub fn len(&self) -> usize {
        let put_in = self.put_in().map_or(0, PutIn::len);
        put_in + self.cache().map_or(0, Cache::len) + self.policies().map_or(0, PolicyCache::len)
    }

    /// Whether there is no value. O(n).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What has been done so far; of functions with bounds and ages, if there are both. O(n).
    #[must_use]
    pub fn stats(&self) -> Stats {
        let plain = || self.cache().map_or_else(Stats::default, |cache| cache.stats());
        self.policies().map_or_else(plain, PolicyCache::stats)
    }

    /// A copy of all keys and values, in no order. See [`Cache::entries`].
    #[must_use]
    pub fn entries(&self) -> Vec<(K, R)> {
        let mut entries = self.put_in().map_or_else(Vec::new, PutIn::entries);
        entries.extend(self.cache().into_iter().flat_map(Cache::keys_and_values));
        entries.extend(self.policies().into_iter().flat_map(PolicyCache::entries));
        entries
    }

    /// Keeps only the values for which this is true. See [`Cache::retain`].
    pub fn retain(&self, mut keep: impl FnMut(&K, &R) -> bool) {
        if let Some(put_in) = self.put_in() {
            put_in.retain(&mut keep);
        }
        if let Some(cache) = self.cache() {
            cache.retain_keys(&mut keep);
        }
        if let Some(cache) = self.policies() {
            cache.retain(keep);
        }
    }
}

impl<K, R> Default for Memo<K, R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, R> Clone for Memo<K, R> {
    /// An empty one.
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl<K, R> fmt::Debug for Memo<K, R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Memo").finish_non_exhaustive()
    }
}
