//! Writing checkpoints beside those who change something: one thread of the process does so for all structures, one after the other.

use std::collections::VecDeque;

use crate::sync::global::{Condvar, Mutex, lock};
use crate::sync::thread;

/// Something to be done once.
pub(crate) type Errand = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct State {
    waiting: VecDeque<Errand>,
    /// Whether the thread was started; it never ends.
    started: bool,
}

/// What is to be done in this process.
#[derive(Default)]
pub(crate) struct Errands {
    state: Mutex<State>,
    wake: Condvar,
}

impl Errands {
    /// Has something done by the thread, or does it at once where none can be had. It must not panic.
    pub(crate) fn run(&'static self, errand: Errand) {
        if let Err(errand) = self.start(errand) {
            errand();
        }
    }

    /// Has something done by the thread, or gives it back where none can be had. It must not panic.
    pub(crate) fn start(&'static self, errand: Errand) -> Result<(), Errand> {
        let mut state = lock(&self.state);
        if !state.started {
            let thread = thread::Builder::new().name("speedup-checkpoint".into()).spawn(|| self.work());
            if thread.is_err() {
                return Err(errand);
            }
            state.started = true;
        }
        state.waiting.push_back(errand);
        self.wake.notify_one();
        Ok(())
    }

    fn work(&self) {
        let mut state = lock(&self.state);
        loop {
            match state.waiting.pop_front() {
                Some(errand) => {
                    drop(state);
                    errand();
                    state = lock(&self.state);
                }
                None => state = self.wake.wait(state).unwrap_or_else(|poisoned| poisoned.into_inner()),
            }
        }
    }
}
