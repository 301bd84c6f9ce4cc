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
//! lock a thread sleeps (see `thread/site`); elsewhere there is no answer.

use std::{
    cell::Cell,
    collections::{HashMap, HashSet},
};

use once_cell::sync::Lazy;
use rayon_core::ThreadPool;

use crate::cache::thread::{
    call_stack,
    registry::{self, Worker},
    site::{self, Sleep, last_question, next_question, pool_of_this_thread},
};
use crate::sync::{
    Arc, Ordering,
    global::{AtomicUsize as Counter, Mutex},
    lock,
};
use crate::threads;

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

/// Pools to which somebody has a question who is not in them, and how many those are.
static REQUESTS: Lazy<Mutex<HashSet<usize>>> = Lazy::new(Mutex::default);
static REQUESTED: Counter = Counter::new(0);

/// Pools to which everybody can send.
static LENT: Lazy<Mutex<HashMap<usize, Arc<ThreadPool>>>> = Lazy::new(Mutex::default);

thread_local! {
    /// How many questions this thread has answered.
    static ANSWERS: Cell<u64> = const { Cell::new(0) };
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
        threads::start("speedup-probe", Box::new(move || _ = send(pool)));
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
        site::forget_questions(self.0);
    }
}

/// How many questions this thread has answered.
pub(in crate::cache) fn answers() -> u64 {
    ANSWERS.get()
}

/// Sends a question to the current pool, which is the one with this number.
fn send(pool: usize) -> u64 {
    let question = next_question(pool);
    rayon_core::spawn_broadcast(move |_| answer(question));
    question
}

fn answer(question: u64) {
    ANSWERS.set(ANSWERS.get() + 1);
    let worker = registry::current();
    worker.site.note_answer(question);
    let top = worker.own.top.get();
    if top.is_none() {
        return;
    }
    // A thread that came here by giving way is in the middle of a call too, but its body is not what waits. It runs one job
    // then. If that is not this question it is a job that waits: for another part of the body that it is part of.
    if top != worker.own.yielding.get() {
        call_stack::found_in_rayon(worker);
        worker.site.found(worker.computed());
    } else if ANSWERS.get() > worker.own.answers.get() + 1 {
        worker.site.found(worker.computed());
    }
}

/// The number of the pool in which a thread without a pool finds itself.
static GLOBAL: Lazy<usize> = Lazy::new(|| {
    let other = std::thread::Builder::new().spawn(pool_of_this_thread);
    other.ok().and_then(|other| other.join().ok()).flatten().unwrap_or(0)
});

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(threads: usize) -> rayon_core::ThreadPool {
        rayon_core::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool")
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
