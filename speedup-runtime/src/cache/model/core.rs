//! As much of a cache as a claim needs, for the model checker.

use super::{
    key::{Key, Output},
    table::{Current, Table},
    worker::Pinned,
};
use crate::sync::AtomicU32;

/// A cache without a function.
pub(super) struct Core<K: Key, R: Output> {
    pub(super) table: Current<K, R>,
    /// Always 0: who waits in a model looks again by itself.
    pub(super) waiters: AtomicU32,
}

impl<K: Key, R: Output> Core<K, R> {
    pub(super) fn new() -> Self {
        Self { table: Current::none(), waiters: AtomicU32::new(0) }
    }

    pub(super) fn table<'pin>(&self, pin: Pinned<'pin>) -> Option<&'pin Table<K, R>> {
        self.table.get(pin)
    }
}
