//! A function together with what one caller passes on.

use std::ptr::null;

use crate::cache::{
    call::{claim_guard::Flight, function::Function, state::Core},
    table::key::{Key, Output},
    thread::registry::Worker,
};

/// See [`Callee::run_claimed`] and [`run_known`](crate::cache::call::bodies::run_known). The two before the last are the parts of the claim's goal, so that all of
/// it is passed in registers.
pub(in crate::cache) type Run<K, R> = unsafe fn(&Core<K, R>, &Function<K, R>, &K, u64, *const (), &'static Worker) -> R;

impl<K, R> Function<K, R> {
    /// What to call for somebody who has nothing to pass on.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn callee(&self) -> Callee<'_, K, R>
    where
        K: Key,
        R: Output,
    {
        self.callee_in(null())
    }

    /// What to call for somebody whose context is at this address.
    ///
    /// A context is read by [`run_in`](crate::cache::call::bodies::run_in) alone, whose makers see to its type and to its life.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn callee_in(&self, context: *const ()) -> Callee<'_, K, R>
    where
        K: Key,
        R: Output,
    {
        // SAFETY: `of` made it of a pointer of this type, for the same key and result.
        let run = unsafe { std::mem::transmute::<fn(), Run<K, R>>(self.run) };
        Callee { function: self, run, context, is_local: false }
    }
}

/// A function together with what one caller passes on to its body.
pub(in crate::cache) struct Callee<'a, K: Key, R: Output> {
    pub(in crate::cache) function: &'a Function<K, R>,
    run: Run<K, R>,
    /// What the body gets beside the key, of the type that `run` knows; null for none.
    context: *const (),
    /// Whether the body may run on the caller's thread alone.
    pub(in crate::cache) is_local: bool,
}

impl<K: Key, R: Output> Clone for Callee<'_, K, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: Key, R: Output> Copy for Callee<'_, K, R> {}

// SAFETY: a context is only borrowed, and `Sync` unless the callee is local, which then is sent nowhere; a function is `Sync`.
unsafe impl<K: Key, R: Output> Send for Callee<'_, K, R> {}
// SAFETY: as above.
unsafe impl<K: Key, R: Output> Sync for Callee<'_, K, R> {}

impl<'a, K: Key, R: Output> Callee<'a, K, R> {
    /// A function whose body is another one for each caller.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn of(
        function: &'a Function<K, R>,
        run: Run<K, R>,
        context: *const (),
        is_local: bool,
    ) -> Self {
        Self { function, run, context, is_local }
    }

    /// What [`of`](Self::of) makes it of.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn parts(self) -> (&'a Function<K, R>, Run<K, R>, *const (), bool) {
        (self.function, self.run, self.context, self.is_local)
    }

    /// The same with other rules: those of a function that has the same body.
    pub(in crate::cache) fn of_another<'b>(self, function: &'b Function<K, R>) -> Callee<'b, K, R>
    where
        'a: 'b,
    {
        Callee { function, ..self }
    }

    /// Whether the caller passes something on, which may be borrowed.
    pub(in crate::cache) fn has_context(&self) -> bool {
        !self.context.is_null()
    }

    /// Computes the value of a key and publishes it, with the claim on its slot, which is one of this core and of the calling thread's worker.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn run_claimed(&self, core: &Core<K, R>, key: &K, flight: Flight<'_, K, R>) -> R {
        let worker = flight.worker();
        // Where `run_in` looks for it.
        if self.has_context() {
            worker.own.context.set(self.context);
        }
        let (table, at) = flight.into_goal().parts();
        // SAFETY: a flight, which does not leave its thread, was just forgotten; it is one of this core's. A context is where
        // `run_in` looks for it, and lives as long as the caller, who does not go before the call has ended.
        unsafe { (self.run)(core, self.function, key, table, at, worker) }
    }

    /// The same for a key whose slot is yet to be claimed, or its value found.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn run_unclaimed(&self, core: &Core<K, R>, key: &K) -> R {
        let Self { function, run, context, is_local } = *self;
        without_claim(core, function, key, run, context, is_local)
    }
}

/// See [`Callee::run_unclaimed`]: the parts of a callee one by one, in registers.
#[inline(never)]
#[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
fn without_claim<K: Key, R: Output>(
    core: &Core<K, R>,
    function: &Function<K, R>,
    key: &K,
    run: Run<K, R>,
    context: *const (),
    is_local: bool,
) -> R {
    // No page has such a key, so its value, if there is one, has perhaps not been looked for.
    if K::is_small() && key.pack().is_none() {
        return core.get_far(function, key, run, context, is_local);
    }
    core.unclaimed(Callee { function, run, context, is_local }, key)
}
