//! What a waiting thread does when nothing moves.
//!
//! The graph of waits does not show what happens inside rayon: a body that uses rayon may be waiting there for a job
//! that is queued behind, or running under, the very thread that waits for that body. So a thread of a rayon pool that
//! waits for a call that shows no sign of life finds out whether the thread that runs it waits inside rayon (see
//! `rayon_probe`). If so, it lets the pool run what is queued, and if nothing is, the claim gets a deputy (see `isolation`). If
//! not, it is waited for as long as it takes: how long never decides what is a cycle. Threads that are not rayon's need none of this: whatever hidden circle they are part of passes through
//! one of rayon's.

use std::time::{Duration, Instant};

use crate::cache::{
    block::{
        rayon_probe::{self, Place},
        waits,
    },
    thread::registry::{self, Worker},
};
use crate::sync::{Ordering, timed};

/// How long to wait for a sign of life from a body that is known to use rayon.
pub(in crate::cache) const KNOWN: Duration = Duration::from_millis(1);
/// The same for who waits for it through others: those come first.
const INDIRECT: Duration = Duration::from_millis(8);
/// How long to wait for a sign of life from any other body before finding out whether it does.
const UNKNOWN: Duration = Duration::from_millis(10);
/// From then on it is looked at again after twice the time, but at least so often.
const AGAIN: Duration = Duration::from_millis(100);
/// How long a body may wait inside rayon while other threads of the pool run: perhaps for these.
const BUSY: Duration = Duration::from_millis(50);
/// Jobs that take no longer together are run in one go: a deep recursion leaves one at each level.
const SHORT: Duration = Duration::from_micros(200);
/// How long a body of which there is no telling is waited for before it is computed a second time.
#[cfg(not(test))]
const UNTOLD: Duration = Duration::from_millis(500);
#[cfg(test)]
const UNTOLD: Duration = Duration::from_millis(200);

/// What a waiting thread has seen of the thread at the end of the waits.
#[derive(Default)]
pub(in crate::cache) struct Stall(Option<Seen>);

/// A thread that has shown no sign of life since this was made.
struct Seen {
    number: u32,
    progress: u64,
    since: Instant,
    /// Whether another thread was there at the last look.
    astray: bool,
    /// When to find out, next time, where it is.
    next: Duration,
    /// What came of it last time.
    place: Place,
    /// The question to the own pool, who of it runs, since it is known that the thread waits inside rayon.
    question: Option<u64>,
}

impl Stall {
    /// Looks for signs of life at the end of the waits that begin with this worker, and lets the pool run what is queued if
    /// that may be waited for; true if nothing is, and waiting may never end.
    pub(in crate::cache) fn look(&mut self, first: u32, worker: &'static Worker) -> bool {
        rayon_probe::serve(worker);
        if worker.site.pool() == 0 {
            return false;
        }
        let number = waits::running(first, worker);
        let Some(running) = registry::by_number(number).filter(|running| running.number != worker.number) else {
            return false;
        };
        // Relaxed: a sign of life.
        let progress = running.progress.load(Ordering::Relaxed);
        let seen = match &mut self.0 {
            Some(seen) if (seen.number, seen.progress) == (number, progress) => seen,
            // A thread that waits leaves the graph for a moment, again and again, and then seems to be the end of the waits.
            Some(seen) if seen.number != number && !seen.astray => {
                seen.astray = true;
                return false;
            }
            other => other.insert(Seen::new(number, progress)),
        };
        seen.astray = false;
        let quiet = seen.since.elapsed();
        #[cfg(test)]
        tests::note(number, quiet);
        match seen.find(running, worker, quiet) {
            Place::Rayon => {
                let patience = if number == first { KNOWN } else { INDIRECT };
                if quiet < patience || (quiet < BUSY && seen.somebody_runs(worker)) {
                    return false;
                }
                let executed = give_way_shortly(worker);
                if executed {
                    *self = Self::default();
                }
                !executed
            }
            Place::Unclear if quiet >= UNTOLD => {
                running.site.found(progress);
                false
            }
            Place::Elsewhere | Place::Unclear => false,
        }
    }
}

impl Seen {
    fn new(number: u32, progress: u64) -> Self {
        let (since, next) = (Instant::now(), Duration::ZERO);
        Self { number, progress, since, astray: false, next, place: Place::Unclear, question: None }
    }

    /// Where the thread is.
    fn find(&mut self, running: &Worker, worker: &'static Worker, quiet: Duration) -> Place {
        if running.site.is_found(self.progress) {
            return Place::Rayon;
        }
        // Relaxed: a hint.
        let told = running.rayon_frames.load(Ordering::Relaxed) > 0;
        if quiet >= self.next.max(if told { KNOWN } else { UNKNOWN }) {
            self.next = (quiet * 2).min(quiet + AGAIN);
            self.place = rayon_probe::find(running, worker);
        }
        // Where it cannot be asked, what is known of the function has to do.
        let unasked = quiet >= INDIRECT && self.place == Place::Unclear;
        if unasked && told { Place::Rayon } else { self.place }
    }

    /// Whether a thread of the own pool does something, as far as it can be asked.
    fn somebody_runs(&mut self, worker: &'static Worker) -> bool {
        let threads = timed::current_num_threads();
        let pool = worker.site.pool();
        // A pool of one has this thread alone.
        threads > 1 && {
            let question = *self.question.get_or_insert_with(|| rayon_probe::ask(pool, worker));
            let looking = registry::count(|other| other.site.pool() == pool && other.site.has_answered(question));
            looking + waits::waiting_in(pool) + 1 < threads
        }
    }
}

/// Lets rayon run what is queued, more than one job only if they are short; false if nothing is.
fn give_way_shortly(worker: &'static Worker) -> bool {
    let since = Instant::now();
    let executed = give_way(worker);
    while since.elapsed() < SHORT && give_way(worker) {}
    executed
}

/// Lets rayon run something that is queued; false if nothing is.
fn give_way(worker: &'static Worker) -> bool {
    let outer = worker.own.yielding.replace(worker.own.top.get());
    let outer_answers = worker.own.answers.get();
    let executed = loop {
        let answers = rayon_probe::answers();
        worker.own.answers.set(answers);
        match rayon_core::yield_now() {
            // A question is nothing that anybody waits for.
            Some(rayon_core::Yield::Executed) if rayon_probe::answers() != answers => {}
            executed => break executed == Some(rayon_core::Yield::Executed),
        }
    };
    worker.own.yielding.set(outer);
    worker.own.answers.set(outer_answers);
    executed
}

#[cfg(test)]
mod tests;
