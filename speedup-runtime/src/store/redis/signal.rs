//! Waiting for messages about a key: by a thread, or by a task.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Condvar, Mutex, PoisonError},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use super::events::{Events, lock};
use crate::panics;

/// Given when something happened to a key.
#[derive(Debug, Default)]
pub(super) struct Signal {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    given: bool,
    /// The task that waits, if one does ..
    waker: Option<Waker>,
    /// .. and when it is to look for itself, should messages have been lost.
    due: Option<Instant>,
}

impl Signal {
    pub(super) fn give(&self) {
        let waker = {
            let mut state = lock(&self.state);
            state.given = true;
            state.waker.take()
        };
        self.changed.notify_all();
        if let Some(waker) = waker {
            panics::contain(|| waker.wake());
        }
    }

    /// Whether a task waits whose time has come.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        lock(&self.state).due.is_some_and(|due| due <= now)
    }
}

/// Somebody who waits for messages about a key: a thread that calls [`wait`](Self::wait), or a task that awaits it, once.
pub(super) struct Waiting {
    events: Arc<Events>,
    key: Vec<u8>,
    signal: Arc<Signal>,
}

impl Waiting {
    pub(super) fn new(events: Arc<Events>, key: Vec<u8>, signal: Arc<Signal>) -> Self {
        Self { events, key, signal }
    }

    /// Waits for a message, at most for this long, and takes it.
    pub(super) fn wait(&self, longest: Duration) {
        let state = lock(&self.signal.state);
        let waited = self.signal.changed.wait_timeout_while(state, longest, |state| !state.given);
        waited.unwrap_or_else(PoisonError::into_inner).0.given = false;
    }

    /// The same to be awaited: for about this long at most.
    pub(super) fn at_most(self, longest: Duration) -> Self {
        lock(&self.signal.state).due = Some(Instant::now() + longest);
        self
    }

    #[cfg(test)]
    pub(super) fn is_given(&self) -> bool {
        lock(&self.signal.state).given
    }
}

impl Future for Waiting {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // Cloned and dropped when the lock is not held: both are users' code.
        let waker = context.waker().clone();
        let _old;
        let mut state = lock(&self.signal.state);
        if state.given {
            return Poll::Ready(());
        }
        _old = state.waker.replace(waker);
        Poll::Pending
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.events.forget(&self.key, &self.signal);
    }
}
