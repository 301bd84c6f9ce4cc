//! When a call seems to need itself.
//!
//! On a thread that is not rayon's, every running call needs the next, so a call met again is a cycle. On rayon's
//! threads a body that uses rayon may have picked up an unrelated job while it waited, and the circle may be an
//! accident. Then the call is computed once more on a fresh thread with a pool of its own: nothing unrelated can run
//! there, so a call met again there is a cycle for certain, and a circle by accident resolves itself.

use std::{collections::HashSet, panic::resume_unwind};

use super::{
    chain,
    wait::{self, Busy, Waited},
    worker::{self, Worker},
};

/// What a thread knows that recomputes in isolation.
#[derive(Default)]
pub(super) struct Isolation {
    /// The workers that wait for this thread: their claims are not to be waited for.
    standing_in_for: HashSet<u32>,
}

/// What to do about a slot that this thread itself has claimed, or is computing a second time; `None` for all others.
pub(super) fn own(busy: &Busy, worker: &'static Worker) -> Option<Waited> {
    let again = worker.own.recomputing.get() > 0 && chain::contains(worker, busy.slot);
    let isolation = worker.own.isolation.borrow();
    if let Some(isolation) = &*isolation {
        if again || busy.owner == worker.number {
            drop_and_panic(worker, busy);
        }
        return isolation.standing_in_for.contains(&busy.owner).then_some(Waited::Recompute);
    }
    if !again && busy.owner != worker.number {
        return None;
    }
    if rayon::current_thread_index().is_none() {
        drop_and_panic(worker, busy);
    }
    Some(Waited::Isolate)
}

fn drop_and_panic(worker: &'static Worker, busy: &Busy) -> ! {
    wait::cycle(worker, busy.slot)
}

/// What to do about a circle of waits that this thread has closed.
pub(super) fn resolve(_busy: &Busy, worker: &'static Worker) -> Waited {
    if worker.own.isolation.borrow().is_some() { Waited::Recompute } else { Waited::Isolate }
}

/// Runs the body in isolation on behalf of a worker, which waits.
pub(super) fn run<T: Send>(worker: &'static Worker, body: impl FnOnce(&'static Worker) -> T + Send) -> T {
    let mut standing_in_for = HashSet::from([worker.number]);
    if let Some(outer) = &*worker.own.isolation.borrow() {
        standing_in_for.extend(&outer.standing_in_for);
    }
    std::thread::scope(|scope| {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        let thread = scope.spawn(move || {
            // A pool of one that this thread belongs to: what the body gives to rayon runs here as well.
            let _pool = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build();
            let isolated = worker::current();
            isolated.own.isolation.replace(Some(Isolation { standing_in_for }));
            let _ends = Ends(isolated);
            // The receiver waits for this message; if it were gone there would be nobody to tell.
            let _ = sender.send(isolated.number);
            body(isolated)
        });
        let number = receiver.recv().unwrap_or(worker.number);
        wait::for_worker(worker, number, || thread.join()).unwrap_or_else(|payload| resume_unwind(payload))
    })
}

/// Makes the worker an ordinary one again, also when the body panics.
struct Ends(&'static Worker);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.own.isolation.replace(None);
    }
}
