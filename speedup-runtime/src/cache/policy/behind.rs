//! Caches with policies and what lies behind them: bounds and ages are those of memory, and what is written is told its time to live.

#[cfg(feature = "async")]
use super::asynchronous::AsyncPolicyCache;
use super::{
    cache::PolicyCache,
    shared::{Kept, Shared},
};
use crate::{
    cache::{
        bound::{Hashed, Stored},
        call::behind::Behind,
        table::key::{Key, Output},
        thread::registry,
    },
    clock,
};

/// What lies behind a cache with policies.
type Far<K, R> = &'static dyn Behind<Hashed<K>, Stored<R>>;

impl<K: Key, R: Output> Shared<K, R> {
    /// A value that was computed just now and goes further than into memory.
    fn ending(&self, value: R) -> Stored<R> {
        if !self.rules.ages() {
            return Stored::of(value);
        }
        let ends = self.rules.end(clock::now(), &value);
        Stored::until(value, ends)
    }

    /// A value for memory and for what lies behind it, which gets it, too.
    pub(super) fn to_insert(
        &self,
        behind: Option<&'static dyn Behind<Hashed<K>, Stored<R>>>,
        key: &Hashed<K>,
        value: R,
    ) -> Stored<R> {
        let Some(behind) = behind else { return Stored::of(value) };
        let value = self.ending(value);
        behind.insert(key, &value);
        value
    }

    /// Whether a value has come to its end, and not just been idle for too long.
    pub(super) fn has_ended(&self, core: &Kept<K, R>, key: &Hashed<K>) -> bool {
        core.look(key, registry::current(), Stored::has_ended).unwrap_or(false)
    }

    /// The value of a key behind the cache.
    pub(super) fn peek_behind(behind: Option<Far<K, R>>, key: &Hashed<K>) -> Option<R> {
        behind?.peek(key).filter(|found| !found.has_ended()).map(Stored::into_value)
    }

    /// Forgets a key, here and behind the cache; returns its value if it was there and fresh.
    pub(super) fn take(&self, core: &Kept<K, R>, behind: Option<Far<K, R>>, key: &Hashed<K>) -> Option<R> {
        let stored = Self::peek_behind(behind, key);
        if let Some(behind) = behind {
            behind.remove(key);
        }
        let here = self.remove(core, key).filter(|old| self.is_fresh(old));
        here.map(Stored::into_value).or(stored)
    }

    /// Puts a value in that was computed elsewhere, by `put`, unless there is a fresh one. Its time begins now.
    #[cfg(feature = "disk")]
    fn take_in(&self, core: &Kept<K, R>, key: K, value: R, put: impl FnOnce(Hashed<K>, Stored<R>) -> bool) -> bool {
        let key = Hashed(key);
        if core.look(&key, registry::current(), |old| !self.is_fresh(old)).unwrap_or(false) {
            drop(self.remove(core, &key));
        }
        let is_new = put(key.clone(), self.ending(value));
        if is_new {
            self.settle_now(core, &key, None);
        }
        is_new
    }

    /// Forgets a key, or everything, in memory alone.
    fn forget_here(&self, core: &Kept<K, R>, key: Option<&Hashed<K>>) {
        match key {
            Some(key) => drop(self.remove(core, key)),
            None => core.clear(),
        }
    }
}

impl<K: Key, R: Output> PolicyCache<K, R> {
    /// The cache of values with what the policies know of them.
    #[cfg(feature = "stores")]
    pub(crate) fn values(&self) -> &crate::Cache<Hashed<K>, Stored<R>> {
        &self.cache
    }

    /// A value that was computed just now, with its end.
    #[cfg(feature = "stores")]
    pub(crate) fn ending(&self, value: R) -> Stored<R> {
        self.shared.ending(value)
    }

    /// As `Cache::take_in`.
    #[cfg(feature = "disk")]
    pub(crate) fn take_in(&self, key: K, value: R) -> bool {
        self.shared.take_in(self.cache.core(), key, value, |key, value| self.cache.take_in(key, value))
    }

    /// Forgets a key, or everything, in memory alone: in the store it has changed.
    #[doc(hidden)]
    pub fn forget(&self, key: Option<&Hashed<K>>) {
        self.shared.forget_here(self.cache.core(), key);
    }
}

#[cfg(feature = "async")]
impl<K: Key, R: Output> AsyncPolicyCache<K, R> {
    /// As [`PolicyCache::values`].
    #[cfg(feature = "stores")]
    pub(crate) fn values(&self) -> &crate::AsyncCache<Hashed<K>, Stored<R>> {
        &self.cache
    }

    /// As [`PolicyCache::ending`].
    pub(crate) fn ending(&self, value: R) -> Stored<R> {
        self.shared.ending(value)
    }

    /// As `Cache::take_in`.
    #[cfg(feature = "disk")]
    pub(crate) fn take_in(&self, key: K, value: R) -> bool {
        self.shared.take_in(self.cache.core(), key, value, |key, value| self.cache.take_in(key, value))
    }

    /// As [`PolicyCache::forget`].
    #[doc(hidden)]
    pub fn forget(&self, key: Option<&Hashed<K>>) {
        self.shared.forget_here(self.cache.core(), key);
    }
}
