//! A handle that many threads can hold.

use std::fmt;

use crate::sync::{Arc, Mutex, MutexGuard, lock};

/// A dict or list that can be cloned and used from several threads.
///
/// [`lock`](Self::lock) gives the whole interface for as long as the guard lives, so that several steps can be one. The
/// structure is saved and closed when the last clone is dropped.
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
///                 counts.lock().insert(thread * 100 + n, n).unwrap();
///             }
///         });
///     }
/// });
/// assert_eq!(counts.lock().len(), 400);
/// # Ok(()) }
/// ```
pub struct Shared<S>(Arc<Mutex<S>>);

impl<S> Shared<S> {
    pub(crate) fn new(structure: S) -> Self {
        Shared(Arc::new(Mutex::new(structure)))
    }

    /// Waits for the structure and holds it until the guard is dropped.
    ///
    /// A panic of another holder is no reason to refuse: no change of a structure is ever half done.
    pub fn lock(&self) -> impl std::ops::DerefMut<Target = S> + '_ {
        let guard: MutexGuard<'_, S> = lock(&self.0);
        guard
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
