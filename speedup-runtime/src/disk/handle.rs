//! A structure behind a lock, with a thread that writes its journal at most a quarter of a second behind.

use std::time::Duration;

use super::store::Store;
use super::{Error, Result};
use crate::sync::{Arc, Condvar, Mutex, lock, thread};

/// How far the journal on disk may lag behind while the process lives.
const LAG: Duration = Duration::from_millis(250);

/// The state of a dict or a list.
pub(crate) trait Body: Send + 'static {
    fn store(&mut self) -> &mut Store;

    /// Brings everything into the tree and publishes it.
    fn checkpoint(&mut self) -> Result<()>;
}

struct Guarded<B> {
    body: B,
    /// Set once; the writer thread then ends.
    closing: bool,
    /// Started by the first change.
    writer: Option<thread::JoinHandle<()>>,
}

struct Inner<B> {
    guarded: Mutex<Guarded<B>>,
    /// Tells the writer that the journal has begun to wait, or that the handle closes.
    wake: Condvar,
}

/// Owns a structure; dropping it publishes everything.
pub(crate) struct Handle<B: Body> {
    inner: Option<Arc<Inner<B>>>,
}

impl<B: Body> Handle<B> {
    pub(crate) fn new(body: B) -> Self {
        let guarded = Mutex::new(Guarded { body, closing: false, writer: None });
        Handle { inner: Some(Arc::new(Inner { guarded, wake: Condvar::new() })) }
    }

    fn inner(&self) -> Result<&Arc<Inner<B>>> {
        self.inner.as_ref().ok_or_else(|| Error::Failed { cause: "it was closed".into() })
    }

    /// Runs `read` on the state, unless an earlier change failed half-way.
    #[inline]
    pub(crate) fn read<R>(&self, read: impl FnOnce(&mut B) -> Result<R>) -> Result<R> {
        let mut guarded = lock(&self.inner()?.guarded);
        guarded.body.store().check()?;
        read(&mut guarded.body)
    }

    /// Runs `look` on the state, whatever happened before.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&mut B) -> R) -> Option<R> {
        self.inner.as_ref().map(|inner| look(&mut lock(&inner.guarded).body))
    }

    /// Runs `change` on the state, unless an earlier one failed half-way.
    #[inline]
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut B) -> Result<R>) -> Result<R> {
        let inner = self.inner()?;
        let mut guarded = lock(&inner.guarded);
        guarded.body.store().check()?;
        let waited = guarded.body.store().is_waiting();
        let result = change(&mut guarded.body);
        if !waited && guarded.body.store().is_waiting() {
            if guarded.writer.is_none() {
                let shared = Arc::clone(inner);
                let writer = thread::Builder::new().name("speedup-disk".into()).spawn(move || write_behind(&shared));
                guarded.writer = writer.ok();
            }
            inner.wake.notify_one();
        }
        result
    }

    /// Publishes everything and lets go of the folder.
    pub(crate) fn close(&mut self) -> Result<()> {
        let Some(inner) = self.inner.take() else { return Ok(()) };
        let writer = {
            let mut guarded = lock(&inner.guarded);
            guarded.closing = true;
            guarded.writer.take()
        };
        inner.wake.notify_one();
        if let Some(writer) = writer {
            // The writer keeps its errors in the state; it has nothing to panic about.
            let _ended = writer.join();
        }
        let mut guarded = lock(&inner.guarded);
        guarded.body.store().check()?;
        let result = guarded.body.checkpoint();
        guarded.body.store().settle(result)
    }
}

impl<B: Body> Drop for Handle<B> {
    fn drop(&mut self) {
        // Who wants to know calls `close`.
        let _unreported = self.close();
    }
}

/// The writer: sleeps while nothing waits, then gives more operations a moment to come.
fn write_behind<B: Body>(inner: &Inner<B>) {
    let mut guarded = lock(&inner.guarded);
    while !guarded.closing {
        if !guarded.body.store().is_waiting() {
            guarded = inner.wake.wait(guarded).unwrap_or_else(|poisoned| poisoned.into_inner());
            continue;
        }
        let (next, waited) = inner.wake.wait_timeout(guarded, LAG).unwrap_or_else(|poisoned| poisoned.into_inner());
        guarded = next;
        if waited.timed_out() {
            // A failure is kept in the state and returned by the next call.
            let _kept = guarded.body.store().write_journal();
        }
    }
}
