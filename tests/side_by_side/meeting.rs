//! A place where two calls of one function meet.

use std::{
    collections::HashMap,
    sync::{Condvar, Mutex, MutexGuard, Once, PoisonError},
    time::{Duration, Instant},
};

/// How long a call waits for another one. A helper may have come too early, and gone; then it is for a later call to meet.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is known of the meetings, by the name of the function.
static MEETINGS: Mutex<Option<HashMap<&'static str, Meeting>>> = Mutex::new(None);
static CHANGED: Condvar = Condvar::new();

#[derive(Clone, Copy, Default)]
struct Meeting {
    present: usize,
    met: bool,
}

fn meetings() -> MutexGuard<'static, Option<HashMap<&'static str, Meeting>>> {
    MEETINGS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What makes calls dear: only then are they shared out before anything is known.
const DEAR: Duration = Duration::from_micros(500);

/// Makes each call of this function a dear one, until two have met. One that is dear among cheap ones tells nothing: its thread may have been put
/// aside.
pub(crate) fn begin(name: &'static str) {
    let since = Instant::now();
    while !have_met(name) && since.elapsed() < DEAR {
        std::hint::spin_loop();
    }
}

/// Waits until two calls of this function are here, once.
pub(crate) fn meet(name: &'static str) {
    let mut all = meetings();
    let meeting = all.get_or_insert_default().entry(name).or_default();
    meeting.present += 1;
    meeting.met |= meeting.present > 1;
    CHANGED.notify_all();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let meeting = all.get_or_insert_default().entry(name).or_default();
        let left = deadline.saturating_duration_since(Instant::now());
        if meeting.met || left.is_zero() {
            meeting.present -= 1;
            return;
        }
        all = CHANGED.wait_timeout(all, left).unwrap_or_else(PoisonError::into_inner).0;
    }
}

/// Whether two calls of this function have met.
pub(crate) fn have_met(name: &str) -> bool {
    meetings().as_ref().and_then(|all| all.get(name)).is_some_and(|meeting| meeting.met)
}

/// A pool whose size does not depend on the machine, for one test at a time: calls that wait for each other take its threads.
pub(crate) fn pool() -> MutexGuard<'static, ()> {
    static POOL: Once = Once::new();
    static ONE: Mutex<()> = Mutex::new(());
    POOL.call_once(|| {
        rayon::ThreadPoolBuilder::new().num_threads(4).build_global().expect("nobody has made a pool before")
    });
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}
