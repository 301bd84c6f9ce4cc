//! A call that was started in the background.

use std::{
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind},
    pin::Pin,
    sync::{Condvar, Mutex},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use crate::cache::{block::isolation, table::key::Output, thread::registry};
use crate::{
    panics::{self, Payload},
    sync::{Arc, AtomicBool, Ordering, lock},
};

/// A call that runs in the background, as returned by [`Cache::spawn`](crate::Cache::spawn).
///
/// Dropping a task does not stop the call; its result is kept in the cache all the same. A task can be awaited; inside a cached
/// function that is a [`join`](Self::join), since the thread waits there. Clones are handles of the same call.
///
/// # Examples
/// ```
/// use speedup_runtime::Cache;
///
/// let squares = Cache::from_fn(|n: u64| n * n);
/// let task = squares.spawn((12,));
/// assert_eq!(task.join(), 144);
/// ```
pub struct Task<R: Output> {
    state: Arc<State<R>>,
}

/// The call was not finished in time; it goes on.
// Written out: the one error that the cache alone has is not worth a macro crate to who builds the cache alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedOut;

impl fmt::Display for TimedOut {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(
            "the call was not finished in time; it goes on in the background, so join it again or ask the cache later",
        )
    }
}

impl std::error::Error for TimedOut {}

struct State<R> {
    /// Asks the cache, which computes the value unless somebody else does.
    call: Box<dyn Fn() -> R + Send + Sync>,
    /// Set by whoever runs the call first. `AcqRel`: exactly one does.
    begun: AtomicBool,
    progress: Mutex<Progress<R>>,
    finished: Condvar,
}

struct Progress<R> {
    end: Option<End<R>>,
    wakers: Vec<Waker>,
}

enum End<R> {
    Value(R),
    /// `None` once a payload that cannot be copied has been given to somebody.
    Panic(Option<Payload>),
}

impl<R: Output> Task<R> {
    /// A task that is finished.
    pub(in crate::cache) fn ready(value: R) -> Self {
        let again = value.clone();
        let task = Self::new(Box::new(move || again.clone()));
        task.state.begun.store(true, Ordering::Relaxed);
        lock(&task.state.progress).end = Some(End::Value(value));
        task
    }

    /// A task that has not begun; [`start`](Self::start) has it run on rayon.
    pub(in crate::cache) fn new(call: Box<dyn Fn() -> R + Send + Sync>) -> Self {
        let progress = Mutex::new(Progress { end: None, wakers: Vec::new() });
        let state = State { call, begun: AtomicBool::new(false), progress, finished: Condvar::new() };
        Self { state: Arc::new(state) }
    }

    /// Has rayon run the call, unless a body starts it that runs again: who joins the task then runs it. The first run has
    /// queued the same call, and each further job may lead to the body once more, which would start the next.
    pub(in crate::cache) fn start(&self) {
        if isolation::computes_again(registry::current()) {
            return;
        }
        let state = self.state.clone();
        rayon_core::spawn(move || {
            // Where this is the last to know of the call, its end is dropped here. That is users' code, whose panic nobody
            // is to get, and with which rayon would end the process.
            panics::contain(move || {
                if state.begin() {
                    state.run();
                }
            });
        });
    }

    /// Waits for the result. If nobody has begun the call, the calling thread runs it.
    ///
    /// May be called inside a cached function, and any number of times.
    ///
    /// # Panics
    /// If the call panicked, with its payload (or, where the payload cannot be copied and was handed out before, with a
    /// message that says so), and with the message about a cycle if the call needs the one that joins it.
    #[doc(alias = "get")]
    pub fn join(&self) -> R {
        if self.state.begin() {
            self.state.run();
        }
        if let Some(end) = self.state.end() {
            return end.unwrap_or_else(|payload| resume_unwind(payload));
        }
        // Another thread runs it: wait as every caller of the function does, helping if possible.
        (self.state.call)()
    }

    /// Waits for the result, but not longer than this.
    ///
    /// Inside a cached function the calling thread runs the call if nobody has begun it by then, which takes as long as it
    /// takes: the call may be queued behind the very one that waits, and what else is queued may need that one.
    ///
    /// # Errors
    /// [`TimedOut`] if the call is not finished by then. It goes on.
    ///
    /// # Panics
    /// As [`join`](Self::join).
    pub fn join_timeout(&self, longest: Duration) -> Result<R, TimedOut> {
        let deadline = Instant::now().checked_add(longest);
        let in_pool = rayon_core::current_thread_index().is_some();
        let in_call = registry::current().is_in_call();
        loop {
            if let Some(end) = self.state.end() {
                return end.map_err(|payload| resume_unwind(payload));
            }
            let left = deadline.map_or(longest, |deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                if in_call && self.state.begin() {
                    self.state.run();
                    continue;
                }
                return Err(TimedOut);
            }
            // On one of rayon's threads the call may be queued behind this very job.
            if in_call || rayon_core::yield_now() != Some(rayon_core::Yield::Executed) {
                let slice = if in_pool && !in_call { Duration::from_millis(1) } else { left };
                let progress = lock(&self.state.progress);
                if progress.end.is_none() {
                    drop(self.state.finished.wait_timeout(progress, slice.min(left)));
                }
            }
        }
    }

    /// The result if it is there.
    ///
    /// # Panics
    /// As [`join`](Self::join), if the call has panicked.
    pub fn try_get(&self) -> Option<R> {
        Some(self.state.end()?.unwrap_or_else(|payload| resume_unwind(payload)))
    }

    /// Whether the call has returned or panicked.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        lock(&self.state.progress).end.is_some()
    }
}

impl<R: Output> State<R> {
    /// Whether the caller is to run the call.
    fn begin(&self) -> bool {
        !self.begun.swap(true, Ordering::AcqRel)
    }

    fn run(&self) {
        let end = match catch_unwind(AssertUnwindSafe(|| (self.call)())) {
            Ok(value) => End::Value(value),
            Err(payload) => End::Panic(Some(payload)),
        };
        let wakers = {
            let mut progress = lock(&self.progress);
            progress.end = Some(end);
            self.finished.notify_all();
            std::mem::take(&mut progress.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    fn end(&self) -> Option<Result<R, Payload>> {
        let value = match lock(&self.progress).end.as_mut()? {
            End::Value(value) => value.clone(),
            End::Panic(payload) => {
                let copy = payload.as_ref().and_then(panics::copy_of).or_else(|| payload.take());
                return Some(Err(copy.unwrap_or_else(|| {
                    Box::new("the background call panicked, and its payload has been handed out already")
                })));
            }
        };
        Some(Ok(value))
    }
}

impl<R: Output> Future for Task<R> {
    type Output = R;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<R> {
        // Who polls in the middle of a call waits for it on this thread, and so may every thread that could run it.
        if !self.is_finished() && registry::current().is_in_call() {
            return Poll::Ready(self.join());
        }
        {
            let mut progress = lock(&self.state.progress);
            if progress.end.is_none() {
                if !progress.wakers.iter().any(|waker| waker.will_wake(context.waker())) {
                    progress.wakers.push(context.waker().clone());
                }
                return Poll::Pending;
            }
        }
        match self.state.end() {
            Some(Ok(value)) => Poll::Ready(value),
            Some(Err(payload)) => resume_unwind(payload),
            None => panic_any("a finished task stays finished"),
        }
    }
}

impl<R: Output> Clone for Task<R> {
    fn clone(&self) -> Self {
        Self { state: self.state.clone() }
    }
}

impl<R: Output> fmt::Debug for Task<R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Task").field("finished", &self.is_finished()).finish_non_exhaustive()
    }
}
