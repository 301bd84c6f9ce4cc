//! The handle of a cached function.

use std::{fmt, marker::PhantomData};

use crate::cache::{
    api::{divided::Divided, into_function::IntoFunction},
    call::{function::Function, state::Core},
    table::key::{Key, Lookup, Output},
    thread::{
        engine::{Engine as _, Kept},
        registry,
    },
};
use crate::{seeing::report::Kind, sync::Arc};

/// A function with its cache: every distinct key is computed once, by whichever thread, and kept.
///
/// `#[cache]` makes one for each function; [`Cache::from_fn`] makes one of a closure. `K` is the tuple of the
/// arguments, in their owned forms, and `R` the result.
///
/// # Guarantees
/// - Each distinct key is computed once, however many threads ask for it at the same time.
/// - No deadlock, for any size of the thread pool, whoever calls. Where a body itself uses rayon, a call may be computed a
///   second time rather than waited for, and never a third. So may one of which there is no telling whether its body does, after
///   half a second without a sign of life: on systems other than Linux, one that runs on a thread that is none of rayon's.
/// - Depth is bounded by memory, not by the stack. A recursion without an end panics when it has taken 8 GiB, or what
///   [`set_stack_limit`](crate::cache::set_stack_limit) says.
/// - A call that needs its own result panics with the chain of calls; it does not hang.
/// - A panic in the function reaches every caller that needs the value. Nothing is cached, and the next call tries again.
///
/// Two things hang, as they do in rayon alone, since nobody can see what is waited for: a call whose body hands to another
/// pool by name (`ThreadPool::install`) work that needs that very call, which is a cycle; and a body that waits by a message
/// for a job of the pool whose threads wait for that body. `speedup::join` and `speedup::map` do neither.
///
/// # Complexity
/// A call whose value is there is O(1), takes no lock and writes to memory of its own thread alone. Keys of one to four
/// small integers are found in an array, all others by hashing.
///
/// # Examples
/// ```
/// use speedup_runtime::Cache;
///
/// let lengths = Cache::from_fn(|text: String| text.len());
/// assert_eq!(lengths.get(("twelve chars".to_string(),)), 12);
/// assert_eq!(lengths.peek(&("twelve chars".to_string(),)), Some(12));
/// assert_eq!(lengths.stats().misses, 1);
/// ```
pub struct Cache<K: Key, R: Output> {
    /// The core: in a static, or counted and alive as long as it is kept.
    core: *const Core<K, R>,
    pub(in crate::cache) function: Function<K, R>,
    kept: Option<Kept>,
    /// Where the values are if there is a table for each set of arguments that are passed on; the core then only shares work.
    pub(in crate::cache) divided: Option<&'static dyn Divided<K, R>>,
    owns: PhantomData<Arc<Core<K, R>>>,
}

// SAFETY: the core is shared state behind atomics and locks; the rest is a function that may be called from anywhere.
unsafe impl<K: Key, R: Output> Send for Cache<K, R> {}
// SAFETY: as above.
unsafe impl<K: Key, R: Output> Sync for Cache<K, R> {}

/// What a static holds for a [`Cache`]: its values.
///
/// It goes by the type of its cache, so that what is wrong with an argument or a result is the same fault in both, which
/// the compiler reports once.
pub type State<K, R> = Values<Cache<K, R>>;

/// The values of a cache. See [`State`].
pub struct Values<C: Parts>(Core<C::Key, C::Output>);

/// A [`Cache`] and the types that it is made of.
pub trait Parts {
    /// The tuple of the arguments.
    type Key: Key;
    /// The result.
    type Output: Output;
}

#[diagnostic::do_not_recommend]
impl<K: Key, R: Output> Parts for Cache<K, R> {
    type Key = K;
    type Output = R;
}

impl<K: Key, R: Output> State<K, R> {
    /// No values yet.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "made in statics")]
    pub const fn new() -> Self {
        Self(Core::listed(Kind::Cache))
    }
}

impl<K: Key, R: Output> State<K, R> {
    /// The values of a cache that is part of something else.
    pub(in crate::cache) const fn of_a_part() -> Self {
        Self(Core::new())
    }

    pub(in crate::cache) fn core(&self) -> &Core<K, R> {
        &self.0
    }
}

impl<C: Parts> fmt::Debug for Values<C> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("State").finish_non_exhaustive()
    }
}

// SAFETY: as for `Cache`.
unsafe impl<C: Parts> Sync for Values<C> {}

impl<K: Key, R: Output> Cache<K, R> {
    /// A cache whose values are in a static, which is what `#[cache]` makes.
    #[must_use]
    pub const fn of(state: &'static State<K, R>, function: Function<K, R>) -> Self {
        Self { core: &raw const state.0, function, kept: None, divided: None, owns: PhantomData }
    }

    /// What is called on a miss.
    pub(in crate::cache) fn function(&self) -> &Function<K, R> {
        &self.function
    }

    /// A cache of its own around a function or closure of up to six arguments.
    ///
    /// Dropping it forgets the values; what is being computed is finished.
    ///
    /// # Examples
    /// ```
    /// use speedup_runtime::Cache;
    ///
    /// let add = Cache::from_fn(|a: u32, b: u32| a + b);
    /// assert_eq!(add.get((2, 3)), 5);
    /// ```
    #[must_use]
    pub fn from_fn<F: IntoFunction<K, R>>(function: F) -> Self {
        let core = Core::listed(Kind::Cache);
        Self::around(core, Function::closure(function.into_shared()).of_type::<F>())
    }

    /// A core with its function.
    pub(in crate::cache) fn around(core: Core<K, R>, function: Function<K, R>) -> Self {
        let (core, kept) = core.into_counted();
        Self { core: core.as_ptr(), function, kept: Some(kept), divided: None, owns: PhantomData }
    }

    #[inline]
    pub(in crate::cache) fn core(&self) -> &Core<K, R> {
        // SAFETY: a static, or counted and released only when the handle is dropped.
        unsafe { &*self.core }
    }

    /// The value of a key, computed if need be.
    ///
    /// # Panics
    /// If the function panics for this key, or if the key is being computed by a call that needs this one, with a message
    /// that names the chain of calls.
    // Always: a level of a recursion through the cache is to have one frame, see `execute`.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn get(&self, key: K::Args) -> R {
        self.core().get(self.function.callee(), &K::of(key))
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
    /// use speedup_runtime::Cache;
    ///
    /// let lengths = Cache::from_fn(|text: String| text.len());
    /// assert_eq!(lengths.get_ref(("four",)), 4);
    /// ```
    #[inline]
    pub fn get_ref<Q: Lookup<K>>(&self, key: Q) -> R {
        // Small integers are found by their value.
        if K::is_small() {
            return self.core().get(self.function.callee(), &key.to_key());
        }
        match self.core().hit(key, None) {
            Some(value) => value,
            None => self.core().get(self.function.callee(), &key.to_key()),
        }
    }

    /// The value of a key if it is there, in memory or in the store; never computes.
    pub fn peek(&self, key: &K::Args) -> Option<R> {
        K::with(key, |key| match self.divided {
            Some(divided) => divided.peek(key),
            None => {
                let found = self.core().peek(key, key.pack(), registry::current());
                found.or_else(|| self.function.docked()?.peek(key))
            }
        })
    }

    /// Whether the value of a key is there, in memory or in the store; never computes.
    pub fn contains(&self, key: &K::Args) -> bool {
        K::with(key, |key| match self.divided {
            Some(divided) => divided.peek(key).is_some(),
            None => {
                let stored = || self.function.docked().is_some_and(|behind| behind.peek(key).is_some());
                self.core().contains(key, registry::current()) || stored()
            }
        })
    }

    /// Puts a value in, and returns the one that was there.
    ///
    /// If the key is being computed at this moment, the computed value stays and the given one is dropped: those who
    /// wait for it and those who come later get the same.
    pub fn insert(&self, key: K::Args, value: R) -> Option<R> {
        self.insert_key(K::of(key), value)
    }

    pub(in crate::cache) fn insert_key(&self, key: K, value: R) -> Option<R> {
        if let Some(divided) = self.divided {
            return divided.insert(key, value);
        }
        if let Some(behind) = self.function.docked() {
            behind.insert(&key, &value);
        }
        self.core().insert(&self.function, &key, value, registry::current())
    }

    /// Forgets a key, and returns its value if it was there.
    ///
    /// A computation of the key that is in flight is not disturbed, and its value is kept.
    pub fn remove(&self, key: &K::Args) -> Option<R> {
        K::with(key, |key| self.remove_key(key))
    }

    pub(in crate::cache) fn remove_key(&self, key: &K) -> Option<R> {
        if let Some(divided) = self.divided {
            return divided.remove(key);
        }
        let stored = self.function.docked().and_then(|behind| {
            let value = behind.peek(key);
            behind.remove(key);
            value
        });
        self.core().remove(key, registry::current()).or(stored)
    }

    /// Computes a key again, keeps the new value instead of the old one and returns it.
    ///
    /// The old value stays, and is what others see, until the new one is there.
    ///
    /// # Panics
    /// If the function panics; the old value then stays.
    pub fn refresh(&self, key: K::Args) -> R {
        let key = K::of(key);
        if let Some(divided) = self.divided {
            return divided.refresh(key);
        }
        let Some(behind) = self.function.docked() else {
            return self.core().refresh(self.function.callee(), &key, registry::current());
        };
        let mut result = None;
        behind.afresh(&key, &mut || {
            result = Some(self.core().refresh(self.function.callee(), &key, registry::current()));
        });
        result.expect("what is computed afresh is computed")
    }

    /// How many values there are. While others remove and replace values, those may be counted twice or not at all.
    ///
    /// # Complexity
    /// O(n): nothing is counted when values come and go.
    #[must_use]
    pub fn len(&self) -> usize {
        if let Some(divided) = self.divided {
            return divided.len();
        }
        self.core().len(registry::current())
    }

    /// Whether there is no value. O(n), as [`len`](Self::len).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets everything and frees the memory.
    ///
    /// Readers are not disturbed. What is being computed at this moment is finished for its caller and not kept; who
    /// waits for it asks again, and so gets a value that is.
    pub fn clear(&self) {
        if let Some(divided) = self.divided {
            return divided.clear();
        }
        if let Some(behind) = self.function.docked() {
            behind.clear();
        }
        self.core().clear();
    }

    /// Another handle of the same cache, for a call that may outlive this one.
    pub(in crate::cache) fn again(&self) -> Self {
        Self {
            core: self.core,
            function: self.function.clone(),
            kept: self.core().keep(),
            divided: self.divided,
            owns: PhantomData,
        }
    }
}

impl<K: Key, R: Output> Drop for Cache<K, R> {
    fn drop(&mut self) {
        if let Some(kept) = self.kept.take() {
            drop(kept);
            registry::collect();
        }
    }
}
