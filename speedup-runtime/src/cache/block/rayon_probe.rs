//! Whether a thread waits inside rayon, found out from outside of it.
//!
//! The graph of waits does not show a thread that waits inside rayon, nor does anything about it differ, to who looks on,
//! from one that reads a file. But the two must be told apart: a call whose body waits inside rayon may be waiting for
//! those that wait for it, and one that does anything else must not be computed twice, however long it takes.
//!
//! A thread of a pool is asked by a broadcast in that pool. Only a thread that looks for work runs it, so who runs it in
//! the middle of a call waits inside rayon; and who does not run it, does not. A broadcast is sent by a thread of the pool:
//! by who wants to know, or else by whichever thread of that pool waits for a call ([`serve`]), or through a thread without
//! a pool, if it is rayon's global one. Pools of the engine's own are [`lent`](lend) to those who ask.
//!
//! A thread that is not rayon's sleeps there on a lock of its own, the same for all its calls of rayon. Linux says on which
//! lock a thread sleeps ([`linux`]); elsewhere there is no answer.

use std::{
    cell::Cell,
    collections::{HashMap, HashSet},
    thread,
};

use once_cell::sync::Lazy;
use rayon::ThreadPool;

use self::linux::Sleep;
use crate::cache::thread::registry::{self, Worker};
use crate::sync::{
    Arc, AtomicU32, AtomicU64, AtomicUsize, Ordering,
    global::{AtomicUsize as Counter, Mutex},
    lock,
};

mod linux;

/// Where a thread belongs, and what is known of its waiting inside rayon. Relaxed throughout: written when the thread is
/// enrolled, and hints otherwise.
#[derive(Default)]
pub(in crate::cache) struct Site {
    /// The number of the thread's pool, or 0.
    pool: AtomicUsize,
    /// The number of the thread itself, as the system knows it.
    thread: AtomicU32,
    /// The address of a thread-local variable of the thread.
    mark: AtomicUsize,
    /// The last question that the thread has answered, of those to its pool.
    answered: AtomicU64,
    /// One more than the thread's progress when it was seen waiting inside rayon, or 0.
    seen: AtomicU64,
}

/// What is known of a thread that shows no sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cache) enum Place {
    /// It waits inside rayon.
    Rayon,
    /// It does not.
    Elsewhere,
    /// There is no telling.
    Unclear,
}

/// The last question to each pool.
static QUESTIONS: Lazy<Mutex<HashMap<usize, u64>>> = Lazy::new(Mutex::default);

/// Pools to which somebody has a question who is not in them, and how many those are.
static REQUESTS: Lazy<Mutex<HashSet<usize>>> = Lazy::new(Mutex::default);
static REQUESTED: Counter = Counter::new(0);

/// Pools to which everybody can send.
static LENT: Lazy<Mutex<HashMap<usize, Arc<ThreadPool>>>> = Lazy::new(Mutex::default);

thread_local! {
    /// How many questions this thread has answered.
    static ANSWERS: Cell<u64> = const { Cell::new(0) };
}

impl Site {
    /// Notes where the calling thread is; by the thread itself, before others know the worker.
    pub(in crate::cache) fn enter(&self, number: u32) {
        let pool = match rayon::current_thread_index() {
            Some(_) => pool_of_this_thread().unwrap_or(usize::MAX - number as usize),
            None => 0,
        };
        let (thread, mark) = linux::this_thread();
        self.pool.store(pool, Ordering::Relaxed);
        self.thread.store(thread, Ordering::Relaxed);
        self.mark.store(mark, Ordering::Relaxed);
        // A pool may have the number of an earlier one. What was asked before this thread was enrolled is still to be
        // answered, or is not for this thread.
        self.answered.store(last_question(pool), Ordering::Relaxed);
        self.seen.store(0, Ordering::Relaxed);
    }

    /// The number of the thread's pool, or 0.
    pub(in crate::cache) fn pool(&self) -> usize {
        self.pool.load(Ordering::Relaxed)
    }

    /// Notes that the thread was seen waiting inside rayon when it had made this progress.
    pub(in crate::cache) fn found(&self, progress: u64) {
        self.seen.store(progress + 1, Ordering::Relaxed);
    }

    /// Whether the thread was seen waiting inside rayon, and has made no progress since.
    pub(in crate::cache) fn is_found(&self, progress: u64) -> bool {
        self.seen.load(Ordering::Relaxed) == progress + 1
    }

    /// Whether the thread has answered this question to its pool.
    pub(in crate::cache) fn has_answered(&self, question: u64) -> bool {
        self.answered.load(Ordering::Relaxed) >= question
    }

    /// Whether the thread sleeps, as far as can be told.
    pub(in crate::cache) fn sleeps(&self) -> bool {
        self.sleep() != Sleep::Not
    }

    /// Whether the thread may be waiting inside rayon.
    pub(in crate::cache) fn may_wait(&self) -> bool {
        self.pool() != 0 || matches!(self.sleep(), Sleep::Rayon | Sleep::Unclear)
    }

    fn sleep(&self) -> Sleep {
        linux::sleep(self.thread.load(Ordering::Relaxed), self.mark.load(Ordering::Relaxed))
    }
}

/// Where a thread is that shows no sign of life. If that is to be asked, says what is known so far.
pub(in crate::cache) fn find(running: &Worker, asking: &'static Worker) -> Place {
    // Relaxed: a sign of life.
    let progress = running.progress.load(Ordering::Relaxed);
    let pool = running.site.pool();
    if pool == 0 {
        let place = match running.site.sleep() {
            Sleep::Rayon => Place::Rayon,
            Sleep::Not | Sleep::Otherwise => Place::Elsewhere,
            Sleep::Unclear => Place::Unclear,
        };
        if place == Place::Rayon {
            running.site.found(progress);
        }
        return place;
    }
    if !running.site.has_answered(last_question(pool)) {
        // It runs or sleeps outside of rayon. When it goes there, it will answer.
        return Place::Elsewhere;
    }
    ask(pool, asking);
    if running.site.is_found(progress) { Place::Rayon } else { Place::Unclear }
}

/// Asks all threads of a pool whether they look for work. Returns the number of the question.
pub(in crate::cache) fn ask(pool: usize, asking: &'static Worker) -> u64 {
    if asking.site.pool() == pool {
        return send(pool);
    }
    if let Some(lent) = lock(&LENT).get(&pool) {
        let question = next_question(pool);
        lent.spawn_broadcast(move |_| answer(question));
        return question;
    }
    let next = last_question(pool) + 1;
    if pool == *GLOBAL {
        // Without a thread nobody is asked, and the next look asks again.
        let _ = thread::Builder::new().spawn(move || send(pool));
    } else if lock(&REQUESTS).insert(pool) {
        REQUESTED.fetch_add(1, Ordering::Relaxed);
    }
    next
}

/// Asks the threads of this thread's pool what others want to know of them.
pub(in crate::cache) fn serve(worker: &'static Worker) {
    // Relaxed: a hint, looked at again and again.
    if REQUESTED.load(Ordering::Relaxed) > 0 && lock(&REQUESTS).remove(&worker.site.pool()) {
        REQUESTED.fetch_sub(1, Ordering::Relaxed);
        send(worker.site.pool());
    }
}

/// Lets everybody send questions to the calling thread's pool, until this is dropped.
pub(in crate::cache) fn lend(pool: Arc<ThreadPool>, worker: &Worker) -> Lent {
    let number = worker.site.pool();
    lock(&LENT).insert(number, pool);
    Lent(number)
}

/// A pool to which everybody can send.
pub(in crate::cache) struct Lent(usize);

impl Drop for Lent {
    fn drop(&mut self) {
        let pool = lock(&LENT).remove(&self.0);
        drop(pool);
        lock(&QUESTIONS).remove(&self.0);
    }
}

/// How many questions this thread has answered.
pub(in crate::cache) fn answers() -> u64 {
    ANSWERS.get()
}

/// Sends a question to the current pool, which is the one with this number.
fn send(pool: usize) -> u64 {
    let question = next_question(pool);
    rayon::spawn_broadcast(move |_| answer(question));
    question
}

fn next_question(pool: usize) -> u64 {
    let mut questions = lock(&QUESTIONS);
    let last = questions.entry(pool).or_default();
    *last += 1;
    *last
}

fn answer(question: u64) {
    ANSWERS.set(ANSWERS.get() + 1);
    let worker = registry::current();
    worker.site.answered.fetch_max(question, Ordering::Relaxed);
    let top = worker.own.top.get();
    if top.is_none() {
        return;
    }
    // A thread that came here by giving way is in the middle of a call too, but its body is not what waits. It runs one job
    // then. If that is not this question it is a job that waits: for another part of the body that it is part of.
    if top != worker.own.yielding.get() {
        worker.found_in_rayon();
        worker.site.found(worker.computed());
    } else if ANSWERS.get() > worker.own.answers.get() + 1 {
        worker.site.found(worker.computed());
    }
}

fn last_question(pool: usize) -> u64 {
    lock(&QUESTIONS).get(&pool).copied().unwrap_or(0)
}

/// The number of the pool in which a thread without a pool finds itself.
static GLOBAL: Lazy<usize> = Lazy::new(|| {
    let other = thread::Builder::new().spawn(pool_of_this_thread);
    other.ok().and_then(|other| other.join().ok()).flatten().unwrap_or(0)
});

/// A number that the current pool shares with no other one. Rayon has names for its pools but shows them only in the
/// `Debug` form of a scope; `None` if that should change.
fn pool_of_this_thread() -> Option<usize> {
    let text = rayon::in_place_scope(|scope| format!("{scope:?}"));
    let (_, pool) = text.split_once("pool_id")?;
    let digits = pool.trim_start_matches(|at: char| !at.is_ascii_digit());
    digits.split(|at: char| !at.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(threads: usize) -> rayon::ThreadPool {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool")
    }

    #[test]
    fn pools_have_numbers_of_their_own() {
        let (one, two) = (pool(3), pool(2));
        let ones = one.broadcast(|_| pool_of_this_thread());
        let twos = two.broadcast(|_| pool_of_this_thread());
        assert!(ones[0].is_some() && ones.iter().all(|id| *id == ones[0]), "{ones:?}");
        assert!(twos[0].is_some() && twos.iter().all(|id| *id == twos[0] && *id != ones[0]), "{twos:?}");
        assert_eq!(pool_of_this_thread(), Some(*GLOBAL));
        assert!(*GLOBAL != 0 && Some(*GLOBAL) != ones[0] && Some(*GLOBAL) != twos[0]);
    }
}
