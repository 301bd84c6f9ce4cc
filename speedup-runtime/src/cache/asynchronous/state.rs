//! A cached `async fn`: where its values are, and the calls that are on their way.

use std::{fmt, ops::Deref, sync::Arc};

use super::{
    flight::End,
    flights::{Boarded, Flights, Flying},
    function::AsyncFunction,
};
use crate::{
    cache::{
        api::cache::Parts,
        call::{known::Known, renewals::Why, state::Core},
        memory::{epoch::Garbage, garbage},
        table::key::{Key, Lookup, Output},
        thread::registry,
    },
    panics::Payload,
};

/// An `async` function with its cache: every distinct key has one call at a time, whoever asks, and its value is kept.
///
/// `#[cache]` on an `async fn` makes one; [`AsyncCache::from_fn`] makes one of a closure. `K` is the tuple of the arguments, in their
/// owned forms, and `R` the result. It is agnostic of the runtime: it starts no thread and no task for a call, and needs no timer.
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
    pub(super) values: Place<K, R>,
    pub(super) function: AsyncFunction<K, R>,
}

/// What looks at the values of a cache that may be gone by then.
pub(in crate::cache) type Looking<K, R> = Arc<dyn Fn(fn(&Core<K, R>)) + Send + Sync>;

/// Where the values are.
pub(super) enum Place<K: Key, R: Output> {
    Static(&'static AsyncState<K, R>),
    Own(Arc<AsyncState<K, R>>),
}

/// What a static holds for an [`AsyncCache`]: its values, and the calls that are on their way.
///
/// It goes by the type of its cache, as that of a [`Cache`](crate::Cache) does.
pub type AsyncState<K, R> = AsyncValues<AsyncCache<K, R>>;

/// The values of an [`AsyncCache`]. See [`AsyncState`].
pub struct AsyncValues<C: Parts> {
    pub(super) core: Core<C::Key, C::Output>,
    pub(super) flights: Flights<C::Key, C::Output>,
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

    /// What is known of the cache, but for what a hit costs.
    pub(super) fn known(&self) -> Known {
        let mut known = Known::of(&self.core);
        // Nothing is claimed in the table while its call is on its way.
        known.census.claimed = self.flights.len();
        known
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
    /// The value of a key that is there. See [`Core::hit_wherever`].
    #[inline]
    pub(super) fn hit(&self, key: &K) -> Option<R> {
        self.values.core.hit_wherever(key)
    }

    /// The same for a key that is only borrowed; small integers are found by their value, by [`get`](Self::get).
    #[inline]
    pub(super) fn hit_ref<Q: Lookup<K>>(&self, key: Q) -> Option<R> {
        if K::is_small() { None } else { self.values.core.hit(key, None) }
    }

    /// Where the values are.
    pub(in crate::cache) fn core(&self) -> &Core<K, R> {
        &self.values.core
    }

    /// The function whose values are kept.
    pub(in crate::cache) fn function(&self) -> &AsyncFunction<K, R> {
        &self.function
    }

    /// What looks at the values later, unless they are gone by then; `None` for those in a static.
    pub(in crate::cache) fn later(&self) -> Option<Looking<K, R>> {
        let Place::Own(values) = &self.values else { return None };
        let values = Arc::downgrade(values);
        Some(Arc::new(move |look| {
            let Some(values) = values.upgrade() else { return };
            look(&values.core);
            // As when the cache is dropped: after all that was removed from its tables.
            garbage::retire_behind_all(Garbage::dropped(values));
        }))
    }

    /// Which results are kept.
    pub(in crate::cache) fn keep(&self) -> Option<fn(&R) -> bool> {
        self.function.rules.keep
    }

    pub(super) fn board(&self, key: K, why: Option<Why>) -> Boarded<K, R> {
        self.list();
        self.values.flights.board(&self.values.core, &self.function, key, why)
    }

    pub(super) fn leave(&self, flight: &Arc<Flying<K, R>>, seat: usize) {
        self.values.flights.leave(&self.values.core, flight, seat);
    }

    pub(super) fn land(&self, flight: &Arc<Flying<K, R>>, result: Result<R, Payload>) -> End<R> {
        self.values.flights.land(&self.values.core, &self.function, flight, result)
    }
}

impl<K: Key, R: Output> Drop for AsyncCache<K, R> {
    fn drop(&mut self) {
        if let Place::Own(values) = &self.values {
            // Freed after all that was removed from its tables.
            garbage::retire_behind_all(Garbage::dropped(values.clone()));
            registry::collect();
        }
    }
}
