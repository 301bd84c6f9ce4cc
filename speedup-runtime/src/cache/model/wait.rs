//! Nobody sleeps in the models of tables, so there is nobody to be told; for that see the models of the graph.

pub(in crate::cache) use crate::cache::call::outcome::Outcome;

pub(in crate::cache) fn wake(_slot: usize, _table: u64) {}

pub(in crate::cache) fn deliver(_slot: usize, _table: u64, _make: impl Fn() -> Option<Outcome>) {}
