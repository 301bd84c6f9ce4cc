//! What concerns the whole process: whether it is still the one that opened a structure, and what it does when it exits.

use std::path::Path;

use super::behind::Behind;
use crate::sync::global::{AtomicBool, AtomicPtr, AtomicU64, Ordering};

/// How many forks lie between the first process and this one. Changed only between a fork and the first step of the child.
static FORKS: AtomicU64 = AtomicU64::new(0);
/// Whether this process was ever forked, or is a fork.
static FORKED: AtomicBool = AtomicBool::new(false);
/// What writes behind in this process; null until the first change, and after a fork, whose child has none of the threads and
/// may have inherited held locks.
static BEHIND: AtomicPtr<Behind> = AtomicPtr::new(std::ptr::null_mut());
/// Whether the hooks are in place; a child inherits them.
static HOOKED: AtomicBool = AtomicBool::new(false);

/// A process, as told apart from those it forks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    /// How many forks lie between the first process and this one.
    pub(crate) forks: u64,
    /// Its number, for messages.
    pub(crate) id: u32,
}

impl Process {
    /// The process this runs in.
    pub(crate) fn current() -> Self {
        if !HOOKED.swap(true, Ordering::Relaxed) {
            hook();
        }
        // Relaxed here and below: between a fork and its child's first step there is one thread.
        Process { forks: FORKS.load(Ordering::Relaxed), id: std::process::id() }
    }

    /// Whether this still runs in that process.
    #[inline]
    pub(crate) fn is_current(self) -> bool {
        self.forks == FORKS.load(Ordering::Relaxed)
    }
}

/// Whether this process shares open files with a child or a parent.
pub(crate) fn has_forked() -> bool {
    FORKED.load(Ordering::Relaxed)
}

/// What writes behind in this process.
pub(crate) fn behind() -> &'static Behind {
    // Acquire: pairs with the exchange below.
    let there = BEHIND.load(Ordering::Acquire);
    // SAFETY: what is there was leaked and stays until the end.
    if let Some(there) = unsafe { there.as_ref() } {
        return there;
    }
    let new = Box::into_raw(Box::default());
    match BEHIND.compare_exchange(std::ptr::null_mut(), new, Ordering::AcqRel, Ordering::Acquire) {
        // SAFETY: leaked for good.
        Ok(_) => unsafe { &*new },
        Err(there) => {
            // SAFETY: made above and seen by nobody.
            drop(unsafe { Box::from_raw(new) });
            // SAFETY: as above.
            unsafe { &*there }
        }
    }
}

#[cfg(unix)]
fn hook() {
    /// Only what a signal handler may do, too.
    extern "C" fn in_child() {
        FORKS.fetch_add(1, Ordering::Relaxed);
        FORKED.store(true, Ordering::Relaxed);
        BEHIND.store(std::ptr::null_mut(), Ordering::Relaxed);
    }
    extern "C" fn in_parent() {
        FORKED.store(true, Ordering::Relaxed);
    }
    extern "C" fn at_exit() {
        // SAFETY: what is there was leaked and stays until the end.
        if let Some(behind) = unsafe { BEHIND.load(Ordering::Acquire).as_ref() } {
            behind.write_all();
        }
    }
    // SAFETY: the handlers do not unwind, and live as long as the program. Where there is no memory for them, nothing is promised.
    unsafe {
        libc::pthread_atfork(None, Some(in_parent), Some(in_child));
        libc::atexit(at_exit);
    }
}

#[cfg(not(unix))]
fn hook() {}

/// Closes the files below `folder` that this process has inherited from the one that opened the structure there, so that it does not
/// keep the locks of that process.
///
/// # Safety
///
/// Nobody in this process may use these files again, nor close them.
pub(crate) unsafe fn let_go(folder: &Path) {
    for number in open_below(folder) {
        #[cfg(unix)]
        // SAFETY: the caller promises that nobody uses it.
        unsafe {
            libc::close(number);
        }
        #[cfg(not(unix))]
        let _ = number;
    }
}

/// Gives up the locks on the open files below `folder` for all processes that share them.
pub(crate) fn unlock_below(folder: &Path) {
    for number in open_below(folder) {
        #[cfg(unix)]
        // SAFETY: a lock that is given up harms no memory.
        unsafe {
            libc::flock(number, libc::LOCK_UN);
        }
        #[cfg(not(unix))]
        let _ = number;
    }
}

/// The numbers of the open files that are `folder` or lie below it.
#[cfg(unix)]
fn open_below(folder: &Path) -> Vec<i32> {
    use std::os::unix::fs::MetadataExt;
    let mut files = Vec::new();
    collect(folder, &mut files);
    let list = if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" };
    let Ok(entries) = std::fs::read_dir(list) else { return Vec::new() };
    let numbers: Vec<i32> = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    let is_below = |number: &i32| {
        let about = std::fs::metadata(Path::new(list).join(number.to_string()));
        about.is_ok_and(|about| files.contains(&(about.dev(), about.ino())))
    };
    numbers.into_iter().filter(is_below).collect()
}

#[cfg(not(unix))]
fn open_below(_: &Path) -> Vec<i32> {
    Vec::new()
}

/// The device and number of a folder and of all that lies below it.
#[cfg(unix)]
fn collect(path: &Path, files: &mut Vec<(u64, u64)>) {
    use std::os::unix::fs::MetadataExt;
    let Ok(about) = std::fs::symlink_metadata(path) else { return };
    files.push((about.dev(), about.ino()));
    if about.is_dir()
        && let Ok(entries) = std::fs::read_dir(path)
    {
        entries.flatten().for_each(|entry| collect(&entry.path(), files));
    }
}
