//! Where a thread belongs: which pool, and where it sleeps.

use std::collections::HashMap;

use once_cell::sync::Lazy;

pub(in crate::cache) use self::linux::Sleep;
use crate::sync::{AtomicU32, AtomicU64, AtomicUsize, Ordering, global::Mutex, lock};

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
    /// What names the thread to who joins it.
    handle: AtomicUsize,
    /// The last question that the thread has answered, of those to its pool.
    answered: AtomicU64,
    /// One more than the thread's progress when it was seen waiting inside rayon, or 0.
    seen: AtomicU64,
}

/// The last question to each pool.
static QUESTIONS: Lazy<Mutex<HashMap<usize, u64>>> = Lazy::new(Mutex::default);

impl Site {
    /// Notes where the calling thread is; by the thread itself, before others know the worker.
    pub(in crate::cache) fn enter(&self, number: u32) {
        let pool = match rayon_core::current_thread_index() {
            Some(_) => pool_of_this_thread().unwrap_or(usize::MAX - number as usize),
            None => 0,
        };
        let (thread, mark) = linux::this_thread();
        self.pool.store(pool, Ordering::Relaxed);
        self.thread.store(thread, Ordering::Relaxed);
        self.mark.store(mark, Ordering::Relaxed);
        self.handle.store(linux::handle(), Ordering::Relaxed);
        // A pool may have the number of an earlier one. What was asked before this thread was enrolled is still to be
        // answered, or is not for this thread. Who is in no pool is asked nothing, and the first call of a process spares itself the map.
        self.answered.store(if pool == 0 { 0 } else { last_question(pool) }, Ordering::Relaxed);
        self.seen.store(0, Ordering::Relaxed);
    }

    /// The number of the thread's pool, or 0.
    #[inline]
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

    /// Whether the thread may be waiting inside rayon.
    pub(in crate::cache) fn may_wait(&self) -> bool {
        self.pool() != 0 || matches!(self.sleep(), Sleep::Rayon | Sleep::Unclear)
    }

    pub(in crate::cache) fn sleep(&self) -> Sleep {
        linux::sleep(self.thread.load(Ordering::Relaxed), self.mark.load(Ordering::Relaxed))
    }

    /// Notes that the thread ends; by the thread itself, before another one has the worker.
    pub(in crate::cache) fn leave(&self) {
        self.handle.store(0, Ordering::Relaxed);
    }

    /// Where the thread sleeps, if it may be joining another one.
    pub(in crate::cache) fn joins_at(&self) -> Option<usize> {
        linux::joins_at(self.thread.load(Ordering::Relaxed))
    }

    /// Whether who sleeps there joins this thread.
    pub(in crate::cache) fn is_joined_at(&self, at: usize) -> bool {
        linux::is_joined_at(self.handle.load(Ordering::Relaxed), at)
    }

    /// Notes that the thread has answered a question.
    pub(in crate::cache) fn note_answer(&self, question: u64) {
        self.answered.fetch_max(question, Ordering::Relaxed);
    }
}

/// Counts another question to a pool, and returns its number.
pub(in crate::cache) fn next_question(pool: usize) -> u64 {
    let mut questions = lock(&QUESTIONS);
    let last = questions.entry(pool).or_default();
    *last += 1;
    *last
}

/// The number of the last question to a pool.
pub(in crate::cache) fn last_question(pool: usize) -> u64 {
    lock(&QUESTIONS).get(&pool).copied().unwrap_or(0)
}

/// The pool is no more.
pub(in crate::cache) fn forget_questions(pool: usize) {
    lock(&QUESTIONS).remove(&pool);
}

/// A number that the current pool shares with no other one. Rayon has names for its pools but shows them only in the
/// `Debug` form of a scope; `None` if that should change.
pub(in crate::cache) fn pool_of_this_thread() -> Option<usize> {
    let text = rayon_core::in_place_scope(|scope| format!("{scope:?}"));
    let (_, pool) = text.split_once("pool_id")?;
    let digits = pool.trim_start_matches(|at: char| !at.is_ascii_digit());
    digits.split(|at: char| !at.is_ascii_digit()).next()?.parse().ok()
}
