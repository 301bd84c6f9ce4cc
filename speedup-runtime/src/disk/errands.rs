//! Writing checkpoints beside those who change something: one thread of the process does so for all structures, one after the other.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

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
    /// Has something done by the thread, or does it at once where none can be had. Who waits for it must be told also where it panics.
    pub(crate) fn run(&'static self, errand: Errand) {
        if let Err(errand) = self.start(errand) {
            errand();
        }
    }

    /// Has something done by the thread, or gives it back where none can be had. Who waits for it must be told also where it panics.
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
                    // The thread goes on for the others, whatever becomes of this one.
                    let _ended = catch_unwind(AssertUnwindSafe(errand));
                    state = lock(&self.state);
                }
                None => state = self.wake.wait(state).unwrap_or_else(|poisoned| poisoned.into_inner()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_errand_that_panics_leaves_the_thread_to_the_others() {
        let errands: &'static Errands = Box::leak(Box::default());
        let (done, is_done) = mpsc::channel();
        assert!(errands.start(Box::new(|| panic!("an errand that panics"))).is_ok());
        assert!(errands.start(Box::new(move || done.send(()).unwrap())).is_ok());
        is_done.recv_timeout(Duration::from_secs(60)).expect("the thread is gone");
    }
}
