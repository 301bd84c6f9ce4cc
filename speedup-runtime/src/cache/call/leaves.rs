//! What becomes of the key of a call that leaves no value behind: what is not kept takes no room.

use crate::cache::{
    call::state::Core,
    table::key::{Key, Output},
    thread::registry::Worker,
};

/// When the key of a result that is not kept is taken out of the table.
pub(in crate::cache) enum Leaves {
    Now,
    /// When the outermost call with this number of this worker is over: others may have named its slot, to find what has come of it.
    With(&'static Worker, u64),
    /// With the table.
    Never,
}

impl<K: Key, R: Output> Core<K, R> {
    /// What becomes of the key of a result that is not kept.
    pub(in crate::cache) fn leaves(&self, worker: &'static Worker) -> Leaves {
        if self.is_lent || self.table.is_of_scope() {
            return Leaves::Never;
        }
        match worker.shared_root() {
            Some((home, root)) => Leaves::With(home, root),
            None if worker.handed.any() || worker.is_isolated() => Leaves::Never,
            None => Leaves::Now,
        }
    }
}
