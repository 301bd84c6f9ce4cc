//! Computing a call a second time, where its claim cannot be waited for.
//!
//! On a thread that is not rayon's, every running call needs the next, so a call met again is a cycle. On rayon's threads a
//! body that uses rayon may have picked up an unrelated job while it waited, and then waits may go in a circle by accident,
//! in the graph of waits or, unseen, through rayon. So they may where a thread has helped such a one. Then the claim gets a
//! *deputy*: a fresh thread with a pool of its own, which helps nobody and computes the call once more.
//!
//! - A claim has at most one deputy. Who needs the value while there is one waits for whoever of the two ends first.
//! - A deputy waits for no claim. What it needs and others have claimed it computes as the deputy of that claim as well, or
//!   waits for the deputy that this has.
//! - What came of a deputy is kept as long as the claim is in flight.
//!
//! So a call runs at most twice at a time: by its claim, and by the claim's deputy. Nothing unrelated runs in isolation, so a
//! call met again there is a cycle for certain; and deputies wait for deputies alone, so all of their waits end. What was
//! found to need itself is remembered longer (see `poison`).
//!
//! A body may leave its isolation: it hands work to a pool by name (`ThreadPool::install`), and the threads of that pool wait
//! for the deputy. So they run what is queued meanwhile. If that is a job of the body's which needs the call itself, nobody
//! can know: such a cycle hangs, as it does in rayon alone.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    thread,
    time::Duration,
};

use rayon_core::{ThreadPool, ThreadPoolBuilder};

use crate::cache::{
    block::{
        deputies::{self, Begun, Copies, Deputy},
        outcome::Outcome,
        poison,
        progress::Stall,
        rayon_probe::{self, Lent},
        waits,
    },
    table::key::Output,
    thread::{
        call_stack,
        claim::Busy,
        engine::Engine,
        registry::{self, Worker},
    },
};
use crate::sync::Arc;

/// How often a thread that waits for a deputy looks whether that waits inside rayon.
const LOOK: Duration = Duration::from_millis(2);

/// How a claim is to be treated.
pub(in crate::cache) enum Way {
    /// Wait for it.
    Wait,
    /// It cannot be waited for: see [`compute`].
    Deputy,
}

/// Whether the claim of the key with this mark can be waited for at all: neither one of this thread's own, nor any in isolation.
///
/// # Panics
/// When the call needs itself, with a message that names the chain.
pub(in crate::cache) fn way(busy: &Busy, mark: u16, worker: &'static Worker) -> Way {
    let own = busy.owner == worker.number;
    if worker.is_isolated() {
        if own || call_stack::contains(worker, busy.name(), mark) {
            cycle(worker, busy.name());
        }
        return Way::Deputy;
    }
    if !own {
        return Way::Wait;
    }
    if rayon_core::current_thread_index().is_none() && !call_stack::helps_since(worker, busy.name()) {
        cycle(worker, busy.name());
    }
    Way::Deputy
}

/// The panic of a call that needs itself.
pub(in crate::cache) fn cycle(worker: &Worker, slot: usize) -> ! {
    std::panic::panic_any(call_stack::cycle(worker, slot))
}

/// The value of a claimed slot from its deputy, which this thread becomes, starts or waits for; `None` if the claim is to be
/// looked at again. `body` computes the value on the worker that it is given.
///
/// # Panics
/// If the body does, or if the call needs itself.
pub(in crate::cache) fn compute<R: Output>(
    engine: &dyn Engine,
    busy: &Busy,
    worker: &'static Worker,
    body: impl Fn(&'static Worker) -> R + Send,
) -> Option<R> {
    let mut computed = None;
    let keeps = &mut computed;
    let mut run = move |worker: &'static Worker| -> Copies {
        let value = body(worker);
        let copied = value.clone();
        *keeps = Some(value);
        Box::new(move || Outcome::value(copied.clone()))
    };
    // All of it that is the same for all types is compiled once.
    match compute_by(engine, busy, worker, &mut run) {
        Computed::Here => computed,
        Computed::Elsewhere(outcome) => outcome.into_value(),
        Computed::No => None,
    }
}

/// Runs the body on a worker, and keeps its value.
type Body<'a> = &'a mut (dyn FnMut(&'static Worker) -> Copies + Send);

/// Where the value of a claimed slot is.
enum Computed {
    /// The body has it.
    Here,
    Elsewhere(Outcome),
    /// Nowhere: the claim is to be looked at again.
    No,
}

impl Computed {
    fn of(outcome: Option<Outcome>) -> Self {
        outcome.map_or(Self::No, Self::Elsewhere)
    }
}

/// As [`compute`].
fn compute_by(engine: &dyn Engine, busy: &Busy, worker: &'static Worker, body: Body<'_>) -> Computed {
    if worker.is_isolated() {
        return stand_in(engine, busy, worker, body);
    }
    match deputies::of(busy) {
        Some(deputy) => Computed::of(wait_for(&deputy, worker).unwrap_or(None)),
        None => start(engine, busy, worker, body),
    }
}

/// Computes a claimed slot in isolation as the deputy of that claim, unless it has one.
fn stand_in(engine: &dyn Engine, busy: &Busy, worker: &'static Worker, body: Body<'_>) -> Computed {
    let deputy = match deputies::begin(engine, busy, worker) {
        Begun::Mine(deputy) => deputy,
        Begun::Over => return Computed::No,
        Begun::Others(deputy) => match wait_for(&deputy, worker) {
            Ok(outcome) => return Computed::of(outcome),
            // A cycle. Who walks through it alone can tell it exactly.
            Err(Circle) => {
                drop(body(worker));
                return Computed::Here;
            }
        },
    };
    match catch_unwind(AssertUnwindSafe(|| body(worker))) {
        Ok(copies) => {
            deputy.ends_with(copies);
            waits::wake_for(worker.number);
            waits::deliver_to(busy, &|| deputy.outcome()?);
            Computed::Here
        }
        Err(payload) => {
            deputy.panicked(worker.own.blame.copy(worker.own.top.get(), &payload));
            // The next one tries again.
            deputies::withdraw(busy, &deputy, engine.waiters());
            waits::wake_for(worker.number);
            poison::deliver(engine, busy, &payload);
            resume_unwind(payload)
        }
    }
}

/// The deputy waits, in the end, for the one who would wait for it.
struct Circle;

/// Waits until a deputy ends, or its claim does.
fn wait_for(deputy: &Deputy, worker: &'static Worker) -> Result<Option<Outcome>, Circle> {
    let mut stall = Stall::default();
    loop {
        // Before anything else, since the number of one that has ended may be another thread's.
        if let Some(outcome) = deputy.outcome() {
            return Ok(outcome);
        }
        {
            let _waits = waits::enter_for_deputy(worker, deputy.worker).ok_or(Circle)?;
            // Looked at again in the graph: who ends wakes all that are in it.
            if deputy.outcome().is_none() {
                worker.park(LOOK);
            }
        }
        // For what it does: nothing else can be done about a deputy that waits inside rayon. What is queued in an isolated
        // pool belongs to the calls on this very stack.
        if !worker.is_isolated() {
            stall.look(deputy.worker, worker);
        }
    }
}

/// Starts an isolated thread that stands in for a claim on behalf of a worker, which waits.
fn start(engine: &dyn Engine, busy: &Busy, worker: &'static Worker, body: Body<'_>) -> Computed {
    let sponsor = worker.number;
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(1);
        let stand_in = move |pool: Option<Arc<ThreadPool>>| {
            let isolated = registry::current();
            isolated.own.isolated_for.set(Some(sponsor));
            let lent = pool.map(|pool| rayon_probe::lend(pool, isolated));
            // The receiver waits for this message, and then for the end of the sender.
            let _ = sender.send(isolated.number);
            let _ends = Ends { isolated, _lent: lent, _sender: sender };
            self::stand_in(engine, busy, isolated, body)
        };
        let thread = scope.spawn(move || {
            // A pool of one, whose thread runs the body: what the body gives to rayon runs there as well.
            match ThreadPoolBuilder::new().num_threads(1).build().map(Arc::new) {
                Ok(pool) => pool.install(|| stand_in(Some(pool.clone()))),
                Err(_) => stand_in(None),
            }
        });
        if let Ok(number) = receiver.recv() {
            stand_by(worker, number, &receiver);
        }
        thread.join().unwrap_or_else(|payload| {
            if poison::deliver(engine, busy, &payload) {
                call_stack::note_cycle(worker, busy.name());
            }
            resume_unwind(payload)
        })
    })
}

/// Waits until an isolated worker is done, which the receiver tells.
fn stand_by(worker: &'static Worker, number: u32, done: &Receiver<u32>) {
    let mut stall = Stall::default();
    loop {
        let waits = waits::enter_for(worker, number);
        let ended = done.recv_timeout(LOOK) != Err(RecvTimeoutError::Timeout);
        drop(waits);
        if ended {
            return;
        }
        stall.look(number, worker);
    }
}

/// Whether the thread computes something that another has claimed: a body that runs a second time.
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
        self.isolated.own.isolated_for.set(None);
    }
}
