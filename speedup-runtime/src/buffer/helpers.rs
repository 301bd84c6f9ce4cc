//! The threads that produce ahead: few, shared by all buffers, and gone when idle.
//!
//! They are threads of our own rather than rayon's: a job on a rayon pool that waits for a value keeps the pool from
//! making that value, and a worker that waits may pick up a job which needs what lies below on its own stack.

use std::{collections::VecDeque, sync::OnceLock, time::Duration};

use crate::sync::global::{Condvar, Mutex};

/// How long an idle thread stays.
const STAY: Duration = Duration::from_millis(200);

type Job = Box<dyn FnOnce() + Send>;

/// Why a job is submitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// To be early: it may wait until one of the threads is free.
    Ahead,
    /// Somebody waits who cannot produce in place: it starts now, whatever the other threads do.
    Demanded,
}

struct Pool {
    jobs: VecDeque<Job>,
    idle: usize,
    threads: usize,
}

static POOL: Mutex<Pool> = Mutex::new(Pool { jobs: VecDeque::new(), idle: 0, threads: 0 });
static WORK: Condvar = Condvar::new();

fn pool() -> std::sync::MutexGuard<'static, Pool> {
    POOL.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// How many threads there are at this moment.
pub(super) fn threads() -> usize {
    pool().threads
}

/// Queues a job; `false` when there is no thread to run it and none can be had.
pub(super) fn submit(job: Job, why: Why) -> bool {
    let mut pool = pool();
    pool.jobs.push_back(job);
    if staff(&mut pool, why) {
        return true;
    }
    pool.jobs.pop_back();
    false
}

/// Makes sure that what is queued does not wait for threads that wait themselves.
pub(super) fn hurry() {
    let mut pool = pool();
    if !pool.jobs.is_empty() {
        staff(&mut pool, Why::Demanded);
    }
}

/// Finds a thread for the queue; `false` when there is none at all.
fn staff(pool: &mut Pool, why: Why) -> bool {
    if pool.idle >= pool.jobs.len() {
        WORK.notify_one();
        return true;
    }
    if pool.threads >= cores() && why == Why::Ahead {
        return true;
    }
    let thread = std::thread::Builder::new().name("speedup-buffer".to_owned());
    match thread.spawn(work) {
        Ok(_) => {
            pool.threads += 1;
            true
        }
        Err(_) => pool.threads > 0 && why == Why::Ahead,
    }
}

/// The life of a thread: job after job, until there was none for a while.
fn work() {
    let mut pool = pool();
    loop {
        if let Some(job) = pool.jobs.pop_front() {
            drop(pool);
            job();
            pool = self::pool();
            continue;
        }
        if pool.threads > cores() {
            break;
        }
        pool.idle += 1;
        let (back, timeout) = WORK.wait_timeout(pool, STAY).unwrap_or_else(|poisoned| poisoned.into_inner());
        pool = back;
        pool.idle -= 1;
        if timeout.timed_out() && pool.jobs.is_empty() {
            break;
        }
    }
    pool.threads -= 1;
}
