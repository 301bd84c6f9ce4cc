//! Calls whose body gets more than its key: `self`, a database, whatever the caller has at hand.
//!
//! The body is a closure that has captured it. It is lent to whichever thread runs the call, and every caller brings its own; so it
//! may borrow from the caller's stack. Where the values are differs: in a static ([`Cache::get_with`]), in a field
//! ([`Memo::get_with`](crate::Memo::get_with)), or in a table that the outermost call makes and that goes when it ends ([`Scoped::get`]).

use crate::cache::{
    api::cache::Cache,
    call::{
        at_hand::Free,
        bodies::{self, Inside},
        callee::Callee,
        function::Function,
        state::Core,
    },
    table::key::{Key, Lookup, Output},
    thread::registry::Worker,
};
use crate::seeing::report::Kind;

pub use crate::cache::call::bodies::Body;

#[diagnostic::do_not_recommend]
impl<K: Key, R: Output, C: Sync + Fn(&K) -> R> Body<K, R> for C {
    const IS_LOCAL: bool = false;

    #[cfg_attr(not(debug_assertions), inline(always))]
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

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn compute(&self, key: &K, _: Inside<'_, K, R>) -> R {
        (self.0)(key)
    }
}

/// A body that says which calls it will make: by [`Inside::ahead`].
pub struct With<C>(pub C);

#[diagnostic::do_not_recommend]
impl<K: Key, R: Output, C: Sync + Fn(&K, Inside<'_, K, R>) -> R> Body<K, R> for With<C> {
    const IS_LOCAL: bool = false;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn compute(&self, key: &K, inside: Inside<'_, K, R>) -> R {
        (self.0)(key, inside)
    }
}

/// A body, and what says which of its results are kept. It says so where the body ends; what it is not true of is decided as the function says.
pub struct Keeping<B, G>(pub B, pub G);

#[diagnostic::do_not_recommend]
impl<K: Key, R: Output, B: Body<K, R>, G: Sync + Fn(&R) -> bool> Body<K, R> for Keeping<B, G> {
    const IS_LOCAL: bool = B::IS_LOCAL;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn compute(&self, key: &K, inside: Inside<'_, K, R>) -> R {
        self.0.compute(key, inside)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    unsafe fn compute_in_scope(&self, key: &K, inside: Inside<'_, K, R>) -> R {
        // SAFETY: passed on.
        unsafe { self.0.compute_in_scope(key, inside) }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn keeps(&self, value: &R) -> bool {
        (self.1)(value)
    }
}

/// What to call for a caller with this body.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(in crate::cache) fn callee<'a, K: Key, R: Output, B: Body<K, R>>(
    function: &'a Function<K, R>,
    body: &'a B,
) -> Callee<'a, K, R> {
    // SAFETY: this is no scope.
    unsafe { bodies::callee_in::<_, _, _, false>(function, body) }
}

impl<K: Key, R: Output> Core<K, R> {
    /// The value of a key in a scope, computed if need be by this body. `describe` says what is special about the function.
    ///
    /// # Safety
    /// The core is that of a scope.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) unsafe fn get_in_scope<B: Body<K, R>>(
        &self,
        key: &K,
        worker: &'static Worker,
        describe: impl Fn() -> Function<K, R>,
        body: &B,
    ) -> R {
        // Looked for once: what is more than a hit is left to `execute`, which looks again where it may claim the slot.
        // SAFETY: by the contract.
        match unsafe { self.look_in_scope(key, worker) } {
            Ok(value) => value,
            // SAFETY: by the contract, and found just now.
            Err(free) => unsafe { self.get_free_in_scope(key, worker, free, describe, body) },
        }
    }

    /// The same for a key for which has been looked in vain.
    ///
    /// # Safety
    /// The core is that of a scope, and the slot was found for this key.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) unsafe fn get_free_in_scope<B: Body<K, R>>(
        &self,
        key: &K,
        worker: &'static Worker,
        free: Option<Free<'_, K, R>>,
        describe: impl Fn() -> Function<K, R>,
        body: &B,
    ) -> R {
        let function = self.function.get_or_init(describe);
        // SAFETY: whoever is called is called for this core, which is that of a scope.
        let callee = unsafe { bodies::callee_in::<_, _, _, true>(function, body) };
        // SAFETY: by the contract.
        unsafe { self.get_free(callee, key, worker, free) }
    }

    /// The same for a key that is only borrowed: a hit copies nothing.
    ///
    /// # Safety
    /// The core is that of a scope.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) unsafe fn get_ref_in_scope<Q: Lookup<K>, B: Body<K, R>>(
        &self,
        key: Q,
        worker: &'static Worker,
        describe: impl Fn() -> Function<K, R>,
        body: &B,
    ) -> R {
        // Small integers are found by their value.
        let hit = if K::is_small() { None } else { self.hit(key, None) };
        // SAFETY: by the contract.
        hit.unwrap_or_else(|| unsafe { self.get_in_scope(&key.to_key(), worker, describe, body) })
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
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn get_with<B: Body<K, R>>(&self, key: K, body: B) -> R {
        self.core().get(callee(self.function(), &body), &key)
    }

    /// As [`get_with`](Self::get_with), for a key that is only borrowed: a tuple of references, one for each part.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn get_ref_with<Q: Lookup<K>, B: Body<K, R>>(&self, key: Q, body: B) -> R {
        let hit = if K::is_small() { None } else { self.core().hit(key, None) };
        hit.unwrap_or_else(|| self.core().get(callee(self.function(), &body), &key.to_key()))
    }
}

impl<K: Key, R: Output> Cache<K, R> {
    /// A cache of its own around a function.
    pub(in crate::cache) fn owned(function: Function<K, R>, kind: Kind) -> Self {
        Self::around(Core::listed(kind), function)
    }
}
