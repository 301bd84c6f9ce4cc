//! The start of the pool's threads, which takes some 30 us for each of them: where they are many, beside the calls that they are to help with.

use crate::cache::memory::{processors, registration};
use crate::sync::{AtomicBool, Mutex, Ordering, lock, timed};
use crate::{panics, threads};

/// What is done as soon as they run.
type Then = Box<dyn FnOnce() + Send>;

/// Whether they run. Relaxed: a hint.
static STARTED: AtomicBool = AtomicBool::new(false);

static STARTER: Mutex<Starter> = Mutex::new(Starter { is_at_it: false, then: Vec::new() });

struct Starter {
    /// Whether a thread of its own starts them.
    is_at_it: bool,
    then: Vec<Then>,
}

/// Whether the threads of the pool run, or this is one of them.
pub(in crate::cache) fn is_started() -> bool {
    STARTED.load(Ordering::Relaxed) || rayon_core::current_thread_index().is_some()
}

/// Notes that they run.
pub(in crate::cache) fn note_started() {
    if !STARTED.load(Ordering::Relaxed) {
        STARTED.store(true, Ordering::Relaxed);
    }
}

/// Whether they start about as quickly as one that starts them.
pub(in crate::cache) fn is_quick() -> bool {
    processors::of_pool() <= threads::FEW
}

/// Starts them.
#[cold]
pub(in crate::cache) fn here() {
    _ = timed::current_num_threads();
    note_started();
}

/// Has another thread start them, unless one is at it, and do this when they run. Where no thread is to be had it is done here and now.
#[cold]
pub(in crate::cache) fn beside(then: Option<Then>) {
    let mut starter = lock(&STARTER);
    let waits = then.is_some();
    starter.then.extend(then);
    // Who starts them notes that before looking what waits.
    let run = STARTED.load(Ordering::Relaxed);
    if !run && !starter.is_at_it {
        // As long as there is one thread.
        let _ = registration::prepare();
        starter.is_at_it = threads::start("speedup-start", Box::new(start));
    }
    let is_left = run || !starter.is_at_it;
    drop(starter);
    if waits && is_left {
        start();
    }
}

/// Starts them and does what waits for that.
fn start() {
    panics::contain(|| _ = timed::current_num_threads());
    note_started();
    let then = std::mem::take(&mut lock(&STARTER).then);
    for then in then {
        panics::contain(then);
    }
}

#[cfg(all(test, not(miri)))]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn what_waits_for_the_pool_is_done_whether_it_runs_or_not() {
        let (done, all) = mpsc::channel();
        let tell = |of| {
            let done = done.clone();
            Some(Box::new(move || done.send(of).expect("it is waited for")) as Then)
        };
        beside(tell(1));
        assert_eq!(all.recv(), Ok(1));
        assert!(is_started());
        beside(tell(2));
        assert_eq!(all.recv(), Ok(2));
    }
}
