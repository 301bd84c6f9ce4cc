//! As much of a cache as a claim needs, for the model checker.

use crate::cache::{
    api::key::{Key, Output},
    table::{Current, Table},
    thread::registry::Pinned,
};
use crate::sync::AtomicU32;

/// A cache without a function.
pub(in crate::cache) struct Core<K: Key, R: Output> {
    pub(in crate::cache) table: Current<K, R>,
    /// Always 0: who waits in a model looks again by itself.
    pub(in crate::cache) waiters: AtomicU32,
}

impl<K: Key, R: Output> Core<K, R> {
    pub(in crate::cache) fn new() -> Self {
        Self { table: Current::none(), waiters: AtomicU32::new(0) }
    }

    pub(in crate::cache) fn table<'pin>(&self, pin: Pinned<'pin>) -> Option<&'pin Table<K, R>> {
        self.table.get(pin)
    }
}
