//! Who has something to be written, and when the thread that writes comes for it.

use std::time::Duration;

use crate::sync::{Condvar, Mutex, MutexGuard, const_unless_loom, lock};

/// Those who have something to be written.
pub(super) struct Queue<P> {
    state: Mutex<State<P>>,
    /// Told when there is a first one, and when it is urgent: each may end the pause of the one who takes them.
    changed: Condvar,
}

struct State<P> {
    /// In the order in which they came. Whoever is in it has something to be written, or had until it was taken back.
    waiting: Vec<P>,
    /// Whether there is so much that it is taken without a pause.
    is_urgent: bool,
}

impl<P> Queue<P> {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            Queue { state: Mutex::new(State { waiting: Vec::new(), is_urgent: false }), changed: Condvar::new() }
        }
    }

    /// Adds one who has something to be written, and had nothing before.
    pub(super) fn add(&self, one: P) {
        let mut state = lock(&self.state);
        state.waiting.push(one);
        let is_first = state.waiting.len() == 1;
        drop(state);
        if is_first {
            self.changed.notify_one();
        }
    }

    /// Has them taken now.
    pub(super) fn hurry(&self) {
        lock(&self.state).is_urgent = true;
        self.changed.notify_one();
    }

    /// Waits until there is one; and then, unless it is urgent, for others until the pause is over. Takes them all. One thread does it.
    pub(super) fn take(&self, pause: Duration) -> Vec<P> {
        let mut state = lock(&self.state);
        while state.waiting.is_empty() {
            state = self.changed.wait(state).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
        if !state.is_urgent {
            // What ends it without need costs nothing but a smaller batch.
            state = self.pause(state, pause);
        }
        state.is_urgent = false;
        std::mem::take(&mut state.waiting)
    }

    #[cfg(not(loom))]
    fn pause<'a>(&self, state: MutexGuard<'a, State<P>>, pause: Duration) -> MutexGuard<'a, State<P>> {
        self.changed.wait_timeout(state, pause).unwrap_or_else(|poisoned| poisoned.into_inner()).0
    }

    /// In a model it may be over at any moment.
    #[cfg(loom)]
    fn pause<'a>(&'a self, state: MutexGuard<'a, State<P>>, _: Duration) -> MutexGuard<'a, State<P>> {
        drop(state);
        crate::sync::thread::yield_now();
        lock(&self.state)
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use crate::sync::{Arc, thread};

    /// Threads note results and one writes them. What is noted is written once; a wake that is lost is a writer that sleeps for ever, which the checker reports.
    fn all_is_written(in_a_hurry: [bool; 2]) {
        let (queue, noted) = (Arc::new(Queue::new()), Arc::new(Mutex::new(0)));
        let threads = in_a_hurry.map(|is_urgent| {
            let (queue, noted) = (Arc::clone(&queue), Arc::clone(&noted));
            thread::spawn(move || {
                let waiting = {
                    let mut noted = lock(&noted);
                    *noted += 1;
                    *noted
                };
                if waiting == 1 {
                    queue.add(());
                }
                if is_urgent {
                    queue.hurry();
                }
            })
        });
        let mut written = 0;
        while written < threads.len() {
            for () in queue.take(Duration::ZERO) {
                written += std::mem::take(&mut *lock(&noted));
            }
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!((written, *lock(&noted)), (2, 0));
    }

    #[test]
    fn loom_what_is_noted_is_written() {
        loom::model(|| all_is_written([false, false]));
    }

    #[test]
    fn loom_what_is_noted_is_written_where_it_is_urgent() {
        loom::model(|| all_is_written([false, true]));
    }
}
