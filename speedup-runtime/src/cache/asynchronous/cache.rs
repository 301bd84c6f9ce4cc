//! The handle of a cached `async fn`.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use super::{
    function::{AsyncFunction, Boxed, IntoAsyncFunction},
    get::Get,
    group::{GetAll, Group, Member},
    state::{AsyncCache, AsyncState, Place},
    task::AsyncTask,
};
use crate::cache::{
    call::renewals::Why,
    table::key::{Key, Lookup, Output},
    thread::registry,
};
use crate::{seeing::stats::Stats, sync::lock};

impl<K: Key, R: Output> AsyncCache<K, R> {
    /// A cache whose values are in a static, which is what `#[cache]` makes.
    #[must_use]
    pub const fn of(state: &'static AsyncState<K, R>, function: AsyncFunction<K, R>) -> Self {
        Self { values: Place::Static(state), function }
    }

    /// A cache of its own around an `async` function or a closure that returns a future, of up to six arguments.
    ///
    /// Dropping it forgets the values.
    ///
    /// # Examples
    /// ```
    /// use speedup_runtime::AsyncCache;
    ///
    /// let add = AsyncCache::from_fn(|a: u32, b: u32| async move { a + b });
    /// # pollster::block_on(async {
    /// assert_eq!(add.get((2, 3)).await, 5);
    /// # });
    /// ```
    #[must_use]
    pub fn from_fn<F: IntoAsyncFunction<K, R>>(function: F) -> Self {
        Self::own(AsyncFunction::closure(function.into_shared()).of_type::<F>())
    }

    /// A cache of its own.
    pub(in crate::cache) fn own(function: AsyncFunction<K, R>) -> Self {
        Self { values: Place::Own(Arc::new(AsyncState::new())), function }
    }

    /// The value of a key, computed if need be.
    ///
    /// # Panics
    /// When awaited, if the function panics for this key, or if this is inside of a call that the key's call waits for, with a message
    /// that names the chain of calls.
    #[inline]
    pub fn get(&self, key: K) -> Get<'_, K, R> {
        Get::new(self, key)
    }

    /// The value of a key that is only borrowed: a tuple of references, one for each argument.
    ///
    /// A hit allocates nothing; on a miss the key is copied.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    ///
    /// # Examples
    /// ```
    /// use speedup_runtime::AsyncCache;
    ///
    /// let lengths = AsyncCache::from_fn(|text: String| async move { text.len() });
    /// # pollster::block_on(async {
    /// assert_eq!(lengths.get_ref(("four",)).await, 4);
    /// # });
    /// ```
    #[inline]
    pub async fn get_ref<Q: Lookup<K>>(&self, key: Q) -> R {
        match self.hit_ref(key) {
            Some(value) => value,
            None => self.get(key.to_key()).await,
        }
    }

    /// The value of a key, computed if need be by this body instead of the cache's own function: what `#[cache]` with `skip` or `key` makes of
    /// an `async fn`.
    ///
    /// The body owns what it needs beside the key. For one key all bodies give the same value, or any of them.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    ///
    /// # Examples
    /// ```
    /// use speedup_runtime::{AsyncCache, cache::boxed};
    ///
    /// let cache = AsyncCache::from_fn(|n: u64| async move { n });
    /// let table = vec![0, 1, 4, 9];
    /// # pollster::block_on(async {
    /// assert_eq!(cache.get_with((3,), |(n,): (u64,)| boxed(async move { table[n as usize] })).await, 9);
    /// # });
    /// assert_eq!(cache.peek(&(3,)), Some(9));
    /// ```
    pub async fn get_with(&self, key: K, body: impl FnOnce(K) -> Boxed<R> + Send + 'static) -> R {
        self.by(body).get(key).await
    }

    /// The same cache for one call, by this body.
    pub(in crate::cache) fn by(&self, body: impl FnOnce(K) -> Boxed<R> + Send + 'static) -> Self {
        // It is called once at most: a key is asked for once.
        let body = Mutex::new(Some(body));
        let start = move |key| {
            let Some(body) = lock(&body).take() else { unreachable!("a body begins one call") };
            body(key)
        };
        let values = match &self.values {
            Place::Static(values) => Place::Static(values),
            Place::Own(values) => Place::Own(values.clone()),
        };
        Self { values, function: self.function.with(Arc::new(start)) }
    }

    /// The value of a key if it is there, which counts as a call; otherwise the key. What the function of `#[cache]` asks first: a hit is
    /// then no more than one of a plain function.
    ///
    /// # Errors
    /// The key, if its value is to be computed.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn find(&self, key: K) -> Result<R, K> {
        self.hit(&key).ok_or(key)
    }

    /// As [`find`](Self::find), for a key that is only borrowed.
    ///
    /// # Errors
    /// The key as an owned value, if its value is to be computed.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn find_ref<Q: Lookup<K>>(&self, key: Q) -> Result<R, K> {
        if K::is_small() { self.find(key.to_key()) } else { self.hit_ref(key).ok_or_else(|| key.to_key()) }
    }

    /// The values of a few keys, awaited together: what `#[cache]` makes of several awaited calls of a function to itself.
    ///
    /// # Panics
    /// As [`get`](Self::get), for the first key whose call panics.
    pub fn group<const N: usize>(&self, keys: [K; N]) -> Group<'_, K, R, N> {
        Group::of(keys.map(|key| Member::Asked(self.get(key))))
    }

    /// As [`group`](Self::group), for keys that are only borrowed.
    ///
    /// # Panics
    /// As [`group`](Self::group).
    pub fn group_ref<Q: Lookup<K>, const N: usize>(&self, keys: [Q; N]) -> Group<'_, K, R, N> {
        Group::of(keys.map(|key| match self.hit_ref(key) {
            Some(value) => Member::There(value),
            None => Member::Asked(self.get(key.to_key())),
        }))
    }

    /// The values of all keys, in the order of the keys. What is missing is awaited together.
    ///
    /// # Complexity
    /// A poll looks only at those that were woken.
    ///
    /// # Panics
    /// As [`get`](Self::get), for the first key whose call panics.
    ///
    /// # Examples
    /// ```
    /// use speedup_runtime::AsyncCache;
    ///
    /// let squares = AsyncCache::from_fn(|n: u64| async move { n * n });
    /// # pollster::block_on(async {
    /// assert_eq!(squares.get_all((0..4).map(|n| (n,))).await, [0, 1, 4, 9]);
    /// # });
    /// ```
    pub fn get_all(&self, keys: impl IntoIterator<Item = K>) -> GetAll<'_, K, R> {
        GetAll::new(keys.into_iter().map(|key| self.get(key)))
    }

    /// Begins the call of a key ahead of need, unless its value is there or it is on its way.
    ///
    /// The call is polled once, here: what it asks others for has been asked for when this returns. It goes on when the task is polled, or
    /// anybody else who asks for the key is; no thread is started. To have it go on by itself, hand the task to your runtime, as in
    /// `tokio::spawn(PRICE.spawn((7,)))`.
    ///
    /// # Panics
    /// Never; a panic of the function is that of the task, when it is awaited.
    ///
    /// # Examples
    /// ```
    /// use speedup_runtime::AsyncCache;
    ///
    /// let squares = AsyncCache::from_fn(|n: u64| async move { n * n });
    /// let task = squares.spawn((4,));
    /// // The function did not have to wait for anything.
    /// assert_eq!(squares.peek(&(4,)), Some(16));
    /// # pollster::block_on(async {
    /// assert_eq!(task.await, 16);
    /// # });
    /// ```
    #[doc(alias = "apply_async")]
    pub fn spawn(&self, key: K) -> AsyncTask<'_, R> {
        AsyncTask::begin(self.get(key))
    }

    /// The value of a key if it is there; never computes.
    pub fn peek(&self, key: &K) -> Option<R> {
        let found = self.values.core.peek(key, key.pack(), registry::current());
        found.or_else(|| self.behind()?.peek(key))
    }

    /// Whether the value of a key is there; never computes.
    pub fn contains(&self, key: &K) -> bool {
        let stored = || self.behind().is_some_and(|behind| behind.peek(key).is_some());
        self.values.core.contains(key, registry::current()) || stored()
    }

    /// Puts a value in, and returns the one that was there.
    ///
    /// If the key is being computed at this moment, the computed value stays and the given one is dropped: those who
    /// wait for it and those who come later get the same.
    pub fn insert(&self, key: K, value: R) -> Option<R> {
        let (core, worker) = (&self.values.core, registry::current());
        if self.values.flights.contains(core, &key) {
            return None;
        }
        if let Some(behind) = self.behind() {
            behind.insert(&key, &value);
        }
        let (mut value, mut old) = (value, None);
        while let Err((back, busy)) = core.insert_new(&self.function.rules, &key, value, worker) {
            if busy.is_some() {
                return old;
            }
            value = back;
            old = core.remove(&key, worker).or(old);
        }
        old
    }

    /// Forgets a key, and returns its value if it was there.
    ///
    /// A call of the key that is on its way is not disturbed, and its value is kept.
    pub fn remove(&self, key: &K) -> Option<R> {
        let stored = self.behind().and_then(|behind| {
            let value = behind.peek(key);
            behind.remove(key);
            value
        });
        self.values.core.remove(key, registry::current()).or(stored)
    }

    /// Computes a key again, keeps the new value instead of the old one and returns it.
    ///
    /// The old value stays, and is what others get, until the new one is there. Those who refresh a key at the same time share
    /// one call.
    ///
    /// # Panics
    /// As [`get`](Self::get); the old value then stays.
    pub fn refresh(&self, key: K) -> Get<'_, K, R> {
        self.renew(key, Why::Asked)
    }

    /// The same as long as there is a reason to; who comes later gets what there is by then.
    pub(in crate::cache) fn renew(&self, key: K, why: Why) -> Get<'_, K, R> {
        if let Some(behind) = self.behind() {
            behind.remove(&key);
        }
        Get::anew(self, key, why)
    }

    /// How many values there are. While others remove and replace values, those may be counted twice or not at all.
    ///
    /// # Complexity
    /// O(n): nothing is counted when values come and go.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.core.len(registry::current())
    }

    /// Whether there is no value. O(n), as [`len`](Self::len).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets everything and frees the memory.
    ///
    /// A call that is on its way goes on for those who wait for it already, and its value is not kept; who asks from now on gets a
    /// new one.
    pub fn clear(&self) {
        if let Some(behind) = self.behind() {
            behind.clear();
        }
        self.values.core.clear();
    }

    /// What the cache has done so far. O(n), as [`len`](Self::len), and some microseconds for finding out what a hit costs.
    ///
    /// Who waits for a call that somebody else began counts neither as a hit nor as a miss, but as a wait.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.values.known().with_cost_of(&self.values.core).stats()
    }
}

impl<K: Key, R: Output> fmt::Debug for AsyncCache<K, R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("AsyncCache")
            .field("function", &self.function.rules.name)
            .field("stats", &self.values.known().stats())
            .finish()
    }
}
