//! Scoped functions whose keys or results borrow: `fn longest<'a>(words: &'a [&'a str], at: usize, prev: &'a str) -> &'a str`.
//!
//! Nothing of a scope outlives its outermost call, so what is in its table may borrow what that call was given. The engine knows
//! nothing of lifetimes: for it a key is a `(usize, &'static str)`. This file is the wall between the two.
//!
//! What makes it sound:
//!
//! - *One lifetime a table.* A table takes keys and results of the types `P` and `Q` of its outermost call alone, lifetimes and all.
//!   Who has a [`Within`] of these types, which no lifetime can be changed in, is a body of this table; and only who shows it goes on
//!   there. A call without it, by way of another function, may be about what lives shorter: it is an outermost call.
//! - *Nothing is left when the scope ends.* Helpers look at a scope as guests, for whom the owner of a group waits before it goes on,
//!   deputies are joined, and both in a panic, too. Tables that were given up are freed with the scope, not later
//!   (`Current::none_of_scope`), and what is remembered of cycles holds no keys of one (`poison`).
//! - *The code is the same.* `P` has what a key needs for whatever lifetimes it has, so that no part of it was written for
//!   `'static` alone.

use std::{any::TypeId, hash::Hash, marker::PhantomData, mem::ManuallyDrop};

use crate::cache::{
    api::{
        context::Body,
        scoped::{Place, Scope, Scoped},
    },
    call::{bodies::Inside, function::Function},
    table::{
        Current,
        key::{Key, Output},
    },
    thread::registry,
};

/// The arguments of a scoped function that borrow, as a tuple: `Hash + Eq + Clone + Send + Sync`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of a scoped function",
    label = "these arguments are the key",
    note = "the key is kept for the call and compared: each part needs `Hash + Eq + Clone + Send + Sync`; floats are not, beside parts that borrow: pass them as `to_bits()`"
)]
pub trait Borrowed: Hash + Eq + Clone + Send + Sync {}

#[diagnostic::do_not_recommend]
impl<P: Hash + Eq + Clone + Send + Sync> Borrowed for P {}

/// The result of a scoped function that borrows: `Clone + Send + Sync`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the result of a scoped function",
    note = "the result is kept for the call and cloned for every caller: it needs `Clone + Send + Sync`"
)]
pub trait Lent: Clone + Send + Sync {}

#[diagnostic::do_not_recommend]
impl<Q: Clone + Send + Sync> Lent for Q {}

/// A running call of a scoped function that borrows, as its body sees it: what it shows to go on in its table.
///
/// `K` and `R` are `P` and `Q` with all lifetimes `'static`.
pub struct Within<'s, K: Key, R: Output, P, Q> {
    inside: Inside<'s, K, R>,
    /// No lifetime in them can be changed.
    #[allow(clippy::type_complexity, reason = "it says the variance, and is named nowhere else")]
    of: PhantomData<fn(P, Q) -> (P, Q)>,
}

impl<K: Key, R: Output, P, Q> Clone for Within<'_, K, R, P, Q> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: Key, R: Output, P, Q> Copy for Within<'_, K, R, P, Q> {}

impl<K: Key<Args = K>, R: Output, P: Borrowed, Q> Within<'_, K, R, P, Q> {
    /// Lets the body say which calls of the same function it will make next. As [`Cache::ahead`](crate::Cache::ahead).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn ahead(self, forecast: impl FnOnce(&(dyn Fn(P) + Sync))) {
        // SAFETY: a body that has this is one of a table of `P`.
        self.inside.ahead(|call| forecast(&|key: P| call(unsafe { changed::<P, K>(key) })));
    }
}

/// A value as one of another type that differs in lifetimes alone.
///
/// # Safety
/// What the lifetimes say of the result is true of the value for as long as the result is used.
#[cfg_attr(not(debug_assertions), inline(always))]
unsafe fn changed<A, B>(value: A) -> B {
    assert!(typeid::of::<A>() == typeid::of::<B>(), "types that differ in lifetimes alone");
    let value = ManuallyDrop::new(value);
    // SAFETY: the same type but for lifetimes, and so the same in memory; `value` is not dropped.
    unsafe { std::mem::transmute_copy::<ManuallyDrop<A>, B>(&value) }
}

/// A body as the engine sees it.
struct Lasting<'b, B, P, Q, const IS_LOCAL: bool>(&'b B, PhantomData<fn(P) -> Q>);

impl<B, P: Borrowed, Q: Lent, const IS_LOCAL: bool> Lasting<'_, B, P, Q, IS_LOCAL> {
    /// Computes the value of a key.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn run<K: Key, R: Output>(&self, key: &K, inside: Inside<'_, K, R>) -> R
    where
        B: Fn(&P, Within<'_, K, R, P, Q>) -> Q,
    {
        assert!(typeid::of::<P>() == TypeId::of::<K>(), "types that differ in lifetimes alone");
        // SAFETY: the same type but for lifetimes; it was made of a `P`, since a table with bodies of `P` has such keys alone.
        let key = unsafe { &*std::ptr::from_ref(key).cast::<P>() };
        let value = (self.0)(key, Within { inside, of: PhantomData });
        // SAFETY: the engine gives it to those alone who have shown that they are of this scope, as a `Q`, and to nobody later.
        unsafe { changed::<Q, R>(value) }
    }
}

impl<K: Key, R: Output, P: Borrowed, Q: Lent, B> Body<K, R> for Lasting<'_, B, P, Q, false>
where
    B: Sync + Fn(&P, Within<'_, K, R, P, Q>) -> Q,
{
    const IS_LOCAL: bool = false;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn compute(&self, key: &K, inside: Inside<'_, K, R>) -> R {
        self.run(key, inside)
    }
}

impl<K: Key, R: Output, P: Borrowed, Q: Lent, B> Body<K, R> for Lasting<'_, B, P, Q, true>
where
    B: Fn(&P, Within<'_, K, R, P, Q>) -> Q,
{
    const IS_LOCAL: bool = true;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn compute(&self, key: &K, inside: Inside<'_, K, R>) -> R {
        self.run(key, inside)
    }
}

impl Scoped {
    /// As [`get`](Self::get) for a key or result that borrows: the value of a call, computed if need be, in the table of the call
    /// `within` which it is made if that was given the same beside its key, or in a new one, which goes when this call ends.
    ///
    /// # Panics
    /// As [`Cache::get`](crate::Cache::get).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn get_within<const N: usize, K: Key, R: Output, P: Borrowed, Q: Lent, B>(
        &'static self,
        within: Option<Within<'_, K, R, P, Q>>,
        passed_on: [Place; N],
        key: P,
        describe: impl Fn() -> Function<K, R>,
        body: B,
    ) -> Q
    where
        B: Sync + Fn(&P, Within<'_, K, R, P, Q>) -> Q,
    {
        let family = typeid::of::<(B, Scope<N, K, R>)>();
        self.get_lasting(within, family, passed_on, key, describe, &Lasting::<B, P, Q, false>(&body, PhantomData))
    }

    /// The same for a body that runs on the caller's thread alone.
    ///
    /// # Panics
    /// As [`Cache::get`](crate::Cache::get).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn get_within_alone<const N: usize, K: Key, R: Output, P: Borrowed, Q: Lent, B>(
        &'static self,
        within: Option<Within<'_, K, R, P, Q>>,
        passed_on: [Place; N],
        key: P,
        describe: impl Fn() -> Function<K, R>,
        body: B,
    ) -> Q
    where
        B: Fn(&P, Within<'_, K, R, P, Q>) -> Q,
    {
        let family = typeid::of::<(B, Scope<N, K, R>)>();
        self.get_lasting(within, family, passed_on, key, describe, &Lasting::<B, P, Q, true>(&body, PhantomData))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn get_lasting<const N: usize, K: Key, R: Output, P: Borrowed, Q: Lent, B: Body<K, R>>(
        &'static self,
        within: Option<Within<'_, K, R, P, Q>>,
        family: TypeId,
        passed_on: [Place; N],
        key: P,
        describe: impl Fn() -> Function<K, R>,
        body: &B,
    ) -> Q {
        // SAFETY: it goes into the table of a scope of `P`, to which it is a `P` again, or into a new one, which goes before this call
        // ends.
        let key = unsafe { changed::<P, K>(key) };
        // SAFETY: the core of a body's `Within` is the one that it was called for, which `get_outermost` made.
        let running = within.and_then(|within| unsafe { Scope::of(within.inside.core, family, &passed_on) });
        let value = match running {
            // SAFETY: a scope's.
            Some(core) => unsafe { core.get_in_scope(&key, registry::current(), describe, body) },
            None => self.get_outermost(family, Current::none_of_scope(), passed_on, &key, describe, body),
        };
        // SAFETY: all values of the table were made of a `Q`.
        unsafe { changed::<R, Q>(value) }
    }
}
