//! A claim on its way to a value.

use std::{hint::cold_path, marker::PhantomData};

use crate::cache::{
    block::{outcome::Outcome, waits},
    call::state::Core,
    memory::membarrier,
    table::{
        self, Found, Slot,
        key::{Key, Output},
    },
    thread::{
        claim::Goal,
        registry::{Pinned, Worker},
    },
};
#[cfg(not(loom))]
use crate::{cache::call::leaves::Leaves, panics};

/// A claim on a slot that outlives the pin under which it was made. Dropped without a result, it gives the slot back.
pub(in crate::cache) struct Flight<'core, K: Key, R: Output> {
    core: &'core Core<K, R>,
    worker: &'static Worker,
    goal: Goal,
    value: PhantomData<R>,
}

impl<'core, K: Key, R: Output> Flight<'core, K, R> {
    #[inline]
    pub(in crate::cache) fn new(
        core: &'core Core<K, R>,
        worker: &'static Worker,
        table: u64,
        slot: Slot<'_, R>,
    ) -> Self {
        Self::at(core, worker, Goal::new(table, slot.state_ptr().cast(), K::is_small() && !slot.is_hashed()))
    }

    /// As [`new`](Self::new), for the slot of a page.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn in_page(
        core: &'core Core<K, R>,
        worker: &'static Worker,
        table: u64,
        slot: Slot<'_, R>,
    ) -> Self {
        Self::at(core, worker, Goal::new(table, slot.state_ptr().cast(), true))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn at(core: &'core Core<K, R>, worker: &'static Worker, goal: Goal) -> Self {
        Self { core, worker, goal, value: PhantomData }
    }

    /// A call whose value goes to its caller alone: the slot with this name is another worker's.
    pub(in crate::cache) fn without_claim(core: &'core Core<K, R>, worker: &'static Worker, slot: usize) -> Self {
        Self::at(core, worker, Goal::new(0, slot as *const (), true))
    }

    /// Whose claim it is.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn worker(&self) -> &'static Worker {
        self.worker
    }

    /// The name of the slot.
    pub(in crate::cache) fn name(&self) -> usize {
        self.goal.name()
    }

    /// The slot and its table.
    pub(in crate::cache) fn place(&self) -> (usize, u64) {
        self.goal.place()
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
        Self::at(core, worker, goal)
    }

    /// Lets everybody read the value.
    #[inline]
    pub(in crate::cache) fn publish(self, value: R) {
        let (core, worker) = (self.core, self.worker);
        // SAFETY: claimed by this worker, and given back only by `self`, which is forgotten.
        unsafe { self.into_goal().publish(core, worker, value, false) };
    }

    /// Lets everybody read the value of a hashed key, and says where it is now, if its table is still the current one.
    #[inline]
    pub(in crate::cache) fn publish_placed<'pin>(self, value: R, pin: Pinned<'pin>) -> Option<Found<'pin, K, R>>
    where
        'core: 'pin,
    {
        let (core, worker, goal) = (self.core, self.worker, self.into_goal());
        let placed = core.table(pin).filter(|table| table.id() == goal.table).and_then(|table| {
            // SAFETY: as in `find`, and claimed by this worker.
            let slot = unsafe { goal.slot_at::<K, R>(pin) };
            // SAFETY: as above.
            unsafe { slot.publish(value) };
            // SAFETY: as above, and ready since just now.
            unsafe { table.place_of(&slot, pin) }
        });
        goal.has_ended(core, worker);
        placed
    }

    /// Gives the slot back without a value; who waits gets the outcome, if there is one to be had. The key is not kept, either, where that can
    /// be.
    #[cfg(not(loom))]
    #[cold]
    pub(in crate::cache) fn discard(self, key: &K, outcome: impl Fn() -> Option<Outcome>) {
        self.deliver(outcome);
        match self.core.leaves(self.worker) {
            Leaves::Now => self.let_go(key),
            Leaves::With(home, root) => self.core.let_go_later(key, self.goal, home, root),
            Leaves::Never => {}
        }
    }

    /// Gives the slot back and takes its key out of the table, unless it is one of a page.
    #[cfg(not(loom))]
    pub(in crate::cache) fn let_go(self, key: &K) {
        let Self { core, worker, goal, .. } = self;
        let mut is_gone = false;
        // The key is hashed, by users' code.
        panics::contain(|| {
            let pin = worker.pin();
            let table = core.table(pin.at()).filter(|table| table.id() == goal.table);
            // SAFETY: claimed by this worker; and as in `remove`.
            is_gone = table.is_some_and(|table| unsafe { table.discard(key, goal.state(), worker, pin.at()) });
        });
        if is_gone {
            std::mem::forget(self);
            goal.has_ended(core, worker);
        }
    }

    /// Gives an outcome to those who wait, if there is one to be had. Who comes later waits until the claim is given up.
    fn deliver(&self, outcome: impl Fn() -> Option<Outcome>) {
        if self.core.waiters.any(|| self.worker.order()) {
            waits::deliver(self.goal.state() as usize, self.goal.table, &outcome);
        }
    }
}

impl Goal {
    /// The slot.
    ///
    /// # Safety
    /// The table with the goal's number is current under the pin, or lasts as long as its core, and its values are of this type.
    #[inline]
    unsafe fn slot_at<'pin, K: Key, R: 'pin>(self, pin: Pinned<'pin>) -> Slot<'pin, R> {
        // SAFETY: it is the state word of a slot of that table.
        unsafe { table::slot_at::<K, R>(self.state().cast(), self.is_paged(), pin) }
    }

    /// Lets those know who wait for the claim, which was given up just now.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn has_ended<K: Key, R: Output>(self, core: &Core<K, R>, worker: &'static Worker) {
        if core.waiters.any(|| worker.order()) {
            waits::ended(self.state() as usize, self.table, &core.waiters);
        }
    }

    /// The slot, if its table is still the current one. The goal is one of this core.
    #[inline]
    fn find<'pin, K: Key, R: Output>(self, core: &Core<K, R>, pin: Pinned<'pin>) -> Option<Slot<'pin, R>> {
        let current = core.table(pin)?.id() == self.table;
        // SAFETY: it is the table with this number, which is one of this core's.
        current.then(|| unsafe { self.slot_at::<K, R>(pin) })
    }

    /// Lets everybody read the value.
    ///
    /// # Safety
    /// As for [`Flight::of_goal`]: the claim is left to this goal, and is given up by this. The core [lasts](Core::lasts) if `lasting`
    /// is true.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) unsafe fn publish<K: Key, R: Output>(
        self,
        core: &Core<K, R>,
        worker: &'static Worker,
        value: R,
        lasting: bool,
    ) {
        if lasting && K::is_small() {
            // Whether it is still the current one or not.
            if self.table != 0 {
                // SAFETY: claimed by this worker, by the contract, in a table that is there as long as the core.
                unsafe { self.publish_in::<K, R>(value, Pinned::needless()) };
            }
            return self.has_ended(core, worker);
        }
        if worker.makes_barriers() {
            // SAFETY: passed on.
            return unsafe { self.publish_fenced(core, worker, value) };
        }
        let pin = worker.pin_briefly();
        // SAFETY: passed on.
        let left = unsafe { self.publish_at(core, value, pin.at()) };
        drop(pin);
        // It leaves its barriers to others.
        if core.waiters.any(membarrier::light) {
            waits::ended(self.state() as usize, self.table, &core.waiters);
        }
        drop(left);
    }

    /// The same on a thread that makes barriers of its own.
    ///
    /// # Safety
    /// As for [`publish`](Self::publish).
    #[cold]
    #[inline(never)]
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    unsafe fn publish_fenced<K: Key, R: Output>(self, core: &Core<K, R>, worker: &'static Worker, value: R) {
        let pin = worker.pin();
        // SAFETY: passed on.
        let left = unsafe { self.publish_at(core, value, pin.at()) };
        drop(pin);
        self.has_ended(core, worker);
        drop(left);
    }

    /// Lets everybody read the value, if the table is still the current one; what goes nowhere is to be dropped without a pin, by users' code.
    ///
    /// # Safety
    /// As for [`publish`](Self::publish).
    #[cfg_attr(not(debug_assertions), inline(always))]
    unsafe fn publish_at<K: Key, R: Output>(self, core: &Core<K, R>, value: R, pin: Pinned<'_>) -> Option<R> {
        if core.table(pin).is_none_or(|table| table.id() != self.table) {
            return Some(value);
        }
        // SAFETY: claimed by this worker, by the contract, in the table with this number, which is one of this core's.
        unsafe { self.publish_in::<K, R>(value, pin) };
        None
    }

    /// Lets everybody read the value.
    ///
    /// # Safety
    /// As for [`slot_at`](Self::slot_at), and claimed by this worker.
    #[cfg_attr(not(debug_assertions), inline(always))]
    unsafe fn publish_in<K: Key, R: Output>(self, value: R, pin: Pinned<'_>) {
        let state = self.state().cast();
        // Each in its own way: by a choice between two addresses the value would wait for it.
        if K::is_small() && self.is_paged() {
            // SAFETY: passed on.
            unsafe { table::slot_at::<K, R>(state, true, pin).publish(value) };
        } else {
            cold_path();
            // SAFETY: passed on.
            unsafe { table::slot_at::<K, R>(state, false, pin).publish(value) };
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
        self.has_ended(core, worker);
    }
}

impl<K: Key, R: Output> Drop for Flight<'_, K, R> {
    #[inline]
    fn drop(&mut self) {
        self.goal.give_back(self.core, self.worker);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use crate::cache::{
        call::{asked::Asked, function::Function, state::Core},
        table::{Current, key::Key},
        thread::registry,
    };

    #[test]
    fn a_value_for_a_table_that_lasts_and_is_no_longer_in_use_goes_nowhere() {
        let (function, worker) = (Function::new("double", |(n,): &(u64,)| 2 * n), registry::current());
        let mut core = Core::<(u64,), u64>::new();
        core.table = Current::none_lasting();
        let peek = || core.peek(&(1,), (1_u64,).pack(), worker);
        for is_in_use in [true, false] {
            let Asked::Mine(flight) = core.ask(&function, &(1,), worker, |value| *value) else {
                panic!("nobody has claimed it")
            };
            if !is_in_use {
                core.table.clear();
            }
            // SAFETY: the claim of this worker, in a core whose tables last.
            unsafe { flight.into_goal().publish(&core, worker, 2, true) };
            assert_eq!(peek(), is_in_use.then_some(2));
            core.table.clear();
        }
    }

    #[test]
    fn that_bodies_use_rayon_is_noted_before_the_first_of_them_runs() {
        for is_said in [true, false] {
            let plain = Function::new("same", |(n,): &(u64,)| *n);
            let function = if is_said { plain.uses_rayon() } else { plain };
            let core = Core::<(u64,), u64>::new();
            assert!(!core.notes.rayon());
            assert_eq!(core.get(function.callee(), &(1,)), 1);
            assert_eq!(core.notes.rayon(), is_said);
        }
    }
}
