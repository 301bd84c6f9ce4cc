//! A claim on its way to a value.

use std::{
    marker::PhantomData,
    ptr::{null, null_mut},
};

use crate::cache::{
    api::key::{Key, Output},
    block::{
        block_on::{self, Outcome},
        wait_for_graph::name,
    },
    call::inner::Core,
    table::{Slot, State},
    thread::registry::{Pinned, Worker},
};
use crate::sync::Ordering;

/// A claim on a slot that outlives the pin under which it was made. Dropped without a result, it gives the slot back.
pub(in crate::cache) struct Flight<'core, K: Key, R: Output> {
    core: &'core Core<K, R>,
    worker: &'static Worker,
    goal: Goal,
    value: PhantomData<R>,
}

/// Where a value goes.
#[derive(Clone, Copy)]
pub(in crate::cache) struct Goal {
    /// The number of the table: as long as it is current, the slot is there. 0, which is no table's, for a call that has
    /// no claim.
    table: u64,
    state: *const State,
    /// Of the type that the table knows.
    value: *mut (),
}

impl<'core, K: Key, R: Output> Flight<'core, K, R> {
    #[inline]
    pub(in crate::cache) fn new(
        core: &'core Core<K, R>,
        worker: &'static Worker,
        table: u64,
        slot: Slot<'_, R>,
    ) -> Self {
        let (state, value) = slot.parts();
        Self { core, worker, goal: Goal { table, state, value: value.cast() }, value: PhantomData }
    }

    /// A call whose value goes to its caller alone: the slot with this name is another worker's.
    pub(in crate::cache) fn without_claim(core: &'core Core<K, R>, worker: &'static Worker, slot: usize) -> Self {
        let goal = Goal { table: 0, state: slot as *const State, value: std::ptr::dangling_mut() };
        Self { core, worker, goal, value: PhantomData }
    }

    /// The name of the slot.
    pub(in crate::cache) fn name(&self) -> usize {
        self.goal.name()
    }

    /// Leaves the claim to whoever has the goal.
    #[inline]
    pub(in crate::cache) fn into_goal(self) -> Goal {
        let goal = self.goal;
        std::mem::forget(self);
        goal
    }

    /// The claim that was left to this goal.
    ///
    /// # Safety
    /// The goal came from [`into_goal`](Self::into_goal) of a flight of this core and worker, and this is called once.
    #[inline]
    pub(in crate::cache) unsafe fn of_goal(core: &'core Core<K, R>, worker: &'static Worker, goal: Goal) -> Self {
        Self { core, worker, goal, value: PhantomData }
    }

    /// Lets everybody read the value.
    #[inline]
    pub(in crate::cache) fn publish(self, value: R) {
        let (core, worker) = (self.core, self.worker);
        // SAFETY: claimed by this worker, and given back only by `self`, which is forgotten.
        unsafe { self.into_goal().publish(core, worker, value) };
    }

    /// Gives the slot back without a value; who waits gets the outcome, if there is one to be had.
    #[cold]
    pub(in crate::cache) fn withdraw(self, outcome: impl Fn() -> Option<Outcome>) {
        if self.core.waiters.load(Ordering::SeqCst) > 0 {
            block_on::deliver(self.goal.state as usize, self.goal.table, outcome);
        }
    }
}

impl Goal {
    /// Stands for the [`parts`](Self::parts) of a goal where there is none.
    pub(in crate::cache) const NONE: (u64, *const State, *mut ()) = (0, null(), null_mut());

    /// What it consists of: for passing it on.
    #[inline(always)]
    pub(in crate::cache) fn parts(self) -> (u64, *const State, *mut ()) {
        (self.table, self.state, self.value)
    }

    /// The goal with these [`parts`](Self::parts), if there is one.
    #[inline(always)]
    pub(in crate::cache) fn of_parts(table: u64, state: *const State, value: *mut ()) -> Option<Self> {
        (!value.is_null()).then_some(Self { table, state, value })
    }

    /// The name of the slot.
    #[inline]
    pub(in crate::cache) fn name(self) -> usize {
        name(self.state as usize, self.table)
    }

    /// The slot, if its table is still the current one. The goal is one of this core.
    #[inline]
    fn find<'pin, K: Key, R: Output>(self, core: &Core<K, R>, pin: Pinned<'pin>) -> Option<Slot<'pin, R>> {
        let current = core.table(pin)?.id() == self.table;
        // SAFETY: the parts are those of a slot of the table with this number, which is current under the pin.
        current.then(|| unsafe { Slot::new(self.state, self.value.cast(), 0) })
    }

    /// Lets everybody read the value.
    ///
    /// # Safety
    /// As for [`Flight::of_goal`]: the claim is left to this goal, and is given up by this.
    #[inline(always)]
    pub(in crate::cache) unsafe fn publish<K: Key, R: Output>(
        self,
        core: &Core<K, R>,
        worker: &'static Worker,
        value: R,
    ) {
        let pin = worker.pin();
        if let Some(slot) = self.find(core, pin.at()) {
            // SAFETY: claimed by this worker, by the contract.
            unsafe { slot.publish(value) };
        }
        drop(pin);
        // Relaxed: see `block_on`: who begins to wait just now looks again by itself.
        if core.waiters.load(Ordering::Relaxed) > 0 {
            block_on::wake(self.state as usize, self.table);
        }
    }

    #[cold]
    #[inline(never)]
    fn give_back<K: Key, R: Output>(self, core: &Core<K, R>, worker: &'static Worker) {
        let pin = worker.pin();
        if let Some(slot) = self.find(core, pin.at()) {
            slot.state().release();
        }
        drop(pin);
        if core.waiters.load(Ordering::SeqCst) > 0 {
            block_on::wake(self.state as usize, self.table);
        }
    }
}

impl<K: Key, R: Output> Drop for Flight<'_, K, R> {
    #[inline]
    fn drop(&mut self) {
        self.goal.give_back(self.core, self.worker);
    }
}
