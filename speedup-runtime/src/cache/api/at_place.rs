//! Calls that a body makes of its own function, where it runs in a table that its outermost call has chosen or made: they go on in that table,
//! and need not look for it.
//!
//! ```text
//! |own, (row, n), inside| {
//!     if span_reaches(&own.key().0, row) {
//!         let given = (span_given(&own.key().0, row),);
//!         __rows_uncached(Some(inside.with(given, true)), given.0.part(), n)
//!     } else {
//!         .. the same, with `false`
//!     }
//! }
//! fn __rows_uncached(running: Option<AtParts<'_, ..>>, row: &[u8], n: usize) -> u64 {
//!     let rows = |row: &[u8], n: usize| {
//!         let Some((inside, given, reach)) = running.map(AtParts::parts) else { return rows(row, n) };
//!         let place = if reach && given.0.ends_with(row) {
//!             (given.0.number_of_end(row), n)
//!         } else {
//!             let far = || Some((given.0.number_of(row)?, n));
//!             let Some(far) = far() else { return elsewhere(|| rows(row, n)) };
//!             far
//!         };
//!         inside.get(place, || (row, &n))
//!     };
//!     { .. }
//! }
//! ```
//!
//! What most calls pass on ends where the part ends that the body was given, which reaches to the end of the whole. There the compiler sees at
//! which place that is. Others are looked for out of line. The body is compiled for both kinds of parts, so that neither asks which it is.
//!
//! A body that makes all these calls itself, and none in a closure, which may go to another thread, gets [`AtPlaceHere`].

use std::{hint::cold_path, marker::PhantomData, mem::ManuallyDrop, ptr};

use crate::cache::{
    api::outermost::{Outermost, first_at},
    call::bodies::{Inside, Running},
    sharing::granularity::Grain,
    table::key::{Key, Lookup, Output},
    thread::{
        call_stack,
        frame::Frame,
        registry::{self, Worker},
    },
};

/// A running call by place.
pub struct AtPlace<'c, S: Key, K: Key, V: Key, R: Output> {
    /// The core was made for an outermost call, which this is.
    inside: Inside<'c, V, R>,
    own: &'c Outermost<S, K, R>,
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
    pub(super) unsafe fn new(own: &'c Outermost<S, K, R>, inside: Inside<'c, V, R>) -> Self {
        Self { inside, own }
    }

    /// The arguments that all calls pass on.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn steady(self) -> &'c S {
        self.own.steady()
    }

    /// The running call, with the parts that it is given and whether all of them reach to the ends of what they lie in.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn with<G: Copy>(self, given: G, reach_to_the_ends: bool) -> AtParts<Self, G> {
        AtParts { inside: self, given, reach_to_the_ends }
    }

    /// The value of a call that has this place in its table and these contents, computed if need be.
    ///
    /// # Panics
    /// As [`Cache::get`](crate::Cache::get).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn get<Q: Lookup<K>>(self, place: V::Args, key: impl FnOnce() -> Q) -> R {
        let worker = registry::current();
        let is_own = |frame: &&Frame| ptr::eq(frame.cache(), self.inside.core.header());
        self.get_by(worker, || call_stack::top(worker).filter(is_own), place, key)
    }

    /// The same with the thread's worker at hand, and what tells the innermost running call, if that is one of this core.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn get_by<'w, Q: Lookup<K>>(
        self,
        worker: &'static Worker,
        top: impl FnOnce() -> Option<&'w Frame>,
        place: V::Args,
        key: impl FnOnce() -> Q,
    ) -> R {
        // A hit has it nowhere in memory: it is put there where it is needed.
        let place = ManuallyDrop::new(V::of(place));
        let Inside { core, callee } = self.inside;
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
        if !top().and_then(Frame::parent).is_some_and(|parent| ptr::eq(parent.cache(), core.header())) {
            cold_path();
            return first_at(core, callee.function, self.own, &place, key());
        }
        // SAFETY: found for this call.
        unsafe { core.get_free(callee, &place, worker, free) }
    }
}

/// The same, as a body sees it that makes all its calls itself, on the thread that runs it: what belongs to the thread is at hand.
pub struct AtPlaceHere<'c, S: Key, K: Key, V: Key, R: Output> {
    inside: AtPlace<'c, S, K, V, R>,
    worker: &'static Worker,
    frame: &'c Frame,
    /// It stays on the thread.
    here: PhantomData<*const ()>,
}

impl<S: Key, K: Key, V: Key, R: Output> Clone for AtPlaceHere<'_, S, K, V, R> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: Key, K: Key, V: Key, R: Output> Copy for AtPlaceHere<'_, S, K, V, R> {}

impl<'c, S: Key, K: Key, V: Key, R: Output> AtPlaceHere<'c, S, K, V, R> {
    /// # Safety
    /// The core is one that was made for this outermost call.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) unsafe fn new(own: &'c Outermost<S, K, R>, running: Running<'c, V, R>) -> Self {
        let Running { inside, worker, frame } = running;
        // SAFETY: passed on.
        Self { inside: unsafe { AtPlace::new(own, inside) }, worker, frame, here: PhantomData }
    }

    /// As [`AtPlace::steady`].
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn steady(self) -> &'c S {
        self.inside.steady()
    }

    /// As [`AtPlace::with`].
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn with<G: Copy>(self, given: G, reach_to_the_ends: bool) -> AtParts<Self, G> {
        AtParts { inside: self, given, reach_to_the_ends }
    }

    /// As [`AtPlace::get`].
    ///
    /// # Panics
    /// As [`Cache::get`](crate::Cache::get).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn get<Q: Lookup<K>>(self, place: V::Args, key: impl FnOnce() -> Q) -> R {
        self.inside.get_by(self.worker, || Some(self.frame), place, key)
    }
}

impl<S: Key, K: Key, V: Key, R: Output, G> AtParts<AtPlaceHere<'_, S, K, V, R>, G> {
    /// Whether anything may come of a forecast, as [`may_look_ahead`](super::spans::may_look_ahead) says, by the worker at hand.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn may_look_ahead(running: &Option<Self>) -> bool {
        let worker = running.as_ref().map_or_else(registry::current, |running| running.inside.worker);
        let may = !Grain::is_alone(worker);
        if may {
            cold_path();
        }
        may
    }
}

/// A running call by place with the parts that it is given, as its body sees it.
#[derive(Clone, Copy)]
pub struct AtParts<I, G> {
    inside: I,
    given: G,
    reach_to_the_ends: bool,
}

impl<I, G> AtParts<I, G> {
    /// The call, the parts that it is given, and whether all of them reach to the ends of what they lie in.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn parts(self) -> (I, G, bool) {
        (self.inside, self.given, self.reach_to_the_ends)
    }
}

/// A call that has no place in the running one's table.
///
/// The closure is to be made where it is given, and nowhere else: it lies in memory with all that it captures, from where it is made on.
#[cold]
#[inline(never)]
pub fn elsewhere<R>(call: impl FnOnce() -> R) -> R {
    call()
}
