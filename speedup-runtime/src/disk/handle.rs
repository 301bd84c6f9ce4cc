//! A structure behind a lock: who may use it, and who writes its journal.

use std::path::{Path, PathBuf};

use super::behind::Late;
use super::process::{self, Process};
use super::store::Store;
use super::{Error, Result};
use crate::sync::{AtomicBool, Ordering};
use crate::sync::{Mutex, MutexGuard, global, lock};

/// The state of a dict or a list.
pub(crate) trait Body: Send + 'static {
    fn store(&mut self) -> &mut Store;

    /// Brings everything into the tree and publishes it.
    fn checkpoint(&mut self) -> Result<()>;
}

struct Guarded<B> {
    /// Absent once the structure is closed.
    body: Option<B>,
    /// Whether the writer knows that the journal waits, or did a moment ago.
    announced: bool,
}

struct Inner<B> {
    guarded: Mutex<Guarded<B>>,
    /// Set by who came to write the journal and found the structure in use; who uses it writes then.
    overdue: AtomicBool,
}

/// Owns a structure; dropping it publishes everything.
///
/// It belongs to the process that opened it. In a process forked from that one it does nothing, for the lock on the folder and the
/// files are shared with the owner.
pub(crate) struct Handle<B: Body> {
    inner: global::Arc<Inner<B>>,
    owner: Process,
    folder: PathBuf,
}

impl<B: Body> Handle<B> {
    pub(crate) fn new(mut body: B) -> Self {
        let folder = body.store().folder().to_path_buf();
        let guarded = Mutex::new(Guarded { body: Some(body), announced: false });
        let inner = Inner { guarded, overdue: AtomicBool::new(false) };
        Handle { inner: global::Arc::new(inner), owner: Process::current(), folder }
    }

    /// Refuses in every process but the one that opened the structure. Comes before any lock: a fork may inherit a held one.
    #[inline]
    pub(crate) fn check_owner(&self) -> Result<()> {
        if self.owner.is_current() { Ok(()) } else { Err(forked(&self.folder, self.owner)) }
    }

    /// The same without the handle.
    pub(crate) fn owner_check(&self) -> impl Fn() -> Result<()> + Send + Sync + 'static {
        let (owner, folder) = (self.owner, self.folder.clone());
        move || if owner.is_current() { Ok(()) } else { Err(forked(&folder, owner)) }
    }

    /// Runs `read` on the state, unless an earlier change failed half-way.
    #[inline]
    pub(crate) fn read<R>(&self, read: impl FnOnce(&mut B) -> Result<R>) -> Result<R> {
        self.check_owner()?;
        let mut guard = lock(&self.inner.guarded);
        let body = guard.body.as_mut().ok_or_else(|| closed(&self.folder))?;
        body.store().check()?;
        let result = read(body).map_err(|error| body.store().explain(error));
        self.catch_up(&mut guard);
        result
    }

    /// Runs `look` on the state, whatever happened before; in a forked process only if nobody was using it at the fork.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&mut B) -> R) -> Option<R> {
        let mut guard =
            if self.owner.is_current() { lock(&self.inner.guarded) } else { try_lock(&self.inner.guarded)? };
        guard.body.as_mut().map(look)
    }

    /// Runs `change` on the state, unless an earlier one failed half-way.
    #[inline]
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut B) -> Result<R>) -> Result<R> {
        self.check_owner()?;
        let mut guard = lock(&self.inner.guarded);
        let body = guard.body.as_mut().ok_or_else(|| closed(&self.folder))?;
        body.store().check_change()?;
        let result = change(body).map_err(|error| body.store().explain(error));
        if body.store().is_waiting() && !guard.announced {
            self.announce(&mut guard);
        }
        self.catch_up(&mut guard);
        result
    }

    /// Has the journal written in time, or writes it at once where there is no thread to do so.
    #[cold]
    fn announce(&self, guard: &mut Guarded<B>) {
        let late: global::Arc<dyn Late> = self.inner.clone();
        guard.announced = process::behind().announce(global::Arc::downgrade(&late));
        if !guard.announced {
            guard.write();
        }
    }

    /// Writes the journal if that could not be done while the structure was in use.
    #[inline]
    fn catch_up(&self, guard: &mut Guarded<B>) {
        // Relaxed: the writer comes again if this looks too early.
        if self.inner.overdue.load(Ordering::Relaxed) {
            self.inner.overdue.store(false, Ordering::Relaxed);
            guard.write();
        }
    }

    /// Publishes everything and lets go of the folder.
    pub(crate) fn close(&mut self) -> Result<()> {
        self.check_owner()?;
        let Some(mut body) = lock(&self.inner.guarded).body.take() else { return Ok(()) };
        body.store().check()?;
        let result = body.checkpoint();
        body.store().settle(result).map_err(|error| body.store().explain(error))
    }
}

impl<B: Body> Drop for Handle<B> {
    fn drop(&mut self) {
        if self.owner.is_current() {
            // Who wants to know calls `close`.
            let _unreported = self.close();
            return;
        }
        // Nothing of the state may be dropped: that would write to files which belong to the owner, or wait for threads that are not here.
        std::mem::forget(global::Arc::clone(&self.inner));
        // SAFETY: this was the way to the state, which is never dropped, so nobody uses its files in this process.
        unsafe { process::let_go(&self.folder) };
    }
}

#[cold]
fn forked(folder: &Path, owner: Process) -> Error {
    Error::Forked { path: folder.to_path_buf(), owner: owner.id }
}

#[cold]
fn closed(folder: &Path) -> Error {
    Error::Closed { path: folder.to_path_buf() }
}

fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(global::TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(global::TryLockError::WouldBlock) => None,
    }
}

impl<B: Body> Guarded<B> {
    /// Writes the journal, unless the structure is closed.
    fn write(&mut self) {
        if let Some(body) = &mut self.body {
            // A failure is kept in the state and returned by the next call.
            let _kept = body.store().write_journal();
        }
    }
}

impl<B: Body> Late for Inner<B> {
    fn try_write(&self) -> bool {
        let Some(mut guard) = try_lock(&self.guarded) else {
            self.overdue.store(true, Ordering::Relaxed);
            return false;
        };
        self.overdue.store(false, Ordering::Relaxed);
        guard.announced = false;
        guard.write();
        true
    }
}
