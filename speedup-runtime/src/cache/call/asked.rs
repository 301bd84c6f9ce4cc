//! The first look at the slot of a key, on the way to its value.

use crate::cache::{
    call::{callee::Callee, claim_guard::Flight, function::Function, state::Core},
    table::{
        Claim,
        key::{Key, Output},
    },
    thread::{
        claim::Busy,
        registry::{self, Worker},
    },
};

/// What came of a key that is computed only if nobody is at it.
pub(in crate::cache) enum Tried<F, R> {
    /// It had a value.
    Found(F),
    /// It has one now.
    Computed(R),
    /// Another thread has begun to compute it.
    Busy,
}

/// What came of asking for a value.
pub(super) enum Asked<'core, F, K: Key, R: Output> {
    Value(F),
    Mine(Flight<'core, K, R>),
    Busy(Busy),
}

impl<K: Key, R: Output> Core<K, R> {
    /// Computes the value of a key if there is none and nobody has begun to. What is `found` instead is only looked at.
    #[inline]
    pub(in crate::cache) fn compute_if_free<F>(
        &self,
        callee: Callee<'_, K, R>,
        key: &K,
        found: impl Fn(&R) -> F,
    ) -> Tried<F, R> {
        let worker = registry::current();
        match self.ask(callee.function, key, worker, found) {
            Asked::Value(value) => Tried::Found(value),
            Asked::Mine(flight) => Tried::Computed(callee.run_claimed(self, key, flight)),
            Asked::Busy(_) => Tried::Busy,
        }
    }

    /// Looks at a key's slot, and claims it if nobody has.
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    pub(super) fn ask<F>(
        &self,
        function: &Function<K, R>,
        key: &K,
        worker: &'static Worker,
        found: impl Fn(&R) -> F,
    ) -> Asked<'_, F, K, R> {
        let pin = worker.pin();
        let table = self.table_to_change(function, pin.at(), worker);
        let packed = key.pack();
        match table.begin(key, packed, worker, pin.at()) {
            Some((slot, true)) => return Asked::Mine(Flight::new(self, worker, table.id(), slot)),
            Some((slot, false)) if let Some(value) = slot.value() => return Asked::Value(found(value)),
            _ => {}
        }
        match table.claim(key, packed, worker, pin.at()) {
            Claim::Ready(value) => Asked::Value(found(value)),
            Claim::Busy(slot, owner) => Asked::Busy(Busy { owner, slot: slot.address(), table: table.id() }),
            Claim::Mine(slot) => Asked::Mine(Flight::new(self, worker, table.id(), slot)),
        }
    }
}
