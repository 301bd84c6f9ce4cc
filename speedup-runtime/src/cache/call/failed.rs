//! What becomes of a call that panics, as long as the outermost call runs for which it was made.

use std::panic::resume_unwind;

use crate::cache::{
    block::{outcome::Outcome, poison},
    call::{claim_guard::Flight, running, state::Core},
    table::key::{Key, Output},
    thread::{
        call_stack,
        failures::Place,
        frame::{Frame, Mark},
        registry::{self, Worker},
    },
};
use crate::{
    panics::{self, Payload},
    seeing::{switch, watch},
};

/// Lets a panic go on, and gives it to those who wait.
///
/// # Safety
/// The frame is of a call of such a core, and its goal came from [`Flight::into_goal`] of a flight of that and of this worker, and is given up
/// by this.
#[cold]
#[inline(never)]
pub(in crate::cache) unsafe fn crash<K: Key, R: Output>(frame: &Frame, payload: Payload, worker: &'static Worker) -> ! {
    // SAFETY: by the contract.
    let (core, key) = unsafe { (running::core_of::<K, R>(frame), frame.key::<K>()) };
    // SAFETY: as above.
    let flight = unsafe { Flight::of_goal(core, worker, frame.goal()) };
    running::end_of_panicked(worker, frame);
    // What is given up is for those who wait to begin again.
    let given_up = payload.is::<switch::GivenUp>();
    if !given_up {
        core.principal().seen.panicked();
        watch::fault("a call panicked", frame);
    }
    let for_others = (!given_up).then(|| worker.own.blame.passes(frame, &payload));
    core.suspects().doom(key, flight.name(), &payload, worker);
    core.note_failed(key, flight.place(), &payload, for_others.as_ref(), worker);
    // Who waits on behalf of another outermost call than one that is over tries itself.
    let is_late = worker.is_left_behind();
    let copy = || panics::copy_of(for_others.as_ref().filter(|_| !is_late)?);
    flight.discard(key, || copy().map(Outcome::panic));
    poison::left(worker);
    call_stack::note_panic(worker);
    registry::collect_if_due();
    resume_unwind(payload)
}

/// Gives the claim of a frame back if what users' code does with its value panics.
pub(super) struct Crashed<'a, K: Key, R: Output> {
    pub(super) core: &'a Core<K, R>,
    pub(super) frame: &'a Frame,
}

impl<K: Key, R: Output> Drop for Crashed<'_, K, R> {
    #[cold]
    fn drop(&mut self) {
        // SAFETY: by the contract of `land` in `execute`, and of `judge`, which alone make this.
        let flight = unsafe { Flight::of_goal(self.core, registry::current(), self.frame.goal()) };
        // SAFETY: as above.
        flight.discard(unsafe { self.frame.key::<K>() }, || None);
    }
}

impl<K: Key, R: Output> Core<K, R> {
    /// Notes that a call has panicked, if others work for the same outermost call. Before its claim is given up.
    fn note_failed(
        &self,
        key: &K,
        place: Place,
        payload: &Payload,
        for_others: Option<&Payload>,
        worker: &'static Worker,
    ) {
        // Whether a call needs itself depends on where the circle is entered; `poison` sees to those.
        if place.1 != 0
            && !self.notes.positions()
            && let Some((home, root)) = worker.shared_root()
            && call_stack::as_cycle(payload).is_none()
        {
            let key = (!self.table.is_of_scope()).then_some(key);
            home.failures.note(root, place, key, for_others);
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
    /// If it has, with what others get of that; what was given up runs again.
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

#[cfg(all(test, not(loom)))]
mod tests {
    use std::{
        panic::{catch_unwind, panic_any},
        sync::{
            Barrier,
            atomic::{AtomicU32, AtomicUsize, Ordering},
        },
        thread,
    };

    use crate::{
        Cache,
        cache::{Function, State, block::waits, thread::registry},
        panics::Payload,
    };

    /// What no text can be made of.
    struct Code(u64);

    /// Runs of the current round.
    static LEAF_RUNS: AtomicUsize = AtomicUsize::new(0);
    static ROOT_RUNS: AtomicUsize = AtomicUsize::new(0);
    /// The numbers of those who are going to wait.
    static WAITING: [AtomicU32; 3] = [const { AtomicU32::new(u32::MAX) }; 3];

    const LEAF: &Cache<(u64,), u64> = {
        static STATE: State<(u64,), u64> = State::new();
        let leaf = |(n,): &(u64,)| {
            let is_first = LEAF_RUNS.fetch_add(1, Ordering::SeqCst) == 0;
            let me = registry::current().number;
            while is_first && WAITING.iter().any(|number| waits::next(number.load(Ordering::SeqCst)) != Some(me)) {
                thread::yield_now();
            }
            panic_any(Code(*n))
        };
        &Cache::of(&STATE, Function::new("leaf", leaf).show(|key, out| write!(out, "{key:?}")))
    };

    const ROOT: &Cache<(u64,), u64> = {
        static STATE: State<(u64,), u64> = State::new();
        let root = |(n,): &(u64,)| {
            ROOT_RUNS.fetch_add(1, Ordering::SeqCst);
            LEAF.get((n + 2,)) + 1
        };
        &Cache::of(&STATE, Function::new("root", root).show(|key, out| write!(out, "{key:?}")))
    };

    /// What those who wait are told of a call, and how often bodies have run.
    fn round(n: u64) -> (Vec<Payload>, [usize; 2]) {
        [&LEAF_RUNS, &ROOT_RUNS].iter().for_each(|runs| runs.store(0, Ordering::SeqCst));
        WAITING.iter().for_each(|number| number.store(u32::MAX, Ordering::SeqCst));
        let begun = Barrier::new(WAITING.len() + 1);
        let told = thread::scope(|scope| {
            let told: Vec<_> = (0..WAITING.len())
                .map(|at| {
                    let begun = &begun;
                    scope.spawn(move || {
                        begun.wait();
                        while LEAF_RUNS.load(Ordering::SeqCst) == 0 {
                            thread::yield_now();
                        }
                        WAITING[at].store(registry::current().number, Ordering::SeqCst);
                        // One for the call itself, the others for one that needs it.
                        let payload = catch_unwind(|| if at == 0 { LEAF.get((n + 2,)) } else { ROOT.get((n,)) });
                        payload.expect_err("it has no value")
                    })
                })
                .collect();
            begun.wait();
            let payload = catch_unwind(|| ROOT.get((n,))).expect_err("it has no value");
            assert_eq!(payload.downcast::<Code>().expect("the payload itself").0, n + 2);
            told.into_iter().map(|told| told.join().expect("caught")).collect()
        });
        (told, [&LEAF_RUNS, &ROOT_RUNS].map(|runs| runs.load(Ordering::SeqCst)))
    }

    #[test]
    fn who_waits_for_a_call_whose_panic_is_no_text_is_told_which_call_it_was() {
        // Who looks around for work just when the call panics finds nothing to wait for any more, and runs it again.
        let is_told = (0..100).map(|n| 10 * n).any(|n| {
            let (told, runs) = round(n);
            if runs != [1, 1] {
                return false;
            }
            for payload in told {
                let text = *payload.downcast::<String>().expect("a text");
                assert!(text.starts_with(&format!("`leaf({})` has panicked", n + 2)), "{text:?}");
            }
            true
        });
        assert!(is_told, "somebody ran it again each time");
    }
}
