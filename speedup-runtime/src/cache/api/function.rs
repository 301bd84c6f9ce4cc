//! What a cache calls on a miss, and what it is told about the function.

use std::{fmt, sync::Arc};

use crate::cache::{
    api::key::{Key, Output},
    call::{
        claim_guard::{Flight, Goal},
        execute,
        inner::Core,
    },
    table::State,
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
}

/// Writes the arguments of a call.
pub(in crate::cache) type Show<K> = fn(&K, &mut fmt::Formatter<'_>) -> fmt::Result;

/// See [`Function::run`] and [`execute::run_known`]. The last three are the parts of the claim's goal, which so are passed in
/// registers; null pointers without a claim.
type Run<K, R> = unsafe fn(&Core<K, R>, &Function<K, R>, &K, u64, *const State, *mut ()) -> R;

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

    /// A closure as a function.
    pub(in crate::cache) fn closure(body: Shared<K, R>) -> Self
    where
        K: Key,
        R: Output,
    {
        Self::of("closure", execute::run_shared, Some(body))
    }

    /// The name and the rules of an `async fn`, whose body is no business of the engine's: it is never run as one of a plain
    /// function.
    pub(in crate::cache) const fn awaited(name: &'static str) -> Self
    where
        K: Key,
        R: Output,
    {
        Self::of(name, execute::run_shared, None)
    }

    const fn of(name: &'static str, run: Run<K, R>, shared: Option<Shared<K, R>>) -> Self
    where
        K: Key,
        R: Output,
    {
        // SAFETY: both are pointers to functions; it is called only as what it was, in `Function::run`.
        let run = unsafe { std::mem::transmute::<Run<K, R>, fn()>(run) };
        Self { name, run, shared, keep: None, show: None, sequential: false, uses_rayon: false }
    }

    /// Keeps only the results for which this is true; others go to those who asked while they were computed.
    #[must_use]
    pub const fn keep(mut self, keep: fn(&R) -> bool) -> Self {
        self.keep = Some(keep);
        self
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

    /// Computes the value of a key, from the claim (unless that has been made) to its publication.
    #[inline(always)]
    pub(in crate::cache) fn run(&self, core: &Core<K, R>, key: &K, claimed: Option<Flight<'_, K, R>>) -> R
    where
        K: Key,
        R: Output,
    {
        // SAFETY: `of` made it of a pointer of this type, for the same key and result.
        let run = unsafe { std::mem::transmute::<fn(), Run<K, R>>(self.run) };
        let (table, state, value) = claimed.map_or(Goal::NONE, |flight| flight.into_goal().parts());
        // SAFETY: a flight, which does not leave its thread, was just forgotten; it is one of this core's.
        unsafe { run(core, self, key, table, state, value) }
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
