//! When a call seems to need itself.
//!
//! On a thread that is not rayon's, every running call needs the next, so a call met again is a cycle. On rayon's
//! threads a body that uses rayon may have picked up an unrelated job while it waited, and the circle may be an
//! accident; and so it may be where a thread has helped such a one. Then the call is computed once more on a fresh thread
//! with a pool of its own, which helps nobody: nothing unrelated can run there, so a call met again there is a cycle for
//! certain, and a circle by accident resolves itself.
//!
//! What is computed in isolation is remembered until its end, so that a wide circle costs no more than its calls; and what
//! was found to need itself, longer than that (see `poison`).

use std::{
    any::Any,
    collections::{HashMap, HashSet},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    rc::Rc,
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    thread,
    time::Duration,
};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::cache::{
    api::key::Output,
    block::{
        block_on::{self, Busy, Waited},
        rayon_probe::{self, Lent},
        turns::{self, Turn, Underway, Watch},
    },
    call::{call_stack, erased::Engine},
    thread::registry::{self, Worker},
};
use crate::sync::Arc;

/// What a thread knows that recomputes in isolation.
pub(in crate::cache) struct Isolation {
    /// The workers that wait for this thread: their claims are not to be waited for.
    standing_in_for: HashSet<u32>,
    /// What came of slots that were computed here although others have claimed them, by slot and table.
    known: HashMap<(usize, u64), Rc<dyn Any>>,
}

impl Isolation {
    /// The workers that wait for this thread.
    pub(in crate::cache) fn others(&self) -> impl Iterator<Item = u32> {
        self.standing_in_for.iter().copied()
    }
}

/// How often a thread that waits for an isolated one looks whether somebody has a question to its pool.
const LOOK: Duration = Duration::from_millis(2);

/// What to do about a slot that this thread itself has claimed, or is computing a second time; `None` for all others.
pub(in crate::cache) fn own(busy: &Busy, worker: &'static Worker) -> Option<Waited> {
    let again = worker.own.recomputing.get() > 0 && call_stack::contains(worker, busy.name());
    let isolation = worker.own.isolation.borrow();
    if let Some(isolation) = &*isolation {
        if again || busy.owner == worker.number {
            block_on::cycle(worker, busy.name());
        }
        return isolation.standing_in_for.contains(&busy.owner).then_some(Waited::Recompute);
    }
    if !again && busy.owner != worker.number {
        return None;
    }
    if rayon::current_thread_index().is_none() && !call_stack::helps_since(worker, busy.name()) {
        block_on::cycle(worker, busy.name());
    }
    Some(isolate_or_wait(busy, worker))
}

/// What to do about a circle of waits that this thread has closed.
pub(in crate::cache) fn resolve(busy: &Busy, worker: &'static Worker) -> Waited {
    if is_isolated(worker) {
        return Waited::Recompute;
    }
    isolate_or_wait(busy, worker)
}

fn isolate_or_wait(busy: &Busy, worker: &'static Worker) -> Waited {
    match turns::next(busy, worker) {
        Turn::Isolate => Waited::Isolate,
        Turn::Ended(outcome) => outcome.map_or(Waited::Again, Waited::Outcome),
        Turn::Cycle => block_on::cycle(worker, busy.name()),
    }
}

/// The value of a slot that others have claimed, computed unless that was done before in this isolation. Only what is to
/// be kept is remembered. If the call needs itself, those who wait for the slot are told at once.
pub(in crate::cache) fn remembered<R: Output>(
    engine: &dyn Engine,
    worker: &'static Worker,
    busy: &Busy,
    keep: impl FnOnce(&R) -> bool,
    compute: impl FnOnce() -> R,
) -> R {
    let at = (busy.slot, busy.table);
    let before = worker.own.isolation.borrow().as_ref().and_then(|isolation| isolation.known.get(&at).cloned());
    // Cloned while nothing is borrowed: that runs users' code.
    if let Some(value) = before.and_then(|value| value.downcast::<R>().ok()) {
        return R::clone(&value);
    }
    match catch_unwind(AssertUnwindSafe(compute)) {
        Ok(value) => {
            if is_isolated(worker) && keep(&value) {
                remember(worker, at, Rc::new(value.clone()));
            }
            value
        }
        Err(payload) => {
            block_on::doomed(engine, busy, &payload, worker);
            resume_unwind(payload)
        }
    }
}

fn remember(worker: &'static Worker, at: (usize, u64), value: Rc<dyn Any>) {
    let old = worker.own.isolation.borrow_mut().as_mut().and_then(|isolation| isolation.known.insert(at, value));
    drop(old);
}

/// Runs the body, which computes the value of a claimed slot, in isolation on behalf of a worker, which waits.
pub(in crate::cache) fn run<R: Output>(
    engine: &dyn Engine,
    worker: &'static Worker,
    busy: &Busy,
    body: impl FnOnce(&'static Worker) -> R + Send,
) -> R {
    let mut standing_in_for = HashSet::from([worker.number]);
    if let Some(outer) = &*worker.own.isolation.borrow() {
        standing_in_for.extend(&outer.standing_in_for);
    }
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(1);
        let body = move |pool: Option<Arc<ThreadPool>>| {
            let isolated = registry::current();
            isolated.own.isolation.replace(Some(Isolation { standing_in_for, known: HashMap::new() }));
            let lent = pool.map(|pool| rayon_probe::lend(pool, isolated));
            let underway = Underway::new(busy, isolated, worker);
            // The receiver waits for this message, and then for the end of the sender.
            let _ = sender.send(isolated.number);
            let _ends = Ends { isolated, _lent: lent, _sender: sender };
            let value = body(isolated);
            underway.ends_with(&value);
            value
        };
        let thread = scope.spawn(move || {
            // A pool of one, whose thread runs the body: what the body gives to rayon runs there as well.
            match ThreadPoolBuilder::new().num_threads(1).build().map(Arc::new) {
                Ok(pool) => pool.install(|| body(Some(pool.clone()))),
                Err(_) => body(None),
            }
        });
        if let Ok(number) = receiver.recv() {
            stand_by(worker, number, &receiver);
        }
        thread.join().unwrap_or_else(|payload| {
            if block_on::doomed(engine, busy, &payload, worker) {
                call_stack::note_cycle(worker, busy.name());
            }
            resume_unwind(payload)
        })
    })
}

/// Waits until an isolated worker is done, which the receiver tells.
fn stand_by(worker: &'static Worker, number: u32, done: &Receiver<u32>) {
    let mut watch = Watch::new(number);
    while block_on::for_worker(worker, number, || done.recv_timeout(LOOK)) == Err(RecvTimeoutError::Timeout) {
        rayon_probe::serve(worker);
        if worker.site.pool() != 0 {
            // For what it does; circles are found by the isolated thread itself.
            watch.look(worker);
        }
    }
}

/// Whether the worker computes in isolation. Only on the calling thread's own worker.
pub(in crate::cache) fn is_isolated(worker: &Worker) -> bool {
    worker.own.isolation.borrow().is_some()
}

/// Whether the thread computes something that another has claimed, in isolation or not: a body that runs a second time.
pub(in crate::cache) fn computes_again(worker: &Worker) -> bool {
    worker.own.recomputing.get() > 0
}

/// Makes the worker an ordinary one again, also when the body panics.
struct Ends {
    isolated: &'static Worker,
    _lent: Option<Lent>,
    _sender: SyncSender<u32>,
}

impl Drop for Ends {
    fn drop(&mut self) {
        // Taken out first: dropping values runs users' code.
        let isolation = self.isolated.own.isolation.replace(None);
        drop(isolation);
    }
}
