//! What a waiting thread does when nothing moves.
//!
//! The graph of waits does not show what happens inside rayon: a body that uses rayon may be waiting there for a job
//! that is queued behind, or running under, the very thread that waits for that body. So a thread of a rayon pool that
//! waits for a call that shows no sign of life first lets the pool run what is queued, and then, if it is known that the
//! owner waits inside rayon, computes the value as well. Threads that are not rayon's need none of this: whatever hidden
//! circle they are part of passes through one of rayon's.

use std::time::{Duration, Instant};

use super::{
    wait::{self, Busy},
    worker::{self, Worker},
};
use crate::sync::Ordering;

/// How long to wait for a sign of life from a body that is known to use rayon.
const KNOWN: Duration = Duration::from_millis(1);
/// How long to wait for a sign of life from any other body before asking whether it does.
const UNKNOWN: Duration = Duration::from_millis(100);
/// After so long a body on a thread that cannot be asked is taken for one that waits inside rayon.
const HOPELESS: Duration = Duration::from_secs(1);

/// What a waiting thread has seen of the thread at the end of the waits.
#[derive(Default)]
pub(super) struct Stall {
    last: Option<(u32, u64, Instant)>,
    asked: bool,
}

impl Stall {
    /// Looks for signs of life; true if the value is to be computed here as well.
    pub(super) fn look(&mut self, busy: &Busy, worker: &'static Worker) -> bool {
        if rayon::current_thread_index().is_none() {
            return false;
        }
        let number = wait::running(busy.owner, worker);
        let Some(running) = worker::by_number(number) else { return false };
        // Relaxed: signs of life.
        let progress = running.progress.load(Ordering::Relaxed);
        let since = match self.last {
            Some((seen, at, since)) if (seen, at) == (number, progress) => since,
            _ => Instant::now(),
        };
        if self.last.is_none_or(|(.., last)| last != since) {
            self.asked = false;
        }
        self.last = Some((number, progress, since));
        let stuck = running.stuck.load(Ordering::Relaxed) == progress + 1;
        let known = stuck || running.rayon_frames.load(Ordering::Relaxed) > 0;
        let quiet = since.elapsed();
        if quiet < if known { KNOWN } else { UNKNOWN } {
            return false;
        }
        // In isolation the pool holds nothing but other parts of the calls on this very stack, and those who could be asked
        // belong to another one.
        let alone = worker.own.isolation.borrow().is_some();
        if known || alone || quiet >= HOPELESS {
            if !alone && give_way(worker) {
                self.last = None;
                return false;
            }
            let outside = !running.in_pool.load(Ordering::Relaxed) && worker.own.home.get().is_none();
            if !known && !alone && outside {
                // Whoever waits for it next need not take as long to find out.
                running.stuck.store(progress + 1, Ordering::Relaxed);
            }
            return known || alone || outside;
        }
        if !self.asked && running.in_pool.load(Ordering::Relaxed) {
            self.asked = true;
            ask();
        }
        false
    }
}

/// Lets rayon run something that is queued; false if nothing is.
fn give_way(worker: &'static Worker) -> bool {
    let outer = worker.own.yielding.replace(worker.own.top.get());
    let executed = rayon::yield_now() == Some(rayon::Yield::Executed);
    worker.own.yielding.set(outer);
    executed
}

/// Finds the threads of this pool that wait inside rayon in the middle of a call: only those run the broadcast there.
fn ask() {
    rayon::spawn_broadcast(|_| {
        let worker = worker::current();
        // A thread that came here by giving way is in the middle of a call too, but its body is not what waits.
        let top = worker.own.top.get();
        if top.is_some() && top != worker.own.yielding.get() {
            worker.found_in_rayon();
        }
    });
}
