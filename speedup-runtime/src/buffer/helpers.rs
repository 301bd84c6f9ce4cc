//! The threads that produce ahead: few, shared by all buffers, and gone when idle.
//!
//! They are threads of our own rather than rayon's: a job on a rayon pool that waits for a value keeps the pool from
//! making that value, and a worker that waits may pick up a job which needs what lies below on its own stack.
//!
//! As many run as there are cores. One that is blocked in a generator, asleep or waiting for a message, is no core: while
//! jobs are queued, one thread more than are at work stands by, looks at the clocks of the others once in a while, and
//! takes a job in the place of one that sleeps. In all there are at most [`MOST`] of them, except where somebody waits who
//! cannot make the value itself.

use std::{
    collections::BTreeMap,
    sync::{MutexGuard, OnceLock},
    time::{Duration, Instant},
};

use super::{cpu_clock::CpuClock, token};
use crate::{
    panics,
    sync::global::{Condvar, Mutex},
};

/// How long an idle thread stays.
const STAY: Duration = Duration::from_millis(200);
/// How often the thread that stands by looks at the others.
const LOOK: Duration = Duration::from_millis(1);
/// A thread that has run for less than one part in so many is blocked. One that gets no more than this of a core, because the
/// machine has much else to do, would be taken for blocked as well.
const SLEEPY: u32 = 16;
/// Where no clock tells, a thread that has been at its job for so long counts as blocked.
const LONG: Duration = Duration::from_millis(50);
/// The most threads that produce ahead, blocked ones included.
const MOST: usize = 64;

pub(super) type Job = Box<dyn FnOnce() + Send>;

/// Why a job is submitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// To be early: it may wait until one of the threads is free.
    Ahead,
    /// Somebody waits who cannot produce in place: it starts now, whatever the other threads do.
    Demanded,
}

/// Names a job that was submitted. Never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(pub(super) u64);

struct Pool {
    /// The number of the last ticket.
    issued: u64,
    /// What is queued to be early.
    ahead: BTreeMap<Ticket, Job>,
    /// What somebody waits for.
    demanded: BTreeMap<Ticket, Job>,
    /// All threads, and those of them that have no job, which includes those that are being started.
    threads: usize,
    idle: usize,
    /// Those that have one.
    busy: Vec<Busy>,
}

/// A thread at its job.
struct Busy {
    ticket: Ticket,
    clock: CpuClock,
    /// When it was last looked at, and how long it had run by then.
    seen: Instant,
    run: Option<Duration>,
    asleep: bool,
}

static POOL: Mutex<Pool> = Mutex::new(Pool {
    issued: 0,
    ahead: BTreeMap::new(),
    demanded: BTreeMap::new(),
    threads: 0,
    idle: 0,
    busy: Vec::new(),
});
static WORK: Condvar = Condvar::new();

fn pool() -> MutexGuard<'static, Pool> {
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

/// Queues a job; `None` when there is no thread to run it and none can be had.
pub(super) fn submit(job: Job, why: Why) -> Option<Ticket> {
    let mut pool = pool();
    pool.issued += 1;
    let ticket = Ticket(pool.issued);
    pool.queue(why).insert(ticket, job);
    if pool.staff(why) {
        return Some(ticket);
    }
    let unwanted = pool.queue(why).remove(&ticket);
    drop(pool);
    drop(unwanted);
    None
}

/// Somebody waits for a job who cannot do without it: if it is still queued, it starts now.
pub(super) fn hurry(ticket: Ticket) {
    let mut pool = pool();
    if let Some(job) = pool.ahead.remove(&ticket) {
        pool.demanded.insert(ticket, job);
    }
    if !pool.demanded.is_empty() {
        pool.staff(Why::Demanded);
    }
}

/// Takes a job back that is still queued; `false` when it is running or done.
pub(super) fn withdraw(ticket: Ticket) -> bool {
    let mut pool = pool();
    let job = pool.ahead.remove(&ticket).or_else(|| pool.demanded.remove(&ticket));
    drop(pool);
    // Without the lock: what goes with it may be anything.
    job.is_some()
}

impl Pool {
    fn queue(&mut self, why: Why) -> &mut BTreeMap<Ticket, Job> {
        match why {
            Why::Ahead => &mut self.ahead,
            Why::Demanded => &mut self.demanded,
        }
    }

    /// Finds threads for what is queued; `false` when there is none at all for a job of this kind.
    fn staff(&mut self, why: Why) -> bool {
        // One to stand by, or as many as there are cores without work.
        let free = cores().saturating_sub(self.threads - self.idle).max(1);
        let wanted = self.demanded.len() + self.ahead.len().min(free);
        while self.idle < wanted && (self.threads < MOST.max(cores()) || self.idle < self.demanded.len()) {
            let thread = std::thread::Builder::new().name("speedup-buffer".to_owned()).stack_size(token::STACK);
            if thread.spawn(work).is_err() {
                return self.threads > 0 && why == Why::Ahead;
            }
            self.threads += 1;
            self.idle += 1;
        }
        WORK.notify_one();
        true
    }

    /// The next job for a thread without one.
    fn next(&mut self) -> Option<(Ticket, Job)> {
        if let Some(demanded) = self.demanded.pop_first() {
            return Some(demanded);
        }
        if self.ahead.is_empty() || self.running() >= cores() {
            return None;
        }
        self.ahead.pop_first()
    }

    /// How many threads are at work and not blocked.
    fn running(&mut self) -> usize {
        let now = Instant::now();
        self.busy.iter_mut().map(|busy| usize::from(!busy.is_asleep(now))).sum()
    }
}

impl Busy {
    fn new(ticket: Ticket) -> Self {
        let clock = CpuClock::of_this_thread();
        Busy { ticket, run: clock.read(), clock, seen: Instant::now(), asleep: false }
    }

    /// Whether it has slept nearly all the time since it was last looked at.
    fn is_asleep(&mut self, now: Instant) -> bool {
        let past = now.saturating_duration_since(self.seen);
        match (self.run, self.clock.read()) {
            (Some(before), Some(run)) if past >= LOOK / 2 => {
                self.asleep = run.saturating_sub(before) < past / SLEEPY;
                (self.seen, self.run) = (now, Some(run));
            }
            (Some(_), Some(_)) => {}
            _ => self.asleep = past >= LONG,
        }
        self.asleep
    }
}

/// The life of a thread: job after job, until there was none for a while.
fn work() {
    let mut pool = pool();
    loop {
        if let Some((ticket, job)) = pool.next() {
            pool.idle -= 1;
            pool.busy.push(Busy::new(ticket));
            if !(pool.ahead.is_empty() && pool.demanded.is_empty()) {
                pool.staff(Why::Ahead);
            }
            drop(pool);
            // A generator may panic when it is dropped, which happens here if the buffer is gone.
            panics::contain(job);
            pool = self::pool();
            pool.busy.retain(|busy| busy.ticket != ticket);
            pool.idle += 1;
            continue;
        }
        let time = if pool.ahead.is_empty() { STAY } else { LOOK };
        let (back, timeout) = WORK.wait_timeout(pool, time).unwrap_or_else(|poisoned| poisoned.into_inner());
        pool = back;
        if timeout.timed_out() && time == STAY && pool.ahead.is_empty() && pool.demanded.is_empty() {
            break;
        }
    }
    pool.idle -= 1;
    pool.threads -= 1;
}
