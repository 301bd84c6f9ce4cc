//! What becomes of a call that panics, as long as the outermost call runs for which it was made.

use std::panic::resume_unwind;

use crate::cache::{
    block::{outcome::Outcome, poison},
    call::{claim_guard::Flight, state::Core},
    table::key::{Key, Output},
    thread::{
        call_stack,
        failures::Place,
        frame::{Frame, Mark},
        registry::Worker,
    },
};
use crate::{
    panics::{self, Payload},
    seeing::{switch, watch},
};

/// Lets a panic go on, and gives it to those who wait.
///
/// # Safety
/// The frame's goal came from [`Flight::into_goal`] of a flight of this core and worker, and is given up by this.
#[cold]
#[inline(never)]
pub(in crate::cache) unsafe fn crash<K: Key, R: Output>(
    core: &Core<K, R>,
    key: &K,
    frame: &Frame,
    payload: Payload,
    worker: &'static Worker,
) -> ! {
    // SAFETY: by the contract.
    let flight = unsafe { Flight::of_goal(core, worker, frame.goal()) };
    if !payload.is::<switch::GivenUp>() {
        core.principal().seen.panicked();
        watch::fault("a call panicked", frame);
    }
    core.suspects().doom(key, flight.name(), &payload, worker);
    core.note_failed(key, flight.place(), &payload, worker);
    // Who waits on behalf of another outermost call than one that is over tries itself.
    let is_late = worker.is_left_behind();
    flight.withdraw(|| panics::copy_of(&payload).filter(|_| !is_late).map(Outcome::panic));
    poison::left(worker);
    call_stack::note_panic(worker);
    resume_unwind(payload)
}

impl<K: Key, R: Output> Core<K, R> {
    /// Notes that a call has panicked, if others work for the same outermost call. Before its claim is given up.
    pub(in crate::cache) fn note_failed(&self, key: &K, place: Place, payload: &Payload, worker: &'static Worker) {
        // Whether a call needs itself depends on where the circle is entered; `poison` sees to those.
        if place.1 != 0
            && !self.notes.positions()
            && let Some((home, root)) = worker.shared_root()
            && call_stack::as_cycle(payload).is_none()
        {
            home.failures.note(root, place, key, payload);
        }
    }

    /// Whether a call has panicked within the outermost call that the worker works for.
    pub(in crate::cache) fn has_failed(&self, key: &K, place: Place, worker: &'static Worker) -> bool {
        worker.shared_root().is_some_and(|(home, root)| {
            home.failures.any() && home.failures.find(root, place, |of: &K| of.is_key(key)).is_some()
        })
    }

    /// Ends a call that begins, if it has panicked before within the same outermost call.
    ///
    /// # Panics
    /// If it has, with a copy of the payload; where there is none, the call runs again.
    pub(in crate::cache) fn check_failed(&self, key: &K, frame: &Frame, worker: &'static Worker) {
        let Some((home, root)) = worker.shared_root().filter(|(home, _)| home.failures.any()) else { return };
        // Whose body has caught a panic and goes on asking wants to try again.
        if frame.parent().is_some_and(|body| body.is(Mark::Hit)) {
            return home.failures.forget(root);
        }
        let failed = home.failures.find(root, frame.goal().place(), |of: &K| of.is_key(key));
        if let Some(payload) = failed.flatten() {
            resume_unwind(payload);
        }
    }
}
