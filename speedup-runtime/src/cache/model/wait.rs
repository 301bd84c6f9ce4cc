//! Nobody sleeps in the models of tables, so there is nobody to be told; for that see the models of the graph.

use crate::cache::{block::outcome::Outcome, thread::waiters::Waiters};

pub(in crate::cache) fn ended(_slot: usize, _table: u64, _waiters: &Waiters) {}

pub(in crate::cache) fn deliver(_slot: usize, _table: u64, _make: impl Fn() -> Option<Outcome>) {}
