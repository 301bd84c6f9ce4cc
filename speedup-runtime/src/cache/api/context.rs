//! Calls whose body gets more than its key: `self`, a database, whatever the caller has at hand.
//!
//! The body is a closure that has captured it. It is lent to whichever thread runs the call, and every caller brings its own; so it
//! may borrow from the caller's stack. Where the values are differs: in a static ([`Cache::get_with`]), in a field
//! ([`Memo::get_with`]), or in a table that the outermost call makes and that goes when it ends ([`Scoped::get`]).

use std::{fmt, marker::PhantomData};

use once_cell::race::OnceBox;

use crate::cache::{
    api::cache::Cache,
    call::{
        callee::Callee,
        execute::{self, Inside},
        function::Function,
        state::Core,
    },
    table::key::{Key, Lookup, Output},
};
use crate::seeing::{report::Kind, stats::Stats};

/// The body of a call: a closure that is `Sync`, since calls that do not need each other run on several threads; or one in
/// [`Local`].
#[diagnostic::on_unimplemented(
    message = "what this call passes on cannot be shared between threads",
    note = "calls that do not need each other run on several threads, with all that the function gets beside its key: that must be `Sync`",
    note = "write `#[cache(sequential, ..)]` to run all calls on the caller's thread"
)]
pub trait Body<K: Key, R: Output> {
    /// Whether the body runs on the caller's thread alone.
    #[doc(hidden)]
    const IS_LOCAL: bool;

    /// Computes the value of a key.
    #[doc(hidden)]
    fn compute(&self, key: &K, inside: Inside<'_, K, R>) -> R;
}

#[diagnostic::do_not_recommend]
impl<K: Key, R: Output, C: Sync + Fn(&K) -> R> Body<K, R> for C {
    const IS_LOCAL: bool = false;

    #[inline(always)]
    fn compute(&self, key: &K, _: Inside<'_, K, R>) -> R {
        self(key)
    }
}

/// A body that runs on the caller's thread alone, and so may hold what is not `Sync`.
///
/// Where it uses rayon, and a call of it waits for another thread that waits for it, the value is computed twice.
pub struct Local<C>(pub C);

#[diagnostic::do_not_recommend]
impl<K: Key, R: Output, C: Fn(&K) -> R> Body<K, R> for Local<C> {
    const IS_LOCAL: bool = true;

    #[inline(always)]
    fn compute(&self, key: &K, _: Inside<'_, K, R>) -> R {
        (self.0)(key)
    }
}

/// A body that says which calls it will make: by [`Inside::ahead`].
pub struct With<C>(pub C);

#[diagnostic::do_not_recommend]
impl<K: Key, R: Output, C: Sync + Fn(&K, Inside<'_, K, R>) -> R> Body<K, R> for With<C> {
    const IS_LOCAL: bool = false;

    #[inline(always)]
    fn compute(&self, key: &K, inside: Inside<'_, K, R>) -> R {
        (self.0)(key, inside)
    }
}

/// What to call for a caller with this body.
#[inline(always)]
pub(in crate::cache) fn callee<'a, K: Key, R: Output, B: Body<K, R>>(
    function: &'a Function<K, R>,
    body: &'a B,
) -> Callee<'a, K, R> {
    // SAFETY: a body that is not `Sync` is a local one.
    unsafe { execute::callee_in(function, body, B::compute, B::IS_LOCAL) }
}

impl<K: Key, R: Output> Core<K, R> {
    /// The value of a key, computed if need be by this body. `describe` says what is special about the function.
    #[inline(always)]
    pub(in crate::cache) fn get_with<B: Body<K, R>>(
        &self,
        key: &K,
        describe: impl Fn() -> Function<K, R>,
        body: &B,
    ) -> R {
        // Looked for once: what is more than a hit is left to `execute`, which looks again where it may claim the slot.
        if let Some(value) = self.hit_small(key) {
            return value;
        }
        let function = self.function.get_or_init(describe);
        self.get_missed(callee(function, body), key)
    }

    /// The same for a key that is only borrowed: a hit copies nothing.
    #[inline(always)]
    pub(in crate::cache) fn get_ref_with<Q: Lookup<K>, B: Body<K, R>>(
        &self,
        key: Q,
        describe: impl Fn() -> Function<K, R>,
        body: &B,
    ) -> R {
        // Small integers are found by their value.
        let hit = if K::is_small() { None } else { self.hit(key, None) };
        hit.unwrap_or_else(|| self.get_with(&key.to_key(), describe, body))
    }
}

impl<K: Key, R: Output> Cache<K, R> {
    /// The value of a key, computed if need be by this body instead of the cache's own function: what `#[cache]` with `skip` or
    /// `key` makes of a call.
    ///
    /// The body may borrow: it is lent to the threads that run it, and has been given back when this returns. For one key all
    /// bodies give the same value, or any of them.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    ///
    /// # Examples
    /// ```
    /// use speedup_runtime::Cache;
    ///
    /// let cache = Cache::from_fn(|n: u64| n);
    /// let table = [0, 1, 4, 9];
    /// assert_eq!(cache.get_with((3,), |(n,): &(u64,)| table[*n as usize]), 9);
    /// assert_eq!(cache.peek(&(3,)), Some(9));
    /// ```
    #[inline(always)]
    pub fn get_with<B: Body<K, R>>(&self, key: K, body: B) -> R {
        self.core().get(callee(self.function(), &body), &key)
    }

    /// As [`get_with`](Self::get_with), for a key that is only borrowed: a tuple of references, one for each part.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    #[inline(always)]
    pub fn get_ref_with<Q: Lookup<K>, B: Body<K, R>>(&self, key: Q, body: B) -> R {
        let hit = if K::is_small() { None } else { self.core().hit(key, None) };
        hit.unwrap_or_else(|| self.core().get(callee(self.function(), &body), &key.to_key()))
    }
}

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

/// A cache without the bounds of one: a type with a [`Memo`] in it need not name them.
struct Held<K, R> {
    cache: *mut (),
    /// Drops the box at this address.
    free: unsafe fn(*mut ()),
    of: PhantomData<fn(K) -> R>,
}

// SAFETY: a `Cache`, by `Held::new`.
unsafe impl<K, R> Send for Held<K, R> {}
// SAFETY: as above.
unsafe impl<K, R> Sync for Held<K, R> {}

impl<K, R> Held<K, R> {
    fn new(cache: Cache<K, R>) -> Self
    where
        K: Key,
        R: Output,
    {
        unsafe fn free<T>(at: *mut ()) {
            // SAFETY: only `drop` calls this, once, with the address that was made of a box of this type.
            drop(unsafe { Box::from_raw(at.cast::<T>()) });
        }
        Self { cache: Box::into_raw(Box::new(cache)).cast(), free: free::<Cache<K, R>>, of: PhantomData }
    }

    #[inline(always)]
    fn cache(&self) -> &Cache<K, R>
    where
        K: Key,
        R: Output,
    {
        // SAFETY: made of a box of this type, which is dropped with `self`.
        unsafe { &*self.cache.cast() }
    }
}

impl<K, R> Drop for Held<K, R> {
    fn drop(&mut self) {
        // SAFETY: see `free`.
        unsafe { (self.free)(self.cache) };
    }
}

impl<K, R> Memo<K, R> {
    /// No values yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { cache: OnceBox::new() }
    }
}

impl<K: Key, R: Output> Memo<K, R> {
    #[inline(always)]
    pub(super) fn cache(&self) -> Option<&Cache<K, R>> {
        self.cache.get().map(Held::cache)
    }

    /// The value of a key, computed if need be by this body. As [`Cache::get_with`].
    ///
    /// # Panics
    /// As [`Cache::get`].
    #[inline(always)]
    pub fn get_with<B: Body<K, R>>(&self, key: K, body: B) -> R {
        self.get_as(key, || Function::of_context("memo"), body)
    }

    /// The same for a function of which more is known: what `#[cache(field = ..)]` writes.
    ///
    /// # Panics
    /// As [`Cache::get`].
    #[inline(always)]
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
    #[inline(always)]
    pub fn get_ref_as<Q: Lookup<K>, B: Body<K, R>>(&self, key: Q, describe: impl Fn() -> Function<K, R>, body: B) -> R {
        match self.cache() {
            Some(cache) => cache.get_ref_with(key, body),
            None => self.made(describe).get_ref_with(key, body),
        }
    }

    #[cold]
    #[inline(never)]
    fn made(&self, describe: impl Fn() -> Function<K, R>) -> &Cache<K, R> {
        self.cache.get_or_init(|| Box::new(Held::new(Cache::owned(describe(), Kind::Memo)))).cache()
    }

    /// The value of a key if it is there; never computes.
    pub fn peek(&self, key: &K::Args) -> Option<R> {
        self.cache()?.peek(key)
    }

    /// Whether the value of a key is there; never computes.
    pub fn contains(&self, key: &K::Args) -> bool {
        self.cache().is_some_and(|cache| cache.contains(key))
    }

    /// Forgets a key, and returns its value if it was there.
    pub fn remove(&self, key: &K::Args) -> Option<R> {
        self.cache()?.remove(key)
    }

    /// Forgets everything and frees the memory: to be called where the value that the results are about has changed.
    pub fn clear(&self) {
        if let Some(cache) = self.cache() {
            cache.clear();
        }
    }

    /// How many values there are. O(n).
    #[must_use]
    pub fn len(&self) -> usize {
        self.cache().map_or(0, |cache| cache.len())
    }

    /// Whether there is no value. O(n).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What has been done so far. O(n).
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.cache().map_or_else(Stats::default, |cache| cache.stats())
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

impl<K: Key, R: Output> Cache<K, R> {
    /// A cache of its own around a function.
    pub(in crate::cache) fn owned(function: Function<K, R>, kind: Kind) -> Self {
        Self::around(Core::listed(kind), function)
    }
}
