//! What a cache calls on a miss, and what it is told about the function.

use std::{any::TypeId, fmt, ptr::null, sync::Arc};

use crate::cache::{
    api::key::{Key, Output},
    call::{
        claim_guard::{Flight, Goal},
        erased::Header,
        execute,
        inner::Core,
    },
    table::State,
    thread::registry,
};

/// A function whose results are cached: its name, its body, and what is special about it.
///
/// Attributes make it in a constant, so everything about it is known when the program is compiled.
pub struct Function<K: 'static, R: 'static> {
    pub(in crate::cache) name: &'static str,
    /// A [`Run`]. Its type is left out, so that a missing bound on an argument or a result is reported once, not wherever
    /// the function is mentioned.
    run: fn(),
    /// The closure of a function that is not known when the program is compiled.
    shared: Option<Shared<K, R>>,
    pub(in crate::cache) keep: Option<fn(&R) -> bool>,
    pub(in crate::cache) show: Option<Show<K>>,
    pub(in crate::cache) sequential: bool,
    pub(in crate::cache) uses_rayon: bool,
    /// Names the function among those that have several tables.
    pub(in crate::cache) family: TypeId,
}

/// Writes the arguments of a call.
pub(in crate::cache) type Show<K> = fn(&K, &mut fmt::Formatter<'_>) -> fmt::Result;

/// See [`Callee::run`] and [`execute::run_known`]. The last three are the parts of the claim's goal, which so are passed in
/// registers; null pointers without a claim.
pub(in crate::cache) type Run<K, R> = unsafe fn(&Core<K, R>, &Function<K, R>, &K, u64, *const State, *mut ()) -> R;

/// A body that carries something.
pub(in crate::cache) type Shared<K, R> = Arc<dyn Fn(&K) -> R + Send + Sync>;

impl<K, R> Clone for Function<K, R> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), ..*self }
    }
}

impl<K, R> Function<K, R> {
    /// A function with its name and its body; every result is kept.
    ///
    /// The body is a function, or a closure that captures nothing: others do not compile.
    #[must_use]
    pub const fn new<F: Fn(&K) -> R + Copy + 'static>(name: &'static str, _body: F) -> Self
    where
        K: Key,
        R: Output,
    {
        Self::of(name, execute::run_known::<K, R, F>, None)
    }

    /// A function whose body each caller brings, see [`Cache::get_with`](crate::Cache::get_with). It has none itself: asked through
    /// its handle, it panics with a message that says so.
    #[must_use]
    pub const fn of_context(name: &'static str) -> Self
    where
        K: Key,
        R: Output,
    {
        Self::of(name, execute::run_nothing, None)
    }

    /// A function whose body also gets what its calls pass on unchanged, see [`Tables`](crate::cache::Tables).
    pub(in crate::cache) const fn steady<S: Key, F: Fn(&S, &K) -> R + Copy + 'static>(
        name: &'static str,
        _body: F,
    ) -> Self
    where
        K: Key,
        R: Output,
    {
        let mut function = Self::of(name, execute::run_in::<K, R, S, F>, None);
        function.family = TypeId::of::<F>();
        function
    }

    /// A closure as a function.
    pub(in crate::cache) fn closure(body: Shared<K, R>) -> Self
    where
        K: Key,
        R: Output,
    {
        Self::of("closure", execute::run_shared, Some(body))
    }

    const fn of(name: &'static str, run: Run<K, R>, shared: Option<Shared<K, R>>) -> Self
    where
        K: Key,
        R: Output,
    {
        // SAFETY: both are pointers to functions; it is called only as what it was, in `Function::run`.
        let run = unsafe { std::mem::transmute::<Run<K, R>, fn()>(run) };
        let family = Header::ALONE;
        Self { name, run, shared, keep: None, show: None, sequential: false, uses_rayon: false, family }
    }

    /// Keeps only the results for which this is true; others go to those who asked while they were computed.
    #[must_use]
    pub const fn keep(mut self, keep: fn(&R) -> bool) -> Self {
        self.keep = Some(keep);
        self
    }

    /// A [`keep`](Self::keep) that keeps nothing.
    pub(in crate::cache) fn keep_nothing(_: &R) -> bool {
        false
    }

    /// Writes the arguments in messages about cycles; without it they are left out.
    #[must_use]
    pub const fn show(mut self, show: fn(&K, &mut fmt::Formatter<'_>) -> fmt::Result) -> Self {
        self.show = Some(show);
        self
    }

    /// Computes the members of groups one after the other, from left to right.
    #[must_use]
    pub const fn sequential(mut self) -> Self {
        self.sequential = true;
        self
    }

    /// Says that the body uses rayon, so that a thread waiting for it need not find out.
    #[must_use]
    pub const fn uses_rayon(mut self) -> Self {
        self.uses_rayon = true;
        self
    }

    /// What to call for somebody who has nothing to pass on.
    #[inline(always)]
    pub(in crate::cache) fn callee(&self) -> Callee<'_, K, R>
    where
        K: Key,
        R: Output,
    {
        self.callee_in(null())
    }

    /// What to call for somebody whose context is at this address.
    ///
    /// A context is read by [`execute::run_in`] alone, whose makers see to its type and to its life.
    #[inline(always)]
    pub(in crate::cache) fn callee_in(&self, context: *const ()) -> Callee<'_, K, R>
    where
        K: Key,
        R: Output,
    {
        // SAFETY: `of` made it of a pointer of this type, for the same key and result.
        let run = unsafe { std::mem::transmute::<fn(), Run<K, R>>(self.run) };
        Callee { function: self, run, context, is_local: false }
    }

    /// The result of the closure, for [`execute::run_shared`] alone.
    #[inline]
    pub(in crate::cache) fn shared(&self, key: &K) -> R {
        match &self.shared {
            Some(body) => body(key),
            None => unreachable!("only functions that carry a closure run this way"),
        }
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
    #[inline(always)]
    pub(in crate::cache) fn of(
        function: &'a Function<K, R>,
        run: Run<K, R>,
        context: *const (),
        is_local: bool,
    ) -> Self {
        Self { function, run, context, is_local }
    }

    /// Whether the caller passes something on, which may be borrowed.
    pub(in crate::cache) fn has_context(&self) -> bool {
        !self.context.is_null()
    }

    /// Computes the value of a key, from the claim (unless that has been made) to its publication.
    #[inline(always)]
    pub(in crate::cache) fn run(&self, core: &Core<K, R>, key: &K, claimed: Option<Flight<'_, K, R>>) -> R {
        let (table, state, value) = claimed.map_or(Goal::NONE, |flight| flight.into_goal().parts());
        if self.has_context() {
            let own = &registry::current().own;
            own.context.set(self.context);
            own.is_local.set(self.is_local);
        }
        // SAFETY: a flight, which does not leave its thread, was just forgotten; it is one of this core's. A context is where
        // `run_in` looks for it, and lives as long as the caller, who does not go before the call has ended.
        unsafe { (self.run)(core, self.function, key, table, state, value) }
    }
}
