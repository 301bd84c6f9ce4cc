//! Functions whose values are kept for the time of an outermost call, no more of them than a bound.

use std::sync::Arc;

use once_cell::sync::OnceCell;

use super::{
    rules::Rules,
    shared::{Home, Shared},
};
use crate::cache::{
    api::{
        context::Body,
        scoped::{Place, Scoped},
    },
    bound::{Asked, Hashed, Stored},
    call::function::{Function, Hook},
    table::{
        Current,
        key::{Key, Lookup, Output},
    },
    thread::registry,
};

/// The function of one scope, with a bound of its own.
fn bounded<K: Key, R: Output>(
    mut function: Function<Hashed<K>, Stored<R>>,
    rules: Rules<K, R>,
) -> Function<Hashed<K>, Stored<R>> {
    function.keeps_by(function.keep.unwrap_or(Function::<Hashed<K>, Stored<R>>::keep_all));
    function.settle = Some(Hook::Shared(Arc::new(Shared::new(rules, Home::Own(OnceCell::new())))));
    function
}

impl Scoped {
    /// As [`get`](Self::get), in a table with a bound. Values of a scope do not age.
    ///
    /// # Panics
    /// As [`Cache::get`](crate::Cache::get).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn get_bounded<const N: usize, K: Key, R: Output, B: Body<Hashed<K>, Stored<R>>>(
        &'static self,
        passed_on: [Place; N],
        key: K,
        rules: impl Fn() -> Rules<K, R>,
        describe: impl Fn() -> Function<Hashed<K>, Stored<R>>,
        body: B,
    ) -> R {
        let key = Hashed(key);
        self.get_in(passed_on, &key, || key.clone(), || bounded(describe(), rules()), &body)
    }

    /// The same for a key that is only borrowed.
    ///
    /// # Panics
    /// As [`Cache::get`](crate::Cache::get).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn get_ref_bounded<const N: usize, K: Key, R: Output, Q: Lookup<K>, B: Body<Hashed<K>, Stored<R>>>(
        &'static self,
        passed_on: [Place; N],
        key: Q,
        rules: impl Fn() -> Rules<K, R>,
        describe: impl Fn() -> Function<Hashed<K>, Stored<R>>,
        body: B,
    ) -> R {
        self.get_in(passed_on, Asked(key), || Hashed(key.to_key()), || bounded(describe(), rules()), &body)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn get_in<const N: usize, K: Key, R: Output, B: Body<Hashed<K>, Stored<R>>>(
        &'static self,
        passed_on: [Place; N],
        asked: impl Lookup<Hashed<K>>,
        key: impl Fn() -> Hashed<K>,
        describe: impl Fn() -> Function<Hashed<K>, Stored<R>>,
        body: &B,
    ) -> R {
        let family = Self::family::<N, Hashed<K>, Stored<R>, B>();
        let worker = registry::current();
        let Some(core) = Self::running::<N, Hashed<K>, Stored<R>>(worker, family, &passed_on) else {
            // What is put out is given back to its table later, perhaps when the scope has ended: so its tables are freed later, too.
            let table = Current::none();
            return self.get_outermost(family, table, passed_on, &key(), describe, body).into_value();
        };
        let hit = core.hit_of(asked, |stored| {
            stored.visit();
            Some(stored.get().clone())
        });
        // SAFETY: of a running call of the family, and so of a scope.
        hit.taken().unwrap_or_else(|| unsafe { core.get_in_scope(&key(), worker, describe, body) }.into_value())
    }
}
