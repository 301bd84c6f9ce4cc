//! Nobody sleeps in the models of tables, so there is nobody to be told; for that see the models of the graph.

pub(super) use super::outcome::Outcome;

pub(super) fn wake(_slot: usize, _table: u64) {}

pub(super) fn deliver(_slot: usize, _table: u64, _make: impl Fn() -> Option<Outcome>) {}
