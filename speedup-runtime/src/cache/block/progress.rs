//! What a waiting thread does when nothing moves.
//!
//! The graph of waits does not show what happens inside rayon: a body that uses rayon may be waiting there for a job
//! that is queued behind, or running under, the very thread that waits for that body. So a thread of a rayon pool that
//! waits for a call that shows no sign of life finds out whether the thread that runs it waits inside rayon (see
//! `rayon_probe`). If so, it lets the pool run what is queued, and if nothing is, computes the value as well. If not, it waits as
//! long as it takes. Threads that are not rayon's need none of this: whatever hidden circle they are part of passes through
//! one of rayon's.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use crate::cache::{
    block::{
        block_on::{self, Busy},
        isolation,
        rayon_probe::{self, Place},
    },
    thread::registry::{self, Worker},
};
use crate::sync::Ordering;

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
/// After so long a body of which there is no telling is taken for one that waits inside rayon.
#[cfg(not(test))]
const HOPELESS: Duration = Duration::from_millis(500);
#[cfg(test)]
const HOPELESS: Duration = Duration::from_millis(200);
/// Another thread that is at the end of the waits for no longer than this is one that leaves the graph for a moment, or that
/// was interrupted then.
const ASTRAY: Duration = Duration::from_millis(50);
/// A body that is known to sleep outside of rayon may wait there for a job of the pool all the same: for a message that the
/// job sends. After so long a pool whose threads all wait for it runs what is queued. Not earlier, since what is queued may as
/// well need what the thread that runs it has begun, and that would then be computed twice.
#[cfg(not(test))]
const DESPERATE: Duration = Duration::from_secs(10);
#[cfg(test)]
const DESPERATE: Duration = Duration::from_secs(2);

thread_local! {
    /// When the innermost job began that this thread runs because it gives way.
    static JOB: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// What a waiting thread has seen of the thread at the end of the waits.
#[derive(Default)]
pub(in crate::cache) struct Stall(Option<Seen>, Silence);

/// How long the thread at the end of the waits has shown no sign of life, over all that goes astray meanwhile.
#[derive(Default)]
pub(in crate::cache) struct Silence {
    /// The thread, its progress, and since when.
    of: Option<(u32, u64, Instant)>,
    /// Since when others have been there instead.
    astray: Option<Instant>,
}

impl Silence {
    /// The thread with this number and progress is there now; how long it has been silent.
    pub(in crate::cache) fn look(&mut self, number: u32, progress: u64) -> Duration {
        let now = Instant::now();
        let since = match self.of {
            Some((of, before, since)) if (of, before) == (number, progress) => since,
            Some((of, ..)) if of != number && now - *self.astray.get_or_insert(now) < ASTRAY => return Duration::ZERO,
            Some((of, ..)) if of != number => self.astray.unwrap_or(now),
            _ => now,
        };
        *self = Self { of: Some((number, progress, since)), astray: None };
        now - since
    }
}

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
    /// Looks for signs of life; true if the value is to be computed here as well.
    pub(in crate::cache) fn look(&mut self, busy: &Busy, worker: &'static Worker) -> bool {
        rayon_probe::serve(worker);
        if worker.site.pool() == 0 {
            return false;
        }
        let number = block_on::running(busy.owner, worker);
        let Some(running) = registry::by_number(number).filter(|running| running.number != worker.number) else {
            return false;
        };
        // Relaxed: a sign of life.
        let progress = running.progress.load(Ordering::Relaxed);
        let silent = self.1.look(number, progress);
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
        // In isolation the pool holds nothing but other parts of the calls on this very stack.
        let alone = isolation::is_isolated(worker);
        match seen.find(running, worker, quiet) {
            Place::Rayon => {
                let patience = if number == busy.owner { KNOWN } else { INDIRECT };
                if quiet < patience || (quiet < BUSY && seen.somebody_runs(worker)) {
                    return false;
                }
                if !alone && give_way_shortly(worker) {
                    *self = Self::default();
                    return false;
                }
                true
            }
            Place::Elsewhere if !alone && is_desperate(worker, running, silent) => {
                if give_way(worker) {
                    *self = Self::default();
                }
                false
            }
            Place::Unclear if quiet >= HOPELESS => {
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
        let threads = rayon::current_num_threads();
        let pool = worker.site.pool();
        // A pool of one has this thread alone.
        threads > 1 && {
            let question = *self.question.get_or_insert_with(|| rayon_probe::ask(pool, worker));
            let looking = registry::count(|other| other.site.pool() == pool && other.site.has_answered(question));
            looking + block_on::waiting_in(pool) + 1 < threads
        }
    }
}

/// Whether a thread that sleeps outside of rayon may wait there for this pool: it has shown no sign of life for long, and all
/// threads of the pool wait for calls, but for that thread itself, if it belongs to it.
pub(in crate::cache) fn is_desperate(worker: &Worker, running: &Worker, silent: Duration) -> bool {
    let pool = worker.site.pool();
    let itself = usize::from(running.site.pool() == pool);
    silent >= DESPERATE
        && block_on::waiting_in(pool) + 1 + itself >= rayon::current_num_threads()
        && running.site.sleeps()
}

/// Lets rayon run what is queued, more than one job only if they are short; false if nothing is.
fn give_way_shortly(worker: &'static Worker) -> bool {
    let since = Instant::now();
    let executed = give_way(worker);
    while since.elapsed() < SHORT && give_way(worker) {}
    executed
}

/// When the innermost job began that this thread runs because it gives way.
pub(in crate::cache) fn job_began() -> Option<Instant> {
    JOB.get()
}

/// Lets rayon run something that is queued; false if nothing is.
pub(in crate::cache) fn give_way(worker: &'static Worker) -> bool {
    let outer = worker.own.yielding.replace(worker.own.top.get());
    let outer_answers = worker.own.answers.get();
    let outer_job = JOB.replace(Some(Instant::now()));
    let executed = loop {
        let answers = rayon_probe::answers();
        worker.own.answers.set(answers);
        match rayon::yield_now() {
            // A question is nothing that anybody waits for.
            Some(rayon::Yield::Executed) if rayon_probe::answers() != answers => {}
            executed => break executed == Some(rayon::Yield::Executed),
        }
    };
    worker.own.yielding.set(outer);
    worker.own.answers.set(outer_answers);
    JOB.set(outer_job);
    executed
}

#[cfg(test)]
mod tests;
