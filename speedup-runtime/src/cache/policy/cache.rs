//! The handle of a cached function with policies.

use std::{fmt, sync::Arc, time::Duration};

use super::{
    look::{Look, is_plainly_at_hand},
    rules::{Rules, Way},
    shared::Shared,
    state::PolicyState,
};
use crate::{
    cache::{
        api::{
            cache::Cache,
            context::{Body, callee},
        },
        bound::{Asked, Hashed, Stored},
        call::{
            callee::Callee,
            function::{Function, Hook},
            inner::LARGE,
            look::Hit,
            renewals::Why,
        },
        table::key::{Key, Lookup, Output},
        thread::registry,
    },
    seeing::stats::Stats,
};

/// A [`Cache`](crate::Cache) that is bounded, or whose values age: what `#[cache(capacity = .., ttl = ..)]` makes, and
/// [`Cache::capacity`](crate::Cache::capacity), [`Cache::ttl`](crate::Cache::ttl) and the like.
///
/// # Guarantees
/// - Those of a [`Cache`](crate::Cache): each distinct key has one computation at a time, no deadlock, no stack overflow, cycles are told, panics
///   reach who needs the value. A value that was put out is computed again when it is asked for.
/// - What is kept is never more than the bound and what is just being published, one value a thread. A computation in flight is never put out.
/// - An expired value is not served, and is let go of soon after. The clock is coarse: times are kept to within some milliseconds (see
///   [`clock`](crate::clock)).
/// - A renewal is made once, however many ask for it at the same time, and the old value stays in service until it is there.
///
/// # Complexity
/// A hit is O(1), takes no lock, and writes nothing that is shared once a value has been asked for a few times. A miss beyond the bound
/// takes one lock for some 100 ns, and puts out one value at the cost of a look-up, amortised.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use speedup_runtime::Cache;
///
/// let pages = Cache::from_fn(|n: u64| format!("page {n}")).capacity(100).ttl(Duration::from_secs(30));
/// for n in 0..1_000 {
///     pages.get((n,));
/// }
/// assert!(pages.len() <= 100);
/// assert!(pages.stats().evictions >= 900);
/// ```
pub struct PolicyCache<K: Key, R: Output> {
    /// What a hit looks at: that of `shared`, but known when the program is compiled where the handle is.
    pub(super) way: Way,
    pub(super) cache: Cache<Hashed<K>, Stored<R>>,
    pub(super) shared: Hook<Shared<K, R>>,
}

impl<K: Key, R: Output> PolicyCache<K, R> {
    /// A cache whose values are in a static, which is what `#[cache]` makes. The rules are those of the static.
    #[must_use]
    pub const fn of(
        state: &'static PolicyState<K, R>,
        rules: Rules<K, R>,
        function: Function<Hashed<K>, Stored<R>>,
    ) -> Self {
        let way = rules.way();
        // What is in them is in statics.
        std::mem::forget(rules);
        Self::of_way(state, way, function)
    }

    pub(super) const fn of_way(
        state: &'static PolicyState<K, R>,
        way: Way,
        mut function: Function<Hashed<K>, Stored<R>>,
    ) -> Self {
        function.keeps_by(match function.keep {
            Some(keep) => keep,
            None => Function::<Hashed<K>, Stored<R>>::keep_all,
        });
        std::mem::forget(function.settle.replace(Hook::Known(&state.shared)));
        Self { way, cache: Cache::of(&state.values, function), shared: Hook::Known(&state.shared) }
    }

    /// The value of a key, computed if need be.
    ///
    /// # Panics
    /// As [`Cache::get`](crate::Cache::get).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn get(&self, key: K::Args) -> R {
        self.get_by(&Hashed(K::of(key)), || self.cache.function().callee())
    }

    /// The value of a key, computed if need be by this body instead of the cache's own function. See
    /// [`Cache::get_with`](crate::Cache::get_with).
    ///
    /// # Panics
    /// As [`get`](Self::get).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn get_with<B: Body<Hashed<K>, Stored<R>>>(&self, key: K, body: B) -> R {
        self.get_by(&Hashed(key), || callee(self.cache.function(), &body))
    }

    /// As [`get_with`](Self::get_with), for a key that is only borrowed: a tuple of references, one for each part.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn get_ref_with<Q: Lookup<K>, B: Body<Hashed<K>, Stored<R>>>(&self, key: Q, body: B) -> R {
        let callee = || callee(self.cache.function(), &body);
        match self.hit(Asked(key), callee) {
            Hit::Taken(value) => value,
            hit => self.miss(&Hashed(key.to_key()), callee(), hit.is_absent()),
        }
    }

    /// As [`refresh`](Self::refresh), by this body.
    ///
    /// # Panics
    /// As [`refresh`](Self::refresh).
    pub fn refresh_with<B: Body<Hashed<K>, Stored<R>>>(&self, key: K, body: B) -> R {
        self.renew(&Hashed(key), callee(self.cache.function(), &body), Why::Asked)
    }

    /// The same for a key that is only borrowed.
    ///
    /// # Panics
    /// As [`refresh`](Self::refresh).
    pub fn refresh_ref_with<Q: Lookup<K>, B: Body<Hashed<K>, Stored<R>>>(&self, key: Q, body: B) -> R {
        self.renew(&Hashed(key.to_key()), callee(self.cache.function(), &body), Why::Asked)
    }

    /// The value of a key that is only borrowed: a tuple of references, one for each argument. A hit allocates nothing.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    #[inline]
    pub fn get_ref<Q: Lookup<K>>(&self, key: Q) -> R {
        let callee = || self.cache.function().callee();
        match self.hit(Asked(key), callee) {
            Hit::Taken(value) => value,
            hit => self.miss(&Hashed(key.to_key()), callee(), hit.is_absent()),
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn get_by<'a>(&self, key: &Hashed<K>, callee: impl Fn() -> Callee<'a, Hashed<K>, Stored<R>>) -> R {
        if const { size_of::<R>() > LARGE } {
            return match self.hit(key, &callee) {
                Hit::Taken(value) => value,
                hit => self.miss(key, callee(), hit.is_absent()),
            };
        }
        let way = self.way;
        if way == Way::Closely {
            return self.begin(key, callee());
        }
        // Nothing that is called here comes back, so that all stays in registers.
        let copy = |stored: &Stored<R>| is_plainly_at_hand(way, stored).then(|| stored.get().clone());
        self.cache.core().hinted_of(key, copy).unwrap_or_else(|| self.begin(key, callee()))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn hit<'a, Q: Lookup<Hashed<K>>>(&self, key: Q, callee: impl Fn() -> Callee<'a, Hashed<K>, Stored<R>>) -> Hit<R> {
        let mut late = None;
        let hit = self.cache.core().hit_of(key, |stored| self.shared.copy_of(stored, &mut late));
        match (hit, late) {
            (Hit::Taken(value), Some(ends)) => {
                Hit::Taken(self.renew_ahead(&key.to_key(), callee(), ends).unwrap_or(value))
            }
            (hit, _) => hit,
        }
    }

    /// The value of a key by another look, unless it is absent: computed if it is missing or has expired. What has expired stays until
    /// there is something better.
    pub(super) fn miss(&self, key: &Hashed<K>, callee: Callee<'_, Hashed<K>, Stored<R>>, is_absent: bool) -> R {
        let (core, worker) = (self.cache.core(), registry::current());
        if is_absent {
            return self.compute(key, callee);
        }
        let value = match core.look(key, worker, |stored| self.shared.look(stored, R::clone)) {
            None => return self.compute(key, callee),
            // What was idle for too long may be behind the cache.
            Some(Look::Expired) if self.cache.behind().is_some() && !self.shared.has_ended(core, key) => {
                self.shared.expire(core, key);
                return self.compute(key, callee);
            }
            Some(Look::Expired) => return self.renew(key, callee, Why::Expired),
            Some(Look::Fresh(value)) => value,
            Some(Look::Late(value, ends)) => self.renew_ahead(key, callee, ends).unwrap_or(value),
        };
        worker.count_hit(core.number.index(), 0);
        value
    }

    /// The value of a key if it is there and fresh; never computes.
    pub fn peek(&self, key: &K::Args) -> Option<R> {
        let here = self.look(key, |stored| self.shared.is_fresh(stored).then(|| stored.get().clone())).flatten();
        here.or_else(|| K::with(key, |key| Shared::peek_behind(self.cache.behind(), Hashed::of_ref(key))))
    }

    /// The value of a key if it is there and younger than this; never computes.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use speedup_runtime::Cache;
    ///
    /// let cache = Cache::from_fn(|n: u64| n * n).capacity(10);
    /// cache.get((3,));
    /// assert_eq!(cache.get_if_fresh(&(3,), Duration::from_secs(60)), Some(9));
    /// assert_eq!(cache.get_if_fresh(&(3,), Duration::ZERO), None);
    /// ```
    pub fn get_if_fresh(&self, key: &K::Args, younger_than: Duration) -> Option<R> {
        self.look(key, |stored| (self.shared.age(stored)? < younger_than).then(|| stored.get().clone())).flatten()
    }

    /// How long ago the value of a key was computed or put in; `None` if it is not there. To within a tenth of a second where values do not age.
    pub fn age(&self, key: &K::Args) -> Option<Duration> {
        self.look(key, |stored| self.shared.age(stored)).flatten()
    }

    /// Whether the value of a key is there and fresh; never computes.
    pub fn contains(&self, key: &K::Args) -> bool {
        self.look(key, |stored| self.shared.is_fresh(stored)).unwrap_or(false)
            || K::with(key, |key| Shared::peek_behind(self.cache.behind(), Hashed::of_ref(key))).is_some()
    }

    fn look<T>(&self, key: &K::Args, look: impl FnOnce(&Stored<R>) -> T) -> Option<T> {
        K::with(key, |key| self.cache.core().look(Hashed::of_ref(key), registry::current(), look))
    }

    /// Puts a value in, and returns the one that was there. See [`Cache::insert`](crate::Cache::insert).
    pub fn insert(&self, key: K::Args, value: R) -> Option<R> {
        self.insert_key(K::of(key), value)
    }

    pub(super) fn insert_key(&self, key: K, value: R) -> Option<R> {
        let (key, old) = self.put(key, value);
        let was_fresh = old.as_ref().is_some_and(|old| self.shared.is_fresh(old));
        let value = old.as_ref().filter(|_| was_fresh).map(|old| old.get().clone());
        self.shared.settle_now(self.cache.core(), &key, old);
        value
    }

    /// Puts a value in, and notes whom that puts out instead of telling it.
    pub(super) fn fill(&self, key: K, value: R, told: &mut Vec<(K, R)>) {
        let (key, old) = self.put(key, value);
        told.append(&mut self.shared.settle_quietly(self.cache.core(), &key, old));
    }

    fn put(&self, key: K, value: R) -> (Hashed<K>, Option<Stored<R>>) {
        let key = Hashed(key);
        let value = self.shared.to_insert(self.cache.behind(), &key, value);
        let old = self.cache.core().insert(self.cache.function(), &key, value, registry::current());
        (key, old)
    }

    /// Forgets a key, and returns its value if it was there and fresh.
    ///
    /// A computation of the key that is in flight is not disturbed, and its value is kept.
    pub fn remove(&self, key: &K::Args) -> Option<R> {
        K::with(key, |key| self.shared.take(self.cache.core(), self.cache.behind(), Hashed::of_ref(key)))
    }

    /// Computes a key again, keeps the new value instead of the old one and returns it.
    ///
    /// The old value stays, and is what others see, until the new one is there. Those who refresh a key at the same time share one
    /// call.
    ///
    /// # Panics
    /// If the function panics; the old value then stays.
    pub fn refresh(&self, key: K::Args) -> R {
        self.renew(&Hashed(K::of(key)), self.cache.function().callee(), Why::Asked)
    }

    /// The same for a key that is only borrowed.
    ///
    /// # Panics
    /// As [`refresh`](Self::refresh).
    pub fn refresh_ref<Q: Lookup<K>>(&self, key: Q) -> R {
        self.renew(&Hashed(key.to_key()), self.cache.function().callee(), Why::Asked)
    }

    /// Keeps only the values for which this is true.
    ///
    /// # Complexity
    /// O(n). It may call the cache itself.
    pub fn retain(&self, mut keep: impl FnMut(&K, &R) -> bool) {
        let behind = self.cache.behind();
        self.shared.retain(self.cache.core(), |key, value| {
            let stays = keep(key, value);
            if let (false, Some(behind)) = (stays, behind) {
                behind.remove(Hashed::of_ref(key));
            }
            stays
        });
    }

    /// A copy of all keys and values, in no order. What comes and goes meanwhile is in it or not.
    ///
    /// # Complexity
    /// O(n).
    #[must_use]
    pub fn entries(&self) -> Vec<(K, R)> {
        self.shared.entries(self.cache.core())
    }

    /// How many values there are, those that have expired and not been let go of yet among them. O(n), as
    /// [`Cache::len`](crate::Cache::len).
    #[must_use]
    pub fn len(&self) -> usize {
        self.cache.len()
    }

    /// Whether there is no value. O(n), as [`len`](Self::len).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets everything and frees the memory. See [`Cache::clear`](crate::Cache::clear).
    pub fn clear(&self) {
        self.cache.clear();
    }

    /// What the cache has done so far. O(n), as [`len`](Self::len).
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.cache.core().with_books(self.cache.stats())
    }

    /// Another handle of the same cache, for a call that may outlive this one.
    pub(super) fn again(&self) -> Arc<Self> {
        Arc::new(Self { way: self.way, cache: self.cache.again(), shared: self.shared.clone() })
    }
}

impl<K: Key, R: Output> fmt::Debug for PolicyCache<K, R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.cache.function().name;
        out.debug_struct("PolicyCache").field("function", &name).field("stats", &self.stats()).finish()
    }
}
