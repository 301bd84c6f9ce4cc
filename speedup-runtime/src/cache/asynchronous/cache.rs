//! The handle of a cached `async fn`.

use std::{fmt, ops::Deref, sync::Arc};

use super::{
    flight::End,
    flights::{Boarded, Flights, Flying},
    function::{AsyncFunction, IntoAsyncFunction},
    get::Get,
    group::{GetAll, Group, Member},
};
use crate::{
    cache::{
        api::{cache::Parts, stats::Stats},
        call::state::Core,
        memory::garbage,
        table::key::{Key, Lookup, Output},
        thread::registry,
    },
    panics::Payload,
};

/// An `async` function with its cache: every distinct key has one call at a time, whoever asks, and its value is kept.
///
/// `#[cache]` on an `async fn` makes one; [`AsyncCache::from_fn`] makes one of a closure. `K` is the tuple of the arguments, in their
/// owned forms, and `R` the result. It is agnostic of the runtime: it starts no thread and no task, and needs no timer.
///
/// # Guarantees
/// - Those who ask for a key while it is computed wait for that one call. No thread blocks.
/// - The call belongs to nobody. It is driven by whoever polls it, so dropping (or never again polling) the first who asked
///   strands nobody: the others are woken too, and go on with the same future. When the last of them is dropped, so is the call, and the
///   next one begins anew.
/// - Depth is bounded by memory, not by the stack.
/// - A call that needs its own result panics with the chain of calls, if the calls await each other directly. What goes through
///   a task that the body starts, or a channel, cannot be known.
/// - A panic reaches every caller that waits. Nothing is cached, and the next call tries again.
///
/// The future of a call moves between threads: it has to be `Send`. Wherever a runtime polls it, there it runs, on a runtime of one thread
/// too. Callers on different runtimes share calls; what a body asks of its runtime (timers, sockets) has to be there for each of them.
///
/// # Complexity
/// A call whose value is there is O(1), takes no lock, writes nothing that other threads read and allocates nothing. When a call on
/// its way is woken, so are all who wait for it, and who waits for those: O(n) for n of them, as in a chain of n futures.
///
/// # Examples
/// ```
/// use speedup_runtime::AsyncCache;
///
/// # pollster::block_on(async {
/// let lengths = AsyncCache::from_fn(|text: String| async move { text.len() });
/// assert_eq!(lengths.get(("twelve chars".to_string(),)).await, 12);
/// assert_eq!(lengths.peek(&("twelve chars".to_string(),)), Some(12));
/// assert_eq!(lengths.stats().misses, 1);
/// # });
/// ```
pub struct AsyncCache<K: Key, R: Output> {
    values: Place<K, R>,
    function: AsyncFunction<K, R>,
}

/// Where the values are.
enum Place<K: Key, R: Output> {
    Static(&'static AsyncState<K, R>),
    Own(Arc<AsyncState<K, R>>),
}

/// What a static holds for an [`AsyncCache`]: its values, and the calls that are on their way.
///
/// It goes by the type of its cache, as that of a [`Cache`](crate::Cache) does.
pub type AsyncState<K, R> = AsyncValues<AsyncCache<K, R>>;

/// The values of an [`AsyncCache`]. See [`AsyncState`].
pub struct AsyncValues<C: Parts> {
    core: Core<C::Key, C::Output>,
    flights: Flights<C::Key, C::Output>,
}

#[diagnostic::do_not_recommend]
impl<K: Key, R: Output> Parts for AsyncCache<K, R> {
    type Key = K;
    type Output = R;
}

impl<K: Key, R: Output> AsyncState<K, R> {
    /// No values yet.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "made in statics")]
    pub const fn new() -> Self {
        Self { core: Core::new(), flights: Flights::new() }
    }
}

impl<C: Parts> fmt::Debug for AsyncValues<C> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("AsyncState").finish_non_exhaustive()
    }
}

// SAFETY: the core is shared state behind atomics and locks, as for `Cache`; flights are behind locks.
unsafe impl<C: Parts> Sync for AsyncValues<C> {}
// SAFETY: as above.
unsafe impl<C: Parts> Send for AsyncValues<C> {}

impl<K: Key, R: Output> Deref for Place<K, R> {
    type Target = AsyncState<K, R>;

    #[inline]
    fn deref(&self) -> &AsyncState<K, R> {
        match self {
            Self::Static(values) => values,
            Self::Own(values) => values,
        }
    }
}

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
        let function = AsyncFunction::closure(function.into_shared());
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

    /// The value of a key if it is there, which counts as a call; otherwise the key. What the function of `#[cache]` asks first: a hit is
    /// then no more than one of a plain function.
    ///
    /// # Errors
    /// The key, if its value is to be computed.
    #[inline(always)]
    pub fn find(&self, key: K) -> Result<R, K> {
        self.hit(&key).ok_or(key)
    }

    /// As [`find`](Self::find), for a key that is only borrowed.
    ///
    /// # Errors
    /// The key as an owned value, if its value is to be computed.
    #[inline(always)]
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

    /// The value of a key if it is there; never computes.
    pub fn peek(&self, key: &K) -> Option<R> {
        self.values.core.peek(key, key.pack(), registry::current())
    }

    /// Whether the value of a key is there; never computes.
    pub fn contains(&self, key: &K) -> bool {
        self.values.core.contains(key, registry::current())
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
        self.values.core.remove(key, registry::current())
    }

    /// Computes a key again, keeps the new value instead of the old one and returns it.
    ///
    /// The old value stays, and is what others get, until the new one is there. Those who refresh a key at the same time share
    /// one call.
    ///
    /// # Panics
    /// As [`get`](Self::get); the old value then stays.
    pub fn refresh(&self, key: K) -> Get<'_, K, R> {
        Get::anew(self, key)
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
        self.values.core.clear();
    }

    /// What the cache has done so far. O(n), as [`len`](Self::len).
    ///
    /// Who waits for a call that somebody else began counts neither as a hit nor as a miss.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let core = &self.values.core;
        let (hits, misses) = core.number.totals();
        Stats { hits, misses, panics: core.panics(), len: self.len(), ..Stats::default() }
    }

    /// The value of a key that is there. See [`Core::hit`].
    #[inline]
    pub(super) fn hit(&self, key: &K) -> Option<R> {
        self.values.core.hit(key, key.pack())
    }

    /// The same for a key that is only borrowed; small integers are found by their value, by [`get`](Self::get).
    #[inline]
    fn hit_ref<Q: Lookup<K>>(&self, key: Q) -> Option<R> {
        if K::is_small() { None } else { self.values.core.hit(key, None) }
    }

    pub(super) fn board(&self, key: K, replaces: bool) -> Boarded<K, R> {
        self.values.flights.board(&self.values.core, &self.function, key, replaces)
    }

    pub(super) fn leave(&self, flight: &Arc<Flying<K, R>>, seat: usize) {
        self.values.flights.leave(flight, seat);
    }

    pub(super) fn land(&self, flight: &Arc<Flying<K, R>>, result: Result<R, Payload>) -> End<R> {
        self.values.flights.land(&self.values.core, &self.function, flight, result)
    }
}

impl<K: Key, R: Output> Drop for AsyncCache<K, R> {
    fn drop(&mut self) {
        if let Place::Own(values) = &self.values {
            // Freed after all that was removed from its tables.
            let values = values.clone();
            garbage::retire(Box::new(move || drop(values)));
            registry::collect();
        }
    }
}

impl<K: Key, R: Output> fmt::Debug for AsyncCache<K, R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("AsyncCache")
            .field("function", &self.function.rules.name)
            .field("stats", &self.stats())
            .finish()
    }
}
