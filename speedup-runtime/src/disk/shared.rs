//! A handle that many threads can hold.

use std::fmt;
use std::ops::{Deref, DerefMut};

use super::{Error, Result};
use crate::sync::{Arc, AtomicUsize, Mutex, MutexGuard, Ordering, global, lock};

/// What a [`Shared`] handle asks of a structure.
pub trait Structure {
    /// Saves everything and lets go of the folder.
    #[doc(hidden)]
    fn close_now(&mut self) -> Result<()>;
}

/// A dict or list that can be cloned and used from several threads.
///
/// Its methods need no guard: each is one step.
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
pub struct Shared<S>(Arc<Cell<S>>);

struct Cell<S> {
    structure: Mutex<S>,
    /// Which thread has the lock, 0 if none. Each thread writes its own name alone, so whoever reads it has the lock.
    holder: AtomicUsize,
    /// Whether this is still the process that opened the structure; known without the lock, which a fork may have inherited held.
    check_owner: Box<dyn Fn() -> Result<()> + Send + Sync>,
}

/// Holds a [`Shared`] structure; made by [`Shared::lock`].
struct Guard<'a, S> {
    structure: MutexGuard<'a, S>,
    holder: &'a AtomicUsize,
}

/// A number that no other living thread has, and none has that is 0.
fn this_thread() -> usize {
    thread_local!(static PLACE: u8 = const { 0 });
    PLACE.with(|place| std::ptr::from_ref(place) as usize)
}

impl<S: Structure> Shared<S> {
    pub(crate) fn new(structure: S, check_owner: impl Fn() -> Result<()> + Send + Sync + 'static) -> Self {
        Shared(Arc::new(Cell {
            structure: Mutex::new(structure),
            holder: AtomicUsize::new(0),
            check_owner: Box::new(check_owner),
        }))
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
        if (cell.check_owner)().is_ok() {
            return self.enter().unwrap_or_else(|error| panic!("{error}"));
        }
        match cell.structure.try_lock() {
            Ok(structure) => cell.guard(structure),
            Err(global::TryLockError::Poisoned(poisoned)) => cell.guard(poisoned.into_inner()),
            Err(global::TryLockError::WouldBlock) => {
                panic!("the structure was in use when this process was forked; open it in one process only")
            }
        }
    }

    /// As [`lock`](Self::lock), for one step.
    fn enter(&self) -> Result<Guard<'_, S>> {
        let cell = &*self.0;
        (cell.check_owner)()?;
        // Relaxed: who reads its own name has written it.
        if cell.holder.load(Ordering::Relaxed) == this_thread() {
            return Err(Error::Held);
        }
        Ok(cell.guard(lock(&cell.structure)))
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
        self.with(S::close_now)
    }
}

impl<S> Cell<S> {
    fn guard<'a>(&'a self, structure: MutexGuard<'a, S>) -> Guard<'a, S> {
        self.holder.store(this_thread(), Ordering::Relaxed);
        Guard { structure, holder: &self.holder }
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

impl<S> Clone for Shared<S> {
    fn clone(&self) -> Self {
        Shared(Arc::clone(&self.0))
    }
}

impl<S> fmt::Debug for Shared<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}
