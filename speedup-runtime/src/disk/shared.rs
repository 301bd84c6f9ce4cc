//! A handle that many threads can hold.

use std::fmt;
use std::ops::{Deref, DerefMut};

use super::body::Body;

use super::handle::{Access, Bar};
use super::value::Codec;
use super::{Error, Result};
use crate::striped::this_thread;
use crate::sync::{Arc, AtomicUsize, Mutex, MutexGuard, Ordering, global, lock};

/// A dict or a list: what can be [`Shared`].
#[expect(private_bounds, reason = "nobody else makes one")]
pub trait Structure: Parts {}

/// What a [`Shared`] handle asks of a structure.
pub(crate) trait Parts {
    /// Its state.
    type Body: Body;

    /// Saves everything and lets go of the folder.
    fn close_now(&mut self) -> Result<()>;

    /// A way for many readers, and how they decode.
    fn reader(&self) -> (Access<Self::Body>, Codec);
}

/// A dict or list that can be cloned and used from several threads.
///
/// Its methods need no guard: each is one step. Threads that read do so side by side.
/// [`lock`](Self::lock) gives the whole interface for as long as its guard lives, so that several steps can be one. Meanwhile other threads
/// wait; the thread that has the guard uses the guard. The structure is saved and closed by [`close`](Self::close), or when the last clone is
/// dropped.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), speedup_runtime::disk::Error> {
/// # let folder = tempfile::tempdir().unwrap();
/// use speedup_runtime::disk::DiskDict;
///
/// let counts = DiskDict::<u64, u64>::builder("counts").location(folder.path()).open()?.shared();
/// std::thread::scope(|scope| {
///     for thread in 0..4 {
///         let counts = counts.clone();
///         scope.spawn(move || {
///             for n in 0..100 {
///                 counts.insert(thread * 100 + n, n).unwrap();
///             }
///         });
///     }
/// });
/// assert_eq!(counts.len()?, 400);
/// counts.close()?;
/// # Ok(()) }
/// ```
pub struct Shared<S: Structure>(Arc<Cell<S>>);

struct Cell<S: Structure> {
    /// What the steps go through that change something, one after the other.
    structure: Mutex<S>,
    /// What reading goes through, beside them.
    reader: (Access<S::Body>, Codec),
    /// Which thread has the lock, 0 if none. Each thread writes its own name alone, so whoever reads it has the lock.
    holder: AtomicUsize,
}

/// Holds a [`Shared`] structure; made by [`Shared::lock`].
struct Guard<'a, S> {
    structure: MutexGuard<'a, S>,
    holder: &'a AtomicUsize,
    /// Keeps readers out, if several steps are to be one.
    _bar: Option<Bar<'a>>,
}

impl<S: Structure> Shared<S> {
    pub(crate) fn new(structure: S) -> Self {
        let reader = structure.reader();
        Shared(Arc::new(Cell { structure: Mutex::new(structure), reader, holder: AtomicUsize::new(0) }))
    }

    /// Waits for the structure and holds it until the guard is dropped.
    ///
    /// A panic of another holder is no reason to refuse: no change of a structure is ever half done.
    ///
    /// # Panics
    ///
    /// If this thread has a guard already, for it would wait for itself. The guard of `if let Some(x) = shared.lock().get(&1)? { .. }` lives
    /// to the end of the block; `shared.get(&1)` has none. Also in a fork of the process that opened the structure, if another thread
    /// had a guard at that moment.
    #[track_caller]
    pub fn lock(&self) -> impl DerefMut<Target = S> + '_ {
        let cell = &*self.0;
        if cell.reader.0.check_owner().is_ok() {
            let mut guard = self.enter().unwrap_or_else(|error| panic!("{error}"));
            guard._bar = Some(cell.reader.0.bar());
            return guard;
        }
        match cell.structure.try_lock() {
            Ok(structure) => cell.guard(structure),
            Err(global::TryLockError::Poisoned(poisoned)) => cell.guard(poisoned.into_inner()),
            Err(global::TryLockError::WouldBlock) => {
                panic!("the structure was in use when this process was forked; open it in one process only")
            }
        }
    }

    /// As [`lock`](Self::lock), for one step, beside which others may read.
    fn enter(&self) -> Result<Guard<'_, S>> {
        self.check_free()?;
        self.0.reader.0.check_turn()?;
        Ok(self.0.guard(lock(&self.0.structure)))
    }

    /// Refuses where the structure is another process's, or this thread has it already.
    fn check_free(&self) -> Result<()> {
        self.0.reader.0.check_owner()?;
        // Relaxed: who reads its own name has written it.
        if self.0.holder.load(Ordering::Relaxed) == this_thread() { Err(Error::Held) } else { Ok(()) }
    }

    /// Reads the structure beside others that do so.
    #[inline]
    pub(crate) fn see<R>(&self, see: impl FnOnce(&Access<S::Body>, Codec) -> Result<R>) -> Result<R> {
        self.check_free()?;
        let (access, codec) = &self.0.reader;
        see(access, *codec)
    }

    /// What reading goes through.
    pub(crate) fn reader(&self) -> (&Access<S::Body>, Codec) {
        (&self.0.reader.0, self.0.reader.1)
    }

    /// Runs one step on the structure.
    pub(crate) fn with<R>(&self, step: impl FnOnce(&mut S) -> Result<R>) -> Result<R> {
        step(&mut *self.enter()?)
    }

    /// Saves everything and lets go of the folder, for all clones.
    ///
    /// What they do afterwards is [`Error::Closed`].
    ///
    /// # Errors
    ///
    /// When the disk fails; what was flushed is safe.
    pub fn close(&self) -> Result<()> {
        self.with(Parts::close_now)
    }
}

impl<S: Structure> Cell<S> {
    fn guard<'a>(&'a self, structure: MutexGuard<'a, S>) -> Guard<'a, S> {
        self.holder.store(this_thread(), Ordering::Relaxed);
        Guard { structure, holder: &self.holder, _bar: None }
    }
}

impl<S> Drop for Guard<'_, S> {
    fn drop(&mut self) {
        // Before the lock is given up.
        self.holder.store(0, Ordering::Relaxed);
    }
}

impl<S> Deref for Guard<'_, S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.structure
    }
}

impl<S> DerefMut for Guard<'_, S> {
    fn deref_mut(&mut self) -> &mut S {
        &mut self.structure
    }
}

impl<S: Structure> Clone for Shared<S> {
    fn clone(&self) -> Self {
        Shared(Arc::clone(&self.0))
    }
}

impl<S: Structure> fmt::Debug for Shared<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}
