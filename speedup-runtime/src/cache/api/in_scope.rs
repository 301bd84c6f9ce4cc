//! Calls that a scoped function makes of itself: they go on in the scope of the running one, and need not look for it.
//!
//! ```text
//! Scoped::get(.., InItsScope(|(i, j), inside| {
//!     let given = [place_of(a), place_of(b)];
//!     let lcs = |a, b, i, j| InScope::get(inside, given, [place_of(a), place_of(b)], (i, j), |(i, j)| lcs(a, b, i, j));
//!     { .. }
//! }))
//! ```
//!
//! Where a call passes on what its caller was given, as most do, the compiler sees that both places are the same, and nothing is compared.

use std::mem::ManuallyDrop;

use crate::cache::{
    api::{
        context::Body,
        scoped::{Place, are_same},
    },
    call::bodies::Inside,
    table::key::{Key, Output},
    thread::registry,
};

/// A running call of a scoped function, as its body sees it.
pub struct InScope<'c, K: Key, R: Output> {
    /// The core is that of a scope.
    inside: Inside<'c, K, R>,
}

impl<K: Key, R: Output> Clone for InScope<'_, K, R> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: Key, R: Output> Copy for InScope<'_, K, R> {}

impl<K: Key, R: Output> InScope<'_, K, R> {
    /// Lets the body say which calls of the same function it will make next. As [`Cache::ahead`](crate::Cache::ahead).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn ahead(self, forecast: impl FnOnce(&(dyn Fn(K::Args) + Sync))) {
        self.inside.ahead(forecast);
    }

    /// The value of a call that the body makes, computed if need be: in the scope of the running call if it is `given` what that passes on
    /// to it, and otherwise as `elsewhere` says.
    ///
    /// # Panics
    /// As [`Cache::get`](crate::Cache::get).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn get<const N: usize>(
        self,
        given: [Place; N],
        passed_on: [Place; N],
        key: K,
        elsewhere: impl FnOnce(K) -> R,
    ) -> R {
        if !are_same(&given, &passed_on) {
            return elsewhere(key);
        }
        let (Inside { core, callee }, worker) = (self.inside, registry::current());
        // A hit has it nowhere in memory: it is put there where it is needed.
        let key = ManuallyDrop::new(key);
        // SAFETY: the core is that of a scope.
        match unsafe { core.look_in_scope(&key, worker) } {
            Ok(value) => {
                drop(ManuallyDrop::into_inner(key));
                value
            }
            // Not by a closure, which would be a frame of each level. SAFETY: as above, and found for this key.
            Err(free) => unsafe { core.get_free(callee, &ManuallyDrop::into_inner(key), worker, free) },
        }
    }
}

/// A body whose calls of its own function go on in its scope.
pub struct InItsScope<C>(pub C);

#[diagnostic::do_not_recommend]
impl<K: Key, R: Output, C: Sync + Fn(&K, InScope<'_, K, R>) -> R> Body<K, R> for InItsScope<C> {
    const IS_LOCAL: bool = false;

    fn compute(&self, _: &K, _: Inside<'_, K, R>) -> R {
        unreachable!("its calls are those of scopes");
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    unsafe fn compute_in_scope(&self, key: &K, inside: Inside<'_, K, R>) -> R {
        (self.0)(key, InScope { inside })
    }
}
