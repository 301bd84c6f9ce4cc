//! The handle of a cached `async fn` with policies.

use std::{fmt, time::Duration};

use super::{
    look::Look,
    rules::Rules,
    shared::{Home, Shared},
};
use crate::{
    cache::{
        asynchronous::{
            function::{AsyncFunction, Boxed},
            state::{AsyncCache, AsyncState},
            task::AsyncTask,
        },
        bound::{Asked, Hashed, Stored},
        call::{function::Hook, renewals::Why},
        table::key::{Key, Lookup, Output},
        thread::registry,
    },
    seeing::stats::Stats,
};

/// An [`AsyncCache`](crate::AsyncCache) that is bounded, or whose values age: what `#[cache(capacity = .., ttl = ..)]` makes of an
/// `async fn`.
///
/// It keeps the promises of both: those who ask for a key share one call and one renewal; nobody is stranded by who leaves; and there are never more
/// values than the bound and what is just being published. See [`PolicyCache`](crate::PolicyCache) for sizes and ages. It needs no timer of the runtime's;
/// what has expired is let go of by a thread of its own, which sleeps until then.
pub struct AsyncPolicyCache<K: Key, R: Output> {
    pub(super) cache: AsyncCache<Hashed<K>, Stored<R>>,
    pub(super) shared: Hook<Shared<K, R>>,
}

/// What a static holds for an [`AsyncPolicyCache`].
pub struct AsyncPolicyState<K: Key, R: Output> {
    values: AsyncState<Hashed<K>, Stored<R>>,
    shared: Shared<K, R>,
}

impl<K: Key, R: Output> AsyncPolicyState<K, R> {
    /// No values yet.
    #[must_use]
    pub const fn new(rules: Rules<K, R>) -> Self {
        Self { values: AsyncState::new(), shared: Shared::new(rules, Home::Static) }
    }
}

impl<K: Key, R: Output> AsyncPolicyCache<K, R> {
    /// A cache whose values are in a static, which is what `#[cache]` makes.
    #[must_use]
    pub const fn of(state: &'static AsyncPolicyState<K, R>, function: AsyncFunction<Hashed<K>, Stored<R>>) -> Self {
        let function = function.settled_by(Hook::Known(&state.shared));
        Self { cache: AsyncCache::of(&state.values, function), shared: Hook::Known(&state.shared) }
    }

    /// The value of a key, computed if need be.
    ///
    /// # Panics
    /// When awaited, as [`AsyncCache::get`](crate::AsyncCache::get).
    pub async fn get(&self, key: K) -> R {
        let key = Hashed(key);
        match self.see(&key) {
            Some(Look::Fresh(value)) => value,
            Some(Look::Late(value, ends)) => {
                self.renew_ahead(&key, value, self.cache.renew(key.clone(), Why::Late(ends))).await
            }
            Some(Look::Expired) if self.is_in_reach(&key) => self.cache.get(key).await.into_value(),
            Some(Look::Expired) => self.renew(key, Why::Expired).await,
            None => self.cache.get(key).await.into_value(),
        }
    }

    /// The value of a key, computed if need be by this body instead of the cache's own function. See
    /// [`AsyncCache::get_with`](crate::AsyncCache::get_with).
    ///
    /// # Panics
    /// As [`get`](Self::get).
    pub async fn get_with(&self, key: K, body: impl FnOnce(Hashed<K>) -> Boxed<Stored<R>> + Send + 'static) -> R {
        let key = Hashed(key);
        match self.see(&key) {
            Some(Look::Fresh(value)) => value,
            Some(Look::Late(value, ends)) => {
                let cache = self.cache.by(body);
                self.renew_ahead(&key, value, cache.renew(key.clone(), Why::Late(ends))).await
            }
            Some(Look::Expired) if self.is_in_reach(&key) => self.cache.by(body).get(key).await.into_value(),
            Some(Look::Expired) => self.renew_with(key, body, Why::Expired).await,
            None => self.cache.by(body).get(key).await.into_value(),
        }
    }

    /// Whether a value that was idle for too long may be behind the cache; then it is let go of here.
    fn is_in_reach(&self, key: &Hashed<K>) -> bool {
        let in_reach = self.cache.behind().is_some() && !self.shared.has_ended(self.cache.core(), key);
        if in_reach {
            self.shared.expire(self.cache.core(), key);
        }
        in_reach
    }

    /// As [`refresh`](Self::refresh), by this body.
    ///
    /// # Panics
    /// As [`refresh`](Self::refresh).
    pub async fn refresh_with(&self, key: K, body: impl FnOnce(Hashed<K>) -> Boxed<Stored<R>> + Send + 'static) -> R {
        self.renew_with(Hashed(key), body, Why::Asked).await
    }

    /// The same for a key that is only borrowed.
    ///
    /// # Panics
    /// As [`refresh`](Self::refresh).
    pub async fn refresh_ref_with<Q: Lookup<K>>(
        &self,
        key: Q,
        body: impl FnOnce(Hashed<K>) -> Boxed<Stored<R>> + Send + 'static,
    ) -> R {
        self.refresh_with(key.to_key(), body).await
    }

    /// A look at a key, which counts as a hit if there is something to be served.
    fn see(&self, key: &Hashed<K>) -> Option<Look<R>> {
        let (core, worker) = (self.cache.core(), registry::current());
        let seen = core.look(key, worker, |stored| self.shared.look(stored, R::clone))?;
        if !matches!(seen, Look::Expired) {
            worker.count_hit(core.number.index(), 0);
        }
        Some(seen)
    }

    /// The value of a key that is only borrowed: a tuple of references, one for each argument. A hit allocates nothing.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    pub async fn get_ref<Q: Lookup<K>>(&self, key: Q) -> R {
        match self.find_ref(key) {
            Ok(value) => value,
            Err(key) => self.get(key).await,
        }
    }

    /// The value of a key if it is there and fresh, which counts as a call; otherwise the key.
    ///
    /// # Errors
    /// The key, if its value is to be computed.
    #[inline]
    pub fn find(&self, key: K) -> Result<R, K> {
        self.hit(Hashed::of_ref(&key)).ok_or(key)
    }

    /// As [`find`](Self::find), for a key that is only borrowed.
    ///
    /// # Errors
    /// The key as an owned value, if its value is to be computed.
    #[inline]
    pub fn find_ref<Q: Lookup<K>>(&self, key: Q) -> Result<R, K> {
        self.hit(Asked(key)).ok_or_else(|| key.to_key())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn hit<Q: Lookup<Hashed<K>>>(&self, key: Q) -> Option<R> {
        let hit = self.cache.core().hit_of(key, |stored| {
            // Who is to renew it waits for that, and so does not find it.
            if self.shared.is_due(stored) {
                return None;
            }
            match self.shared.look(stored, R::clone) {
                Look::Fresh(value) | Look::Late(value, _) => Some(value),
                Look::Expired => None,
            }
        });
        hit.taken()
    }

    /// Begins the call of a key ahead of need. See [`AsyncCache::spawn`](crate::AsyncCache::spawn).
    #[doc(alias = "apply_async")]
    pub fn spawn(&self, key: K) -> AsyncTask<'_, R> {
        AsyncTask::begin(self.get(key))
    }

    /// The values of a few keys, awaited together: what `#[cache]` makes of several awaited calls of a function to itself.
    ///
    /// # Panics
    /// As [`get`](Self::get), for the first key whose call panics.
    pub async fn group<const N: usize>(&self, keys: [K; N]) -> [R; N] {
        if self.shared.rules.stale_on_err {
            // What has expired stays until there is something better, so it is renewed key by key.
            let mut values = Vec::with_capacity(N);
            for key in keys {
                values.push(self.get(key).await);
            }
            let values: Result<[R; N], _> = values.try_into();
            return values.unwrap_or_else(|_| unreachable!("as many values as keys"));
        }
        keys.iter().for_each(|key| self.shared.drop_expired(self.cache.core(), Hashed::of_ref(key)));
        self.cache.group(keys.map(Hashed)).await.map(Stored::into_value)
    }

    /// As [`group`](Self::group), for keys that are only borrowed.
    ///
    /// # Panics
    /// As [`group`](Self::group).
    pub async fn group_ref<Q: Lookup<K>, const N: usize>(&self, keys: [Q; N]) -> [R; N] {
        self.group(keys.map(Lookup::to_key)).await
    }

    /// The values of all keys, in the order of the keys. What is missing is awaited together.
    ///
    /// # Panics
    /// As [`get`](Self::get), for the first key whose call panics.
    pub async fn get_all(&self, keys: impl IntoIterator<Item = K>) -> Vec<R> {
        let keys: Vec<Hashed<K>> = keys.into_iter().map(Hashed).collect();
        if !self.shared.rules.stale_on_err {
            keys.iter().for_each(|key| self.shared.drop_expired(self.cache.core(), key));
            return self.cache.get_all(keys).await.into_iter().map(Stored::into_value).collect();
        }
        drop(self.cache.get_all(keys.clone()).await);
        let mut values = Vec::with_capacity(keys.len());
        for Hashed(key) in keys {
            values.push(self.get(key).await);
        }
        values
    }

    /// The value of a key if it is there and fresh; never computes.
    pub fn peek(&self, key: &K) -> Option<R> {
        let here = self.look(key, |stored| self.shared.is_fresh(stored).then(|| stored.get().clone())).flatten();
        here.or_else(|| Shared::peek_behind(self.cache.behind(), Hashed::of_ref(key)))
    }

    /// The value of a key if it is there and younger than this; never computes.
    pub fn get_if_fresh(&self, key: &K, younger_than: Duration) -> Option<R> {
        self.look(key, |stored| {
            let age = self.shared.age(stored)?;
            (age < younger_than).then(|| stored.get().clone())
        })
        .flatten()
    }

    /// How long ago the value of a key was computed or put in; `None` if it is not there.
    pub fn age(&self, key: &K) -> Option<Duration> {
        self.look(key, |stored| self.shared.age(stored)).flatten()
    }

    /// Whether the value of a key is there and fresh; never computes.
    pub fn contains(&self, key: &K) -> bool {
        self.look(key, |stored| self.shared.is_fresh(stored)).unwrap_or(false)
            || Shared::peek_behind(self.cache.behind(), Hashed::of_ref(key)).is_some()
    }

    fn look<T>(&self, key: &K, look: impl FnOnce(&Stored<R>) -> T) -> Option<T> {
        self.cache.core().look(Hashed::of_ref(key), registry::current(), look)
    }

    /// Puts a value in, and returns the one that was there and fresh. See [`AsyncCache::insert`](crate::AsyncCache::insert).
    pub fn insert(&self, key: K, value: R) -> Option<R> {
        let (key, old) = self.put(key, value);
        let fresh = old.as_ref().filter(|old| self.shared.is_fresh(old)).map(|old| old.get().clone());
        self.shared.settle_now(self.cache.core(), &key, old);
        fresh
    }

    /// Puts a value in, and notes whom that puts out instead of telling it.
    pub(super) fn fill(&self, key: K, value: R, told: &mut Vec<(K, R)>) {
        let (key, old) = self.put(key, value);
        told.append(&mut self.shared.settle_quietly(self.cache.core(), &key, old));
    }

    fn put(&self, key: K, value: R) -> (Hashed<K>, Option<Stored<R>>) {
        let key = Hashed(key);
        let value = match self.cache.behind() {
            Some(_) => self.ending(value),
            None => Stored::of(value),
        };
        let old = self.cache.insert(key.clone(), value);
        (key, old)
    }

    /// Forgets a key, and returns its value if it was there and fresh. A call that is on its way is not disturbed.
    pub fn remove(&self, key: &K) -> Option<R> {
        self.shared.take(self.cache.core(), self.cache.behind(), Hashed::of_ref(key))
    }

    /// Computes a key again, keeps the new value instead of the old one and returns it. Those who refresh a key at the same time
    /// share one call.
    ///
    /// # Panics
    /// As [`get`](Self::get); the old value then stays.
    pub async fn refresh(&self, key: K) -> R {
        self.renew(Hashed(key), Why::Asked).await
    }

    /// The same for a key that is only borrowed.
    ///
    /// # Panics
    /// As [`refresh`](Self::refresh).
    pub async fn refresh_ref<Q: Lookup<K>>(&self, key: Q) -> R {
        self.renew(Hashed(key.to_key()), Why::Asked).await
    }

    /// Keeps only the values for which this is true. O(n).
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

    /// A copy of all keys and values, in no order. What comes and goes meanwhile is in it or not. O(n).
    #[must_use]
    pub fn entries(&self) -> Vec<(K, R)> {
        self.shared.entries(self.cache.core())
    }

    /// How many values there are, those that have expired and not been let go of yet among them. O(n).
    #[must_use]
    pub fn len(&self) -> usize {
        self.cache.len()
    }

    /// Whether there is no value. O(n), as [`len`](Self::len).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets everything and frees the memory. See [`AsyncCache::clear`](crate::AsyncCache::clear).
    pub fn clear(&self) {
        self.cache.clear();
    }

    /// What the cache has done so far. O(n), as [`len`](Self::len).
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.cache.core().with_books(self.cache.stats())
    }
}

impl<K: Key, R: Output> fmt::Debug for AsyncPolicyCache<K, R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("AsyncPolicyCache").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

impl<K: Key, R: Output> fmt::Debug for AsyncPolicyState<K, R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("AsyncPolicyState").finish_non_exhaustive()
    }
}
