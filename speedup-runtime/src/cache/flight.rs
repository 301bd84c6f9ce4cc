//! A claim on its way to a value.

use super::{
    core::Core,
    key::{Key, Output},
    table::Slot,
    wait::{self, Outcome},
    worker::{Pin, Worker},
};
use crate::sync::Ordering;

/// A claim on a slot that outlives the pin under which it was made. Dropped without a result, it gives the slot back.
pub(super) struct Flight<'core, K: Key, R: Output> {
    core: &'core Core<K, R>,
    pub(super) worker: &'static Worker,
    /// The number of the table: as long as it is current, the slot is there.
    table: u64,
    pub(super) slot: Slot<'static, R>,
}

impl<'core, K: Key, R: Output> Flight<'core, K, R> {
    pub(super) fn new(core: &'core Core<K, R>, worker: &'static Worker, table: u64, slot: Slot<'_, R>) -> Self {
        // SAFETY: looked at again only in `with_slot`, under a pin and while the table is known to be current.
        let slot = unsafe { slot.unpinned() };
        Self { core, worker, table, slot }
    }

    /// Lets everybody read the value.
    #[inline]
    pub(super) fn publish(self, value: R) {
        let pin = self.worker.pin();
        if let Some(slot) = self.slot(&pin) {
            // SAFETY: claimed by this worker, and given back only by `self`, which ends here.
            unsafe { slot.publish(value) };
        }
        drop(pin);
        let (core, at, table) = (self.core, self.slot.address(), self.table);
        std::mem::forget(self);
        // Relaxed: see `wait`: who begins to wait just now looks again by itself.
        if core.waiters.load(Ordering::Relaxed) > 0 {
            wait::wake(at, table);
        }
    }

    /// Gives the slot back without a value; who waits gets the outcome, if there is one to be had.
    pub(super) fn withdraw(self, outcome: impl Fn() -> Option<Outcome>) {
        if self.core.waiters.load(Ordering::SeqCst) > 0 {
            wait::deliver(self.slot.address(), self.table, outcome);
        }
    }

    /// The slot, if its table is still the current one.
    #[inline]
    fn slot<'pin>(&self, pin: &'pin Pin) -> Option<Slot<'pin, R>> {
        // SAFETY: the slot is one of the table with this number, which is current under the pin.
        self.core.table(pin).filter(|table| table.id() == self.table).map(|_| unsafe { self.slot.pinned(pin) })
    }
}

impl<K: Key, R: Output> Drop for Flight<'_, K, R> {
    fn drop(&mut self) {
        let pin = self.worker.pin();
        if let Some(slot) = self.slot(&pin) {
            slot.state().release();
        }
        drop(pin);
        if self.core.waiters.load(Ordering::SeqCst) > 0 {
            wait::wake(self.slot.address(), self.table);
        }
    }
}
