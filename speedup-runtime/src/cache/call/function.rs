//! What a cache calls on a miss, and what it is told about the function.

use std::{
    any::{Any, TypeId},
    fmt,
    ops::Deref,
    sync::{Arc, Mutex},
};

use crate::{
    cache::{
        call::{
            behind::{Attached, Behind, Docked},
            renewals::Why,
        },
        thread::{claim::Goal, frame::AtFirst, handed::End, registry::Worker},
    },
    seeing::stats::Stats,
};

/// A function whose results are cached: its name, its body, and what is special about it.
///
/// Attributes make it in a constant, so everything about it is known when the program is compiled.
pub struct Function<K: 'static, R: 'static> {
    pub(in crate::cache) name: &'static str,
    /// The type that names it in reports, if its name alone does not.
    pub(in crate::cache) path: Option<fn() -> &'static str>,
    /// A [`Run`](crate::cache::call::callee::Run). Its type is left out, so that a missing bound on an argument or a result is reported once, not wherever
    /// the function is mentioned.
    pub(in crate::cache) run: fn(),
    /// The closure of a function that is not known when the program is compiled.
    pub(in crate::cache) shared: Option<Shared<K, R>>,
    pub(in crate::cache) keep: Option<fn(&R) -> bool>,
    /// What follows from that for each call.
    pub(in crate::cache) at_first: AtFirst,
    /// Whether the error of a result goes to one caller alone.
    pub(in crate::cache) moves_err: bool,
    pub(in crate::cache) show: Option<Show<K>>,
    /// The same for a key that means something only beside what the core's [`Steady`](crate::cache::call::steady::Steady) is.
    pub(in crate::cache) show_in: Option<ShowIn<K>>,
    pub(in crate::cache) sequential: bool,
    /// Whether the values are in other tables, which are listed instead.
    pub(in crate::cache) is_divided: bool,
    pub(in crate::cache) uses_rayon: bool,
    /// Whoever keeps books of the values.
    pub(in crate::cache) settle: Option<Hook<dyn Settle<K, R>>>,
    /// Whether it can be called without what a caller passes on.
    pub(in crate::cache) has_body: bool,
    /// What is asked on a miss, if anything is.
    pub(in crate::cache) docked: Option<Docked<K, R>>,
    /// Names the function among those that have several tables.
    pub(in crate::cache) family: TypeId,
}

/// Keeps books of what a cache holds. The core is a `Core<K, R>`.
pub(in crate::cache) trait Settle<K: 'static, R: 'static>: Send + Sync {
    /// Publishes a value that was computed, and does what [`settle`](Self::settle) does.
    ///
    /// # Safety
    /// The goal is that of a flight of this core and worker, which is left to this call.
    unsafe fn land(&self, core: &dyn Any, goal: Goal, worker: &'static Worker, value: R);

    /// A value of this key was published just now, perhaps instead of an old one. It may be gone again.
    fn settle(&self, core: &dyn Any, key: &K, old: Option<R>);

    /// The table was cleared or replaced.
    fn rebook(&self, core: &dyn Any);

    /// Adds what it knows.
    fn tell(&self, core: &dyn Any, stats: &mut Stats);

    /// How many values it knows of, if it counts them: as many as were let in and are not to go.
    fn known(&self, core: &dyn Any) -> Option<usize>;

    /// Lets go of what has expired.
    fn sweep(&self, core: &dyn Any);

    /// Whether a key that has this value by now is still to be computed again.
    fn is_due(&self, why: Why, value: &R) -> bool;
}

/// What belongs to a function: known when the program is compiled, or made at run time.
pub(in crate::cache) enum Hook<F: ?Sized + 'static> {
    Known(&'static F),
    Shared(Arc<F>),
}

impl<F: ?Sized> Deref for Hook<F> {
    type Target = F;

    #[inline]
    fn deref(&self) -> &F {
        match self {
            Self::Known(known) => known,
            Self::Shared(shared) => shared,
        }
    }
}

impl<F: ?Sized> Clone for Hook<F> {
    fn clone(&self) -> Self {
        match self {
            Self::Known(known) => Self::Known(known),
            Self::Shared(shared) => Self::Shared(shared.clone()),
        }
    }
}

/// Writes the arguments of a call.
pub(in crate::cache) type Show<K> = fn(&K, &mut fmt::Formatter<'_>) -> fmt::Result;

/// Writes the arguments of a call beside the steady ones, at the address where they are.
pub(in crate::cache) type ShowIn<K> = unsafe fn(*const (), &K, &mut fmt::Formatter<'_>) -> fmt::Result;

/// A body that carries something.
pub(in crate::cache) type Shared<K, R> = Arc<dyn Fn(&K) -> R + Send + Sync>;

impl<K, R> Clone for Function<K, R> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), settle: self.settle.clone(), ..*self }
    }
}

impl<K, R> Function<K, R> {
    /// The error of a result goes to one caller alone: see [`Fallible`](crate::cache::Fallible).
    #[must_use]
    pub const fn moves_err(mut self) -> Self {
        self.moves_err = true;
        self
    }

    /// How a call ends whose result is not kept.
    pub(in crate::cache) fn end_of(&self, value: R) -> End<R> {
        if self.moves_err { End::Once(Mutex::new(Some(value))) } else { End::Value(value) }
    }

    /// Keeps only the results for which this is true; others go to those who asked while they were computed.
    #[must_use]
    pub const fn keep(mut self, keep: fn(&R) -> bool) -> Self {
        self.keeps_by(keep);
        self
    }

    /// The same under another name, for messages.
    pub(in crate::cache) fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// The same of one that is there.
    pub(in crate::cache) const fn keeps_by(&mut self, keep: fn(&R) -> bool) {
        self.keep = Some(keep);
        self.at_first = AtFirst::of(true);
    }

    /// A [`keep`](Self::keep) that keeps everything.
    pub(in crate::cache) fn keep_all(_: &R) -> bool {
        true
    }

    /// The same, named in reports by this type: that of a closure, or of a function with its types.
    pub(in crate::cache) fn of_type<F>(self) -> Self {
        Self { path: Some(std::any::type_name::<F>), ..self }
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

    /// Says what is asked on a miss: the body asks it, and this lets the handle and groups know of it.
    #[doc(hidden)]
    #[must_use]
    pub const fn behind(
        mut self,
        behind: &'static dyn Behind<K, R>,
        open: fn() -> Box<dyn Any + Send + Sync>,
        forget: fn(Option<&K>),
    ) -> Self {
        self.docked = Some(Docked { behind, open, forget });
        self
    }

    /// What lies behind the cache, ready to be asked.
    pub(in crate::cache) fn docked(&self) -> Option<&'static dyn Behind<K, R>> {
        let Docked { behind, open, forget } = self.docked?;
        behind.attach(Attached { open, forget, keep: self.keep });
        Some(behind)
    }

    /// The result of the closure, for [`run_shared`](crate::cache::call::bodies::run_shared) alone.
    #[inline]
    pub(in crate::cache) fn shared(&self, key: &K) -> R {
        match &self.shared {
            Some(body) => body(key),
            None => unreachable!("only functions that carry a closure run this way"),
        }
    }
}
