//! The thread that writes to stores what was computed: a little later, and together.

use std::{
    sync::Once,
    thread,
    time::{Duration, Instant},
};

use crate::panics;
use crate::sync::global::{AtomicU64, Condvar, Mutex, Ordering, lock};

/// What was computed is written so much later, together with what was computed meanwhile.
const DELAY: Duration = Duration::from_millis(100);

/// How long the end of the process waits for somebody who is writing.
const PATIENCE: Duration = Duration::from_secs(2);

/// Something that has results to write.
pub(super) trait Pending: Sync {
    /// Writes them.
    fn write(&'static self);

    /// The same, but waits no longer than this for whoever is writing now.
    fn write_at_exit(&'static self, end: Instant);
}

/// The stores that have something to write, and whether it is urgent.
struct Queue {
    waiting: Vec<&'static dyn Pending>,
    /// All that ever had.
    all: Vec<&'static dyn Pending>,
    is_urgent: bool,
}

static QUEUE: Mutex<Queue> = Mutex::new(Queue { waiting: Vec::new(), all: Vec::new(), is_urgent: false });
static WAKE: Condvar = Condvar::new();
/// The process in which the thread was started: a fork has none. Relaxed: written under the lock of the queue.
static STARTED_IN: AtomicU64 = AtomicU64::new(0);
static AT_EXIT: Once = Once::new();

/// Has the results of a store written soon. Returns false if no thread can be had for it: then the caller does it.
pub(super) fn soon(pending: &'static dyn Pending) -> bool {
    let mut queue = lock(&QUEUE);
    let process = u64::from(std::process::id());
    if STARTED_IN.load(Ordering::Relaxed) != process {
        let started = thread::Builder::new().name("speedup-store".to_owned()).spawn(run);
        if started.is_err() {
            return false;
        }
        STARTED_IN.store(process, Ordering::Relaxed);
        AT_EXIT.call_once(at_exit);
    }
    let is_first = queue.waiting.is_empty();
    queue.waiting.push(pending);
    if !queue.all.iter().any(|other| std::ptr::addr_eq(*other, pending)) {
        queue.all.push(pending);
    }
    if is_first {
        WAKE.notify_one();
    }
    true
}

/// Has everything written now: there is much of it.
pub(super) fn hurry() {
    lock(&QUEUE).is_urgent = true;
    WAKE.notify_one();
}

fn run() {
    loop {
        let mut queue = lock(&QUEUE);
        while queue.waiting.is_empty() {
            queue = WAKE.wait(queue).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
        // What wakes it meanwhile without need costs nothing but a smaller batch.
        if !queue.is_urgent {
            queue = WAKE.wait_timeout(queue, DELAY).unwrap_or_else(|poisoned| poisoned.into_inner()).0;
        }
        queue.is_urgent = false;
        let waiting = std::mem::take(&mut queue.waiting);
        drop(queue);
        for pending in waiting {
            // A store is users' code.
            panics::contain(|| pending.write());
        }
    }
}

/// Writes what is left when the process exits normally.
fn at_exit() {
    extern "C" fn write_the_rest() {
        let end = Instant::now() + PATIENCE;
        let all = std::mem::take(&mut lock(&QUEUE).all);
        for pending in all {
            panics::contain(|| pending.write_at_exit(end));
        }
    }
    #[cfg(any(unix, windows))]
    // SAFETY: the function lives for ever and does not unwind: panics of stores are contained.
    unsafe {
        atexit(write_the_rest);
    }
}

#[cfg(any(unix, windows))]
unsafe extern "C" {
    /// C's own, in the library that every program is linked with.
    fn atexit(call: extern "C" fn()) -> i32;
}
