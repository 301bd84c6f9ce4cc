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

/// So many are started by who needs them: on few processors a thread that starts them would only be in their way.
const FEW: usize = 8;

/// Whether they start about as quickly as one that starts them.
pub(in crate::cache) fn is_quick() -> bool {
    processors::of_pool() <= FEW
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
    if !starter.is_at_it {
        // As long as there is one thread.
        let _ = registration::prepare();
        starter.is_at_it = threads::start("speedup-start", Box::new(start));
    }
    // By now the other thread may have looked for the last time.
    let is_left = !starter.is_at_it || STARTED.load(Ordering::Relaxed);
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
