//! A call that was begun ahead of need.

use std::{
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind},
    pin::Pin,
    task::{Context, Poll, Waker},
    thread,
};

/// The value of a key whose call has begun, as returned by [`AsyncCache::spawn`](crate::AsyncCache::spawn).
///
/// A future, to be awaited at any time, or to be handed to a runtime. Dropping it stops the call if nobody else waits for it.
#[must_use = "dropping it stops the call"]
pub struct AsyncTask<'cache, R> {
    stage: Stage<'cache, R>,
}

enum Stage<'cache, R> {
    Running(Pin<Box<dyn Future<Output = R> + Send + 'cache>>),
    Ended(thread::Result<R>),
    Taken,
}

impl<'cache, R> AsyncTask<'cache, R> {
    /// Polls a future once. A panic of it is kept for who awaits it.
    pub(in crate::cache) fn begin(future: impl Future<Output = R> + Send + 'cache) -> Self {
        let mut future: Pin<Box<dyn Future<Output = R> + Send + 'cache>> = Box::pin(future);
        let first = AssertUnwindSafe(|| future.as_mut().poll(&mut Context::from_waker(Waker::noop())));
        let stage = match catch_unwind(first) {
            Ok(Poll::Pending) => Stage::Running(future),
            Ok(Poll::Ready(value)) => Stage::Ended(Ok(value)),
            Err(payload) => Stage::Ended(Err(payload)),
        };
        Self { stage }
    }

    /// Whether the call ended when this was last polled, or when it began. Then awaiting it does not wait.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        !matches!(self.stage, Stage::Running(_))
    }
}

/// Nothing in it is pinned: the future is in a box of its own.
impl<R> Unpin for AsyncTask<'_, R> {}

impl<R> Future for AsyncTask<'_, R> {
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<R> {
        if let Stage::Running(future) = &mut self.stage {
            let polled = future.as_mut().poll(context);
            if polled.is_ready() {
                self.stage = Stage::Taken;
            }
            return polled;
        }
        match std::mem::replace(&mut self.stage, Stage::Taken) {
            Stage::Ended(Ok(value)) => Poll::Ready(value),
            Stage::Ended(Err(payload)) => resume_unwind(payload),
            Stage::Running(_) | Stage::Taken => panic_any("an `AsyncTask` was polled after it was ready"),
        }
    }
}

impl<R> fmt::Debug for AsyncTask<'_, R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("AsyncTask").field("is_finished", &self.is_finished()).finish()
    }
}
