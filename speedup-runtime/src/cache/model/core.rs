//! As much of a cache as a claim needs, for the model checker.

use crate::cache::{
    table::{
        Current, Table,
        key::{Key, Output},
    },
    thread::{registry::Pinned, waiters::Waiters},
};

/// A cache without a function.
pub(in crate::cache) struct Core<K: Key, R: Output> {
    pub(in crate::cache) table: Current<K, R>,
    /// Always 0: who waits in a model looks again by itself.
    pub(in crate::cache) waiters: Waiters,
}

impl<K: Key, R: Output> Core<K, R> {
    pub(in crate::cache) fn new() -> Self {
        Self { table: Current::none(), waiters: Waiters::none() }
    }

    pub(in crate::cache) fn table<'pin>(&self, pin: Pinned<'pin>) -> Option<&'pin Table<K, R>> {
        self.table.get(pin)
    }
}
