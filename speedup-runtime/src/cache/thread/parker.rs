//! Sleeping until somebody wakes the thread.

use std::{
    sync::{Condvar, Mutex},
    time::Duration,
};

use crate::sync::lock;

/// Wakes a waiting thread.
pub(super) struct Parker {
    token: Mutex<bool>,
    given: Condvar,
}

impl Parker {
    /// Nobody has woken the thread.
    pub(super) fn new() -> Self {
        Self { token: Mutex::new(false), given: Condvar::new() }
    }

    /// Lets [`park`](Self::park) return, now or the next time.
    pub(super) fn unpark(&self) {
        *lock(&self.token) = true;
        self.given.notify_one();
    }

    /// Sleeps until [`unpark`](Self::unpark) or so long; only by the thread itself.
    pub(super) fn park(&self, longest: Duration) {
        let mut token = lock(&self.token);
        if !*token {
            token = match self.given.wait_timeout(token, longest) {
                Ok((token, _)) => token,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        *token = false;
    }
}
