//! What an outermost call of a function by places was given, and calls that it makes itself (see [`Spans`](crate::cache::Spans)).

use std::ptr::null;

use crate::cache::{
    call::{callee::Callee, function::Function, state::Core},
    table::key::{Key, Lookup, Output},
};

/// What an outermost call was given: the arguments that all calls pass on, and the others, which the parts lie in.
pub struct Outermost<S: Key, K: Key, R: Output> {
    /// Where it is looked up by contents. Borrowed for as long as a call of it runs, as is what follows; then only compared.
    pub(super) content: *const Core<K, R>,
    pub(super) steady: *const S,
    pub(super) key: K,
}

// SAFETY: shared state and arguments, which are both.
unsafe impl<S: Key, K: Key, R: Output> Send for Outermost<S, K, R> {}
// SAFETY: as above.
unsafe impl<S: Key, K: Key, R: Output> Sync for Outermost<S, K, R> {}

impl<S: Key, K: Key, R: Output> Outermost<S, K, R> {
    /// The arguments that all calls pass on.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn steady(&self) -> &S {
        // SAFETY: who has an outermost call at hand is a call inside it, or one that was just given the same.
        unsafe { &*self.steady }
    }

    /// The others.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn key(&self) -> &K {
        &self.key
    }
}

/// A call that an outermost call makes itself, which may have been an outermost call before.
#[cold]
#[inline(never)]
pub(super) fn first_at<S: Key, K: Key, V: Key, R: Output, Q: Lookup<K>>(
    core: &Core<V, R>,
    function: &Function<V, R>,
    own: &Outermost<S, K, R>,
    place: &V,
    key: Q,
) -> R {
    if let Some(value) = core.hit(place, place.pack()) {
        return value;
    }
    // SAFETY: the outermost call runs, and its cache with it.
    if let Some(value) = unsafe { &*own.content }.hit(key, None) {
        return value;
    }
    core.get(callee(function, core), place)
}

/// What to call for a call in this core.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) fn callee<'a, V: Key, R: Output>(function: &'a Function<V, R>, core: &'a Core<V, R>) -> Callee<'a, V, R> {
    function.callee_in(core.steady.as_ref().map_or(null(), |own| own.at().as_ptr().cast_const()))
}
