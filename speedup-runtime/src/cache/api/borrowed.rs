//! Scoped functions whose keys or results borrow: `fn longest<'a>(words: &'a [&'a str], at: usize, prev: &'a str) -> &'a str`, and those that
//! may, by a type parameter: `fn best<T: Ord + ..>(items: &[T], at: usize, last: Option<T>) -> Vec<T>`.
//!
//! Nothing of a scope outlives its outermost call, so what is in its table may borrow what that call was given. The engine has types that
//! last: it is told that these do ([`as_lasting`]). This file is the wall between the two.
//!
//! What makes it sound, of lifetimes and of type parameters, which may have any:
//!
//! - *One type a table, lifetimes and all.* A table takes keys and results of the types `P` and `Q` of its outermost call alone. Who has a
//!   [`Within`] of these types, in which no lifetime can be changed, is a body of this table; and only who shows it goes on there. The compiler
//!   compares the types: a call that the body makes with another `T`, or with a shorter lifetime, cannot show the body's `Within`.
//! - *What names a function is asked after that, and never alone.* The family is the id of the body's type, in which types that differ in
//!   lifetimes are one. It tells which function a core is of, and so what lies behind it ([`Scope::of`]), but no lifetimes. So a running call is
//!   not looked for by it, as for functions whose types last ([`Scoped::get`], whose `Key` and `Output` are `'static`): a call without a `Within`, by way
//!   of another function or by a path, with the same types or others, is an outermost call, whatever runs below it.
//! - *Nothing is left when the scope ends.* Helpers look at a scope as guests, for whom the owner of a group or of a forecast waits before it
//!   goes on; deputies are joined; and both in a panic, too. They run bodies, drop and compare keys on their threads, which `P` and `Q`
//!   allow: they are `Send + Sync`. Tables that were given up are freed with the scope, not later (`Current::none_of_scope`),
//!   and what is remembered of cycles holds no keys of one (`poison`). The scope lies in the frame of the outermost call, and all that `P` and `Q` borrow
//!   outlives that.
//! - *The code is the same.* There are no implementations for some lifetimes alone beside others, so what the engine calls of `P` is what
//!   its bounds promise for the lifetimes that it has.

use std::{fmt, marker::PhantomData, ptr::NonNull};

use crate::cache::{
    api::{
        context::Body,
        lasting::{Borrowed, Engine, WithKey, as_lasting},
        scoped::{Place, Scope, Scoped},
    },
    call::{
        bodies::Inside,
        function::{Function, Show},
    },
    table::{
        Current,
        key::{Key, Output},
    },
    thread::registry,
};

/// The result of a scoped function that borrows: `Clone + Send + Sync`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the result of a scoped function",
    note = "the result is kept for the call and cloned for every caller: it needs `Clone + Send + Sync`"
)]
pub trait Lent: Clone + Send + Sync {}

#[diagnostic::do_not_recommend]
impl<Q: Clone + Send + Sync> Lent for Q {}

/// What is special about a scoped function whose key or result may borrow: as [`Function`].
pub struct Borrowing<P, Q> {
    name: &'static str,
    show: Option<Show<P>>,
    keep: Option<fn(&Q) -> bool>,
    moves_err: bool,
    sequential: bool,
    uses_rayon: bool,
}

impl<P, Q> Borrowing<P, Q> {
    /// Nothing is special about it.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, show: None, keep: None, moves_err: false, sequential: false, uses_rayon: false }
    }

    /// As [`Function::show`].
    #[must_use]
    pub const fn show(mut self, show: fn(&P, &mut fmt::Formatter<'_>) -> fmt::Result) -> Self {
        self.show = Some(show);
        self
    }

    /// As [`Function::keep`].
    #[must_use]
    pub const fn keep(mut self, keep: fn(&Q) -> bool) -> Self {
        self.keep = Some(keep);
        self
    }

    /// As [`Function::moves_err`].
    #[must_use]
    pub const fn moves_err(mut self) -> Self {
        self.moves_err = true;
        self
    }

    /// As [`Function::sequential`].
    #[must_use]
    pub const fn sequential(mut self) -> Self {
        self.sequential = true;
        self
    }

    /// As [`Function::uses_rayon`].
    #[must_use]
    pub const fn uses_rayon(mut self) -> Self {
        self.uses_rayon = true;
        self
    }

    /// As the engine knows it.
    fn function(self) -> Function<P, Q>
    where
        P: Key,
        Q: Output,
    {
        let Self { name, show, keep, moves_err, sequential, uses_rayon } = self;
        let mut function = Function { show, moves_err, sequential, uses_rayon, ..Function::of_context(name) };
        if let Some(keep) = keep {
            function.keeps_by(keep);
        }
        function
    }
}

/// A running call of a scoped function that borrows, as its body sees it: what it shows to go on in its table.
pub struct Within<'s, P, Q> {
    /// An [`Inside`] of these types, which is there for as long as the body runs.
    inside: NonNull<()>,
    running: PhantomData<&'s ()>,
    /// No lifetime in them can be changed.
    #[allow(clippy::type_complexity, reason = "it says the variance, and is named nowhere else")]
    of: PhantomData<fn(P, Q) -> (P, Q)>,
}

// SAFETY: what it leads to is, and is only read.
unsafe impl<P, Q> Send for Within<'_, P, Q> {}
// SAFETY: as above.
unsafe impl<P, Q> Sync for Within<'_, P, Q> {}

impl<P, Q> Clone for Within<'_, P, Q> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn clone(&self) -> Self {
        *self
    }
}

impl<P, Q> Copy for Within<'_, P, Q> {}

impl<'s, P, Q> Within<'s, P, Q> {
    /// What a body gets that runs inside of this.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn of(inside: &'s Inside<'_, P, Q>) -> Self
    where
        P: Key,
        Q: Output,
    {
        Self { inside: NonNull::from(inside).cast(), running: PhantomData, of: PhantomData }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn inside(self) -> Inside<'s, P, Q>
    where
        P: Key,
        Q: Output,
    {
        // SAFETY: `of` made it of one of these types, lifetimes and all, which is there for as long as the body runs.
        unsafe { *self.inside.cast::<Inside<'s, P, Q>>().as_ref() }
    }

    /// Lets the body say which calls of the same function it will make next. As [`Cache::ahead`](crate::Cache::ahead).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn ahead<F: FnOnce(&(dyn Fn(P) + Sync))>(self, forecast: F)
    where
        P: Borrowed,
        Q: Lent,
    {
        // SAFETY: what is foretold goes into the table of the running call, which is one of `P`, or is dropped.
        unsafe { as_lasting(Ahead { within: self, forecast }) }
    }
}

/// A forecast.
struct Ahead<'s, P, Q, F> {
    within: Within<'s, P, Q>,
    forecast: F,
}

impl<P: Borrowed, Q: Lent, F: FnOnce(&(dyn Fn(P) + Sync))> Engine for Ahead<'_, P, Q, F> {
    type Value = ();

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn run(self)
    where
        Self: 'static,
    {
        P::lasting(self);
    }
}

impl<P: Borrowed + 'static, Q: Lent + 'static, F: FnOnce(&(dyn Fn(P) + Sync))> WithKey<P> for Ahead<'_, P, Q, F> {
    type Value = ();

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn go_on(self)
    where
        P: Key<Args = P>,
    {
        self.within.inside().ahead(self.forecast);
    }
}

/// A body as the engine sees it.
struct Shown<'b, B, const IS_LOCAL: bool>(&'b B);

impl<K: Key, R: Output, B> Body<K, R> for Shown<'_, B, false>
where
    B: Sync + Fn(&K, Within<'_, K, R>) -> R,
{
    const IS_LOCAL: bool = false;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn compute(&self, key: &K, inside: Inside<'_, K, R>) -> R {
        (self.0)(key, Within::of(&inside))
    }
}

impl<K: Key, R: Output, B> Body<K, R> for Shown<'_, B, true>
where
    B: Fn(&K, Within<'_, K, R>) -> R,
{
    const IS_LOCAL: bool = true;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn compute(&self, key: &K, inside: Inside<'_, K, R>) -> R {
        (self.0)(key, Within::of(&inside))
    }
}

/// A call.
struct Call<'c, const N: usize, P, Q, D, B, const IS_LOCAL: bool> {
    scoped: &'static Scoped,
    within: Option<Within<'c, P, Q>>,
    passed_on: [Place; N],
    key: P,
    describe: D,
    body: &'c B,
}

macro_rules! calls {
    ($($is_local:literal ($($sync:tt)*);)*) => {$(
        impl<const N: usize, P: Borrowed, Q: Lent, D, B> Engine for Call<'_, N, P, Q, D, B, $is_local>
        where
            D: Fn() -> Borrowing<P, Q>,
            B: $($sync)* Fn(&P, Within<'_, P, Q>) -> Q,
        {
            type Value = Q;

            #[cfg_attr(not(debug_assertions), inline(always))]
            fn run(self) -> Q
            where
                Self: 'static,
            {
                P::lasting(self)
            }
        }

        impl<const N: usize, P: Borrowed + 'static, Q: Lent + 'static, D, B> WithKey<P> for Call<'_, N, P, Q, D, B, $is_local>
        where
            D: Fn() -> Borrowing<P, Q>,
            B: $($sync)* Fn(&P, Within<'_, P, Q>) -> Q,
        {
            type Value = Q;

            #[cfg_attr(not(debug_assertions), inline(always))]
            fn go_on(self) -> Q
            where
                P: Key<Args = P>,
            {
                self.get(|body| Shown::<B, $is_local>(body))
            }
        }
    )*};
}

calls! {
    false (Sync +);
    true ();
}

impl<'c, const N: usize, P, Q, D, B, const IS_LOCAL: bool> Call<'c, N, P, Q, D, B, IS_LOCAL> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn get<S: Body<P, Q>>(self, shown: impl FnOnce(&'c B) -> S) -> Q
    where
        P: Key,
        Q: Output,
        D: Fn() -> Borrowing<P, Q>,
    {
        let Call { scoped, within, passed_on, key, describe, body } = self;
        let family = typeid::of::<(B, Scope<N, P, Q>)>();
        let (describe, body) = (|| describe().function(), shown(body));
        // SAFETY: the core of a body's `Within` is the one that it was called for, which `get_outermost` made.
        let running = within.and_then(|within| unsafe { Scope::of(within.inside().core, family, &passed_on) });
        match running {
            // SAFETY: a scope's.
            Some(core) => unsafe { core.get_in_scope(&key, registry::current(), describe, &body) },
            None => scoped.get_outermost(family, Current::none_of_scope(), passed_on, &key, describe, &body),
        }
    }
}

impl Scoped {
    /// As [`get`](Self::get) for a key or result that may borrow: the value of a call, computed if need be, in the table of the call
    /// `within` which it is made if that was given the same beside its key, or in a new one, which goes when this call ends.
    ///
    /// # Panics
    /// As [`Cache::get`](crate::Cache::get).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn get_within<const N: usize, P: Borrowed, Q: Lent, B>(
        &'static self,
        within: Option<Within<'_, P, Q>>,
        passed_on: [Place; N],
        key: P,
        describe: impl Fn() -> Borrowing<P, Q>,
        body: B,
    ) -> Q
    where
        B: Sync + Fn(&P, Within<'_, P, Q>) -> Q,
    {
        let call = Call::<N, P, Q, _, B, false> { scoped: self, within, passed_on, key, describe, body: &body };
        // SAFETY: the key goes into the table of a scope of `P` and `Q`, or into a new one, which goes before this call ends.
        unsafe { as_lasting(call) }
    }

    /// The same for a body that runs on the caller's thread alone.
    ///
    /// # Panics
    /// As [`Cache::get`](crate::Cache::get).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn get_within_alone<const N: usize, P: Borrowed, Q: Lent, B>(
        &'static self,
        within: Option<Within<'_, P, Q>>,
        passed_on: [Place; N],
        key: P,
        describe: impl Fn() -> Borrowing<P, Q>,
        body: B,
    ) -> Q
    where
        B: Fn(&P, Within<'_, P, Q>) -> Q,
    {
        let call = Call::<N, P, Q, _, B, true> { scoped: self, within, passed_on, key, describe, body: &body };
        // SAFETY: as above.
        unsafe { as_lasting(call) }
    }
}
