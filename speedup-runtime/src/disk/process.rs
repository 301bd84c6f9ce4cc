//! What concerns the whole process: whether it is still the one that opened a structure, and what it does when it exits.

use std::any::Any;
use std::path::Path;

use super::behind::Behind;
use super::errands::Errands;
use crate::forks::{Forks, OfProcess};
use crate::sync::global::{AtomicBool, Mutex, Ordering, Weak};

static FORKS: Forks = Forks::new();
/// Whether this process was ever forked, or is a fork.
static FORKED: AtomicBool = AtomicBool::new(false);
/// What writes behind in this process; a child of a fork has none of the threads, and may have inherited held locks.
static BEHIND: OfProcess<Behind> = OfProcess::new();
/// What writes checkpoints in this process.
static ERRANDS: OfProcess<Errands> = OfProcess::new();
/// What tidies up the journals of folders: it waits for what writes checkpoints.
static TIDIERS: OfProcess<Errands> = OfProcess::new();
/// The journals of folders that are open in this process.
static COMMONS: OfProcess<Commons> = OfProcess::new();

/// Journals of folders, which are above this module.
pub(crate) type Commons = Mutex<Vec<Weak<dyn Any + Send + Sync>>>;

/// A process, as told apart from those it forks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    /// What [`Forks`] has counted in it.
    pub(crate) forks: u64,
    /// Its number, for messages.
    pub(crate) id: u32,
}

impl Process {
    /// The process this runs in.
    pub(crate) fn current() -> Self {
        Process { forks: FORKS.watch(hook), id: std::process::id() }
    }

    /// Whether this still runs in that process.
    #[inline]
    pub(crate) fn is_current(self) -> bool {
        self.forks == FORKS.count()
    }
}

/// Whether this process shares open files with a child or a parent.
pub(crate) fn has_forked() -> bool {
    FORKED.load(Ordering::Relaxed)
}

/// What writes behind in this process.
pub(crate) fn behind() -> &'static Behind {
    BEHIND.get_or(Box::default)
}

/// What writes checkpoints in this process.
pub(crate) fn errands() -> &'static Errands {
    ERRANDS.get_or(Box::default)
}

/// What tidies up the journals of folders in this process.
pub(crate) fn tidiers() -> &'static Errands {
    TIDIERS.get_or(Box::default)
}

/// The journals of folders that are open in this process.
pub(crate) fn commons() -> &'static Commons {
    COMMONS.get_or(Box::default)
}

#[cfg(unix)]
fn hook() {
    /// Only what a signal handler may do, too.
    extern "C" fn in_child() {
        FORKS.add();
        FORKED.store(true, Ordering::Relaxed);
        BEHIND.leave();
        ERRANDS.leave();
        TIDIERS.leave();
        COMMONS.leave();
    }
    extern "C" fn in_parent() {
        FORKED.store(true, Ordering::Relaxed);
    }
    extern "C" fn at_exit() {
        if let Some(behind) = BEHIND.there() {
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
