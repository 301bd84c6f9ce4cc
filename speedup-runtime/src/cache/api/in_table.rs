//! Calls that a body makes of its own function, where it runs in the table of what all its calls pass on: they go on in that table, and need not
//! look for it. As [`in_scope`](super::in_scope).

use std::mem::ManuallyDrop;

use crate::cache::{
    call::bodies::Inside,
    table::key::{Key, Output},
    thread::registry,
};

/// A running call in such a table, as its body sees it.
pub struct InTable<'c, V: Key, R: Output> {
    /// The core is one whose tables last.
    inside: Inside<'c, V, R>,
}

impl<V: Key, R: Output> Clone for InTable<'_, V, R> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn clone(&self) -> Self {
        *self
    }
}

impl<V: Key, R: Output> Copy for InTable<'_, V, R> {}

impl<'c, V: Key, R: Output> InTable<'c, V, R> {
    /// # Safety
    /// The tables of the core are there as long as the core.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) unsafe fn new(inside: Inside<'c, V, R>) -> Self {
        Self { inside }
    }

    /// The value of a call that the body makes, computed if need be: in the table of the running call if it `is` given what that passes on to
    /// it, and otherwise as `elsewhere` says.
    ///
    /// # Panics
    /// As [`Cache::get`](crate::Cache::get).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn get(self, is: bool, key: V::Args, elsewhere: impl FnOnce(V::Args) -> R) -> R {
        if !is {
            return elsewhere(key);
        }
        let (Inside { core, callee }, worker) = (self.inside, registry::current());
        // A hit has it nowhere in memory: it is put there where it is needed.
        let key = ManuallyDrop::new(V::of(key));
        // SAFETY: the tables of the core last.
        match unsafe { core.look_at_hand(&key, worker) } {
            Ok(value) => {
                drop(ManuallyDrop::into_inner(key));
                value
            }
            // Not by a closure, which would be a frame of each level. SAFETY: as above, and found for this key.
            Err(free) => unsafe { core.get_free(callee, &ManuallyDrop::into_inner(key), worker, free) },
        }
    }
}
