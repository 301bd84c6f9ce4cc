//! The thread that writes to stores what was computed: a little later, and together.

use std::{
    sync::Once,
    thread,
    time::{Duration, Instant},
};

use super::queue::Queue;
use crate::panics;
use crate::sync::global::{Mutex, lock};

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

/// The stores that have something to write.
static QUEUE: Queue<&'static dyn Pending> = Queue::new();
static WRITERS: Mutex<Writers> = Mutex::new(Writers { stores: Vec::new(), started_in: 0 });
static AT_EXIT: Once = Once::new();

/// What the end of the process has to know.
struct Writers {
    /// All that ever had something to write.
    stores: Vec<&'static dyn Pending>,
    /// The process in which the thread was started: a fork has none.
    started_in: u32,
}

/// Has the results of a store written soon. Returns false if no thread can be had for it: then the caller does it.
pub(super) fn soon(pending: &'static dyn Pending) -> bool {
    let mut writers = lock(&WRITERS);
    let process = std::process::id();
    if writers.started_in != process {
        let started = thread::Builder::new().name("speedup-store".to_owned()).spawn(run);
        if started.is_err() {
            return false;
        }
        writers.started_in = process;
        AT_EXIT.call_once(at_exit);
    }
    if !writers.stores.iter().any(|other| std::ptr::addr_eq(*other, pending)) {
        writers.stores.push(pending);
    }
    drop(writers);
    QUEUE.add(pending);
    true
}

/// Has everything written now: there is much of it.
pub(super) fn hurry() {
    QUEUE.hurry();
}

fn run() {
    loop {
        for pending in QUEUE.take(DELAY) {
            // A store is users' code.
            panics::contain(|| pending.write());
        }
    }
}

/// Writes what is left when the process exits normally.
fn at_exit() {
    extern "C" fn write_the_rest() {
        let end = Instant::now() + PATIENCE;
        let all = std::mem::take(&mut lock(&WRITERS).stores);
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
