//! Calls that a body makes of its own function, where it runs in a table that its outermost call has chosen or made: they go on in that table,
//! and need not look for it.
//!
//! ```text
//! fn __rows_uncached(inside: Option<AtPlace<'_, ..>>, row: &[u8], n: usize) -> u64 {
//!     let running = inside.map(|inside| (inside, (given(row, inside.place().0, &inside.key().0),)));
//!     let rows = |row: &[u8], n: usize| {
//!         AtPlace::get(running, |inside, given| Some((span_beside(row, given.0)?, n)), || (row, &n), || rows(row, n))
//!     };
//!     { .. }
//! }
//! ```
//!
//! What most calls pass on ends where the part ends that the body was given. There the compiler sees at which place that is.

use std::{mem::ManuallyDrop, ptr};

use crate::cache::{
    api::outermost::{Outermost, first_at},
    call::bodies::Inside,
    table::key::{Key, Lookup, Output},
    thread::{call_stack, frame::Frame, registry},
};

/// A running call by place, as its body sees it.
pub struct AtPlace<'c, S: Key, K: Key, V: Key, R: Output> {
    /// The core was made for an outermost call, which this is.
    inside: Inside<'c, V, R>,
    own: &'c Outermost<S, K, R>,
    place: &'c V,
}

impl<S: Key, K: Key, V: Key, R: Output> Clone for AtPlace<'_, S, K, V, R> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: Key, K: Key, V: Key, R: Output> Copy for AtPlace<'_, S, K, V, R> {}

impl<'c, S: Key, K: Key, V: Key, R: Output> AtPlace<'c, S, K, V, R> {
    /// # Safety
    /// The core is one that was made for this outermost call.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) unsafe fn new(own: &'c Outermost<S, K, R>, place: &'c V, inside: Inside<'c, V, R>) -> Self {
        Self { inside, own, place }
    }

    /// The place of the running call.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn place(self) -> &'c V {
        self.place
    }

    /// The arguments that all calls pass on.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn steady(self) -> &'c S {
        self.own.steady()
    }

    /// The arguments that vary, of the outermost call.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn key(self) -> &'c K {
        self.own.key()
    }

    /// The value of a call that a body makes of its own function, computed if need be: where the body runs by place, in its table, if what the call
    /// passes on has a place in what the outermost call was given; otherwise `by_contents`.
    ///
    /// # Panics
    /// As [`Cache::get`](crate::Cache::get).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn get<G, Q: Lookup<K>>(
        running: Option<(Self, G)>,
        place: impl FnOnce(Self, G) -> Option<V::Args>,
        key: impl FnOnce() -> Q,
        by_contents: impl FnOnce() -> R,
    ) -> R {
        let Some((inside, given)) = running else { return by_contents() };
        match place(inside, given) {
            Some(place) => inside.get_at(V::of(place), key),
            None => elsewhere(by_contents),
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn get_at<Q: Lookup<K>>(self, place: V, key: impl FnOnce() -> Q) -> R {
        // A hit has it nowhere in memory: it is put there where it is needed.
        let place = ManuallyDrop::new(place);
        let (Inside { core, callee }, worker) = (self.inside, registry::current());
        // SAFETY: made for an outermost call, whose tables last.
        let free = match unsafe { core.look_at_hand(&place, worker) } {
            Ok(value) => {
                drop(ManuallyDrop::into_inner(place));
                return value;
            }
            Err(free) => free,
        };
        let place = ManuallyDrop::into_inner(place);
        // Made by the outermost call itself, unless by one that goes on in its table.
        let is_core = |frame: &Frame| ptr::eq(frame.cache(), core.header());
        if !call_stack::top(worker).is_some_and(|top| is_core(top) && top.parent().is_some_and(is_core)) {
            return first_at(core, callee.function, self.own, &place, key());
        }
        // SAFETY: found for this call.
        unsafe { core.get_free(callee, &place, worker, free) }
    }
}

/// A call that has no place in the running one's table.
#[cold]
#[inline(never)]
fn elsewhere<R>(call: impl FnOnce() -> R) -> R {
    call()
}
