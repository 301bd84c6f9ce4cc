//! Calls for whose key a page is made.

use crate::cache::{
    call::{claim_guard::Flight, state::Core},
    table::key::{Key, Output},
    thread::{
        claim::Goal,
        registry::{self, Worker},
    },
};

impl<K: Key, R: Output> Core<K, R> {
    /// Claims the slot of a key of small integers whose page is yet to be made, if it is made at once.
    ///
    /// A look of its own, after which its body is run where all are: not by who has made the page, which would be one frame more in some levels of a recursion. See
    /// [`execute`](super::execute).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn claim_in_its_page(&self, key: &K) -> Option<Flight<'_, K, R>> {
        let goal = self.goal_in_new_page(key.pack()?);
        // SAFETY: it is that of a flight of this core and thread, which was left to it just now.
        (goal.table != 0).then(|| unsafe { Flight::of_goal(self, registry::current(), goal) })
    }

    /// See [`claim_in_its_page`](Self::claim_in_its_page); nowhere if it is not made. Two words, which are returned in registers.
    #[inline(never)]
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    fn goal_in_new_page(&self, packed: u64) -> Goal {
        self.claim_in_new_page(packed, registry::current()).map_or(Goal::NOWHERE, Flight::into_goal)
    }

    /// Claims the slot of a key that packs into this word, where its page is made at once.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn claim_in_new_page(&self, packed: u64, worker: &'static Worker) -> Option<Flight<'_, K, R>> {
        let pin = worker.pin();
        let table = self.table(pin.at())?;
        let slot = table.claim_in_new_page(packed, worker, pin.at())?;
        Some(Flight::in_page(self, worker, table.id(), slot))
    }
}
