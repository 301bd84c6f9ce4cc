//! Circles that pass through threads which the program starts and joins.
//!
//! A body that starts a thread and joins it waits where the graph does not show it. If that thread needs the body's own call,
//! the two wait for each other for ever. Linux tells on which address a thread sleeps, and who joins a thread sleeps at a
//! place of that thread's: so there is an edge more, which is as certain as those of the graph. Elsewhere there is no telling.

use std::time::{Duration, Instant};

use crate::cache::{
    block::waits,
    thread::{
        call_stack,
        registry::{self, Worker},
    },
};

/// How long a thread waits before it looks for such a circle, and again.
const LOOK: Duration = Duration::from_millis(50);
/// No circle of more threads is looked for.
const THREADS: usize = 10_000;

/// When a waiting thread looks for a circle.
pub(in crate::cache) struct Looks(Instant);

impl Looks {
    pub(in crate::cache) fn new() -> Self {
        Self(Instant::now())
    }

    /// Sees whether a thread, whose call this one waits for, waits for this one by joining threads. `slot` is that call's, and
    /// `is_busy` whether it is still on the way: a circle of claims alone is for the graph, which knows it at one moment.
    ///
    /// # Panics
    /// If it does, with a message that names the chain: none of the threads could ever go on.
    pub(in crate::cache) fn look(
        &mut self,
        owner: u32,
        slot: usize,
        worker: &'static Worker,
        is_busy: &dyn Fn() -> bool,
    ) {
        if self.0.elapsed() < LOOK {
            return;
        }
        self.0 = Instant::now();
        let Some(circle) = circle(owner, worker) else { return };
        // Who waits for a thread that cannot go on cannot either; so the last is certain first.
        let mut joins = 0;
        let holds = (0..circle.len()).rev().all(|at| {
            let next = circle.get(at + 1).map_or(worker.number, |next| next.number);
            joins += usize::from(waits::next(circle[at].number).is_none());
            step(circle[at]) == Some(next)
        });
        // The claim was there before the steps were looked at; so it was there all the time.
        if holds && joins > 0 && is_busy() {
            let chain = circle.into_iter().chain([worker]);
            // SAFETY: the others sleep until this thread ends or gives them a value, and it does neither.
            std::panic::panic_any(unsafe { call_stack::cycle_of(chain, slot) });
        }
    }
}

/// The threads from this one on, each of which waits for the next, and the last for the asking one.
fn circle(owner: u32, worker: &'static Worker) -> Option<Vec<&'static Worker>> {
    let (mut chain, mut at) = (Vec::new(), owner);
    while at != worker.number {
        let next = registry::by_number(at).filter(|_| chain.len() < THREADS)?;
        chain.push(next);
        at = step(next)?;
    }
    Some(chain)
}

/// The thread that this one waits for: the one of a claim, or one that it joins.
fn step(worker: &'static Worker) -> Option<u32> {
    waits::next(worker.number).or_else(|| {
        let at = worker.site.joins_at()?;
        registry::which(|other| other.site.is_joined_at(at)).first().copied()
    })
}
