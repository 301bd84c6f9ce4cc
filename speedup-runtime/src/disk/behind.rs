//! Writing behind: one thread of the process hands every journal to the operating system, at most a quarter of a second late.
//!
//! A structure announces itself when its journal begins to wait. When the process exits, what still waits is written.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::sync::global::{Condvar, Mutex, Weak, lock};
use crate::sync::thread;

/// How far a journal may lag behind while the process lives.
const LAG: Duration = Duration::from_millis(250);
/// When a structure that somebody is using is asked again.
const AGAIN: Duration = Duration::from_millis(2);
/// How long the exit of the process may wait for who uses a structure.
const PATIENCE: Duration = Duration::from_secs(1);

/// A structure whose journal waits.
pub(crate) trait Late: Send + Sync {
    /// Writes the journal; false if somebody uses the structure. Who does is then asked to write it.
    fn try_write(&self) -> bool;
}

#[derive(Default)]
struct State {
    /// Structures whose journal waits, and when it is to be written; the soonest first, but for those that were in use.
    late: VecDeque<(Instant, Weak<dyn Late>)>,
    /// Whether the thread was started; it never ends.
    started: bool,
    /// Whether the thread writes a journal that is not in `late` meanwhile.
    writing: bool,
}

/// What waits to be written in this process.
#[derive(Default)]
pub(crate) struct Behind {
    state: Mutex<State>,
    wake: Condvar,
}

impl Behind {
    /// Sees to it that a journal is written in time; false if there is no thread to do so.
    pub(crate) fn announce(&'static self, late: Weak<dyn Late>) -> bool {
        let mut state = lock(&self.state);
        if !state.started {
            let writer = thread::Builder::new().name("speedup-disk".into()).spawn(|| self.run());
            if writer.is_err() {
                return false;
            }
            state.started = true;
        }
        state.late.push_back((Instant::now() + LAG, late));
        if state.late.len() == 1 {
            self.wake.notify_one();
        }
        true
    }

    fn run(&self) {
        let mut state = lock(&self.state);
        loop {
            let Some(due) = state.late.front().map(|(due, _)| *due) else {
                state = self.wake.wait(state).unwrap_or_else(|poisoned| poisoned.into_inner());
                continue;
            };
            let left = due.saturating_duration_since(Instant::now());
            if !left.is_zero() {
                let woken = self.wake.wait_timeout(state, left);
                state = woken.unwrap_or_else(|poisoned| poisoned.into_inner()).0;
                continue;
            }
            let Some((_, late)) = state.late.pop_front() else { continue };
            state.writing = true;
            drop(state);
            let written = late.upgrade().is_none_or(|late| late.try_write());
            state = lock(&self.state);
            state.writing = false;
            if !written {
                state.late.push_front((Instant::now() + AGAIN, late));
                // Others are not to wait for it.
                state.late.make_contiguous().sort_by_key(|(due, _)| *due);
            }
        }
    }

    /// Writes everything that waits, because the process exits.
    ///
    /// Other threads may go on until the process has ended, and one may have stopped for good while it used a structure: that one is not
    /// waited for longer than [`PATIENCE`].
    pub(crate) fn write_all(&self) {
        let start = Instant::now();
        let mut rest: Vec<Weak<dyn Late>> = Vec::new();
        while start.elapsed() < PATIENCE {
            let mut writing = true;
            if let Ok(mut state) = self.state.try_lock() {
                rest.extend(state.late.drain(..).map(|(_, late)| late));
                writing = state.writing;
            }
            rest.retain(|late| late.upgrade().is_some_and(|late| !late.try_write()));
            if rest.is_empty() && !writing {
                return;
            }
            std::thread::sleep(AGAIN);
        }
    }
}
