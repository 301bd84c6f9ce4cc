//! A claim on its way to a value.

use super::{
    core::Core,
    graph::name,
    key::{Key, Output},
    table::{Slot, State},
    wait::{self, Outcome},
    worker::{Pin, Worker},
};
use crate::sync::Ordering;

/// A claim on a slot that outlives the pin under which it was made. Dropped without a result, it gives the slot back.
pub(super) struct Flight<'core, K: Key, R: Output> {
    core: &'core Core<K, R>,
    worker: &'static Worker,
    goal: Goal<R>,
}

/// Where the value goes.
struct Goal<R> {
    /// The number of the table: as long as it is current, the slot is there. 0, which is no table's, for a call that has
    /// no claim.
    table: u64,
    state: *const State,
    value: *mut R,
}

impl<R> Clone for Goal<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Goal<R> {}

impl<'core, K: Key, R: Output> Flight<'core, K, R> {
    #[inline]
    pub(super) fn new(core: &'core Core<K, R>, worker: &'static Worker, table: u64, slot: Slot<'_, R>) -> Self {
        let (state, value) = slot.parts();
        Self { core, worker, goal: Goal { table, state, value } }
    }

    /// A call whose value goes to its caller alone: the slot with this name is another worker's.
    pub(super) fn without_claim(core: &'core Core<K, R>, worker: &'static Worker, slot: usize) -> Self {
        Self { core, worker, goal: Goal { table: 0, state: slot as *const State, value: std::ptr::dangling_mut() } }
    }

    /// The name of the slot.
    #[inline]
    pub(super) fn slot(&self) -> usize {
        name(self.goal.state as usize, self.goal.table)
    }

    /// Lets everybody read the value.
    #[inline]
    pub(super) fn publish(self, value: R) {
        let (core, worker, goal) = (self.core, self.worker, self.goal);
        std::mem::forget(self);
        let pin = worker.pin();
        if let Some(slot) = goal.slot(core, &pin) {
            // SAFETY: claimed by this worker, and given back only by `self`, which is forgotten.
            unsafe { slot.publish(value) };
        }
        drop(pin);
        // Relaxed: see `wait`: who begins to wait just now looks again by itself.
        if core.waiters.load(Ordering::Relaxed) > 0 {
            wait::wake(goal.state as usize, goal.table);
        }
    }

    /// Gives the slot back without a value; who waits gets the outcome, if there is one to be had.
    #[cold]
    pub(super) fn withdraw(self, outcome: impl Fn() -> Option<Outcome>) {
        if self.core.waiters.load(Ordering::SeqCst) > 0 {
            wait::deliver(self.goal.state as usize, self.goal.table, outcome);
        }
    }
}

impl<R> Goal<R> {
    /// The slot, if its table is still the current one.
    #[inline]
    fn slot<'pin, K: Key>(self, core: &Core<K, R>, pin: &'pin Pin) -> Option<Slot<'pin, R>>
    where
        R: Output,
    {
        let current = core.table(pin)?.id() == self.table;
        // SAFETY: the parts are those of a slot of the table with this number, which is current under the pin.
        current.then(|| unsafe { Slot::new(self.state, self.value, 0) })
    }

    #[cold]
    #[inline(never)]
    fn give_back<K: Key>(self, core: &Core<K, R>, worker: &'static Worker)
    where
        R: Output,
    {
        let pin = worker.pin();
        if let Some(slot) = self.slot(core, &pin) {
            slot.state().release();
        }
        drop(pin);
        if core.waiters.load(Ordering::SeqCst) > 0 {
            wait::wake(self.state as usize, self.table);
        }
    }
}

impl<K: Key, R: Output> Drop for Flight<'_, K, R> {
    #[inline]
    fn drop(&mut self) {
        self.goal.give_back(self.core, self.worker);
    }
}
