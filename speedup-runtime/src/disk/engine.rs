//! The engine under the directory: a small ordered store with atomic, durable batches.
//!
//! sled 0.34.7 stands behind a trait, because it needs guarding: every call is caught if it panics, a left-over of a kill
//! while opening is removed, and its `flush` is followed by an fsync of our own.

use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::error::At;
use super::process::{self, Process};
use super::{Error, Result};
use crate::sync::global::{AtomicU64, AtomicUsize, Mutex, Ordering, lock};

/// One change of a batch: a key and its new value, or `None` to remove it.
pub(crate) type Change = (Vec<u8>, Option<Vec<u8>>);

/// What the directory asks of an engine.
pub(crate) trait Engine: Send {
    /// The value of a key.
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// Turns to another source because what `get` returned was wrong; false if there is none.
    fn turn(&mut self) -> Result<bool> {
        Ok(false)
    }

    /// What writes commits, while others go on reading.
    fn writer(&mut self) -> Result<Writer>;

    /// Commit number `epoch` is written.
    fn committed(&mut self, _epoch: u64) {}
}

/// What writes commits of a store that is open.
pub(crate) struct Writer {
    db: sled::Db,
    folder: PathBuf,
}

impl Writer {
    /// Applies all changes or none; when it returns they survive a power cut.
    pub(crate) fn commit(self, changes: impl Iterator<Item = Change>) -> Result<()> {
        let mut batch = sled::Batch::default();
        for (key, value) in changes {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        guard(&self.folder, || self.db.apply_batch(batch))?;
        guard(&self.folder, || self.db.flush())?;
        sync_all(&self.folder)
    }
}

/// sled, in a folder of its own.
pub(crate) struct Sled {
    db: sled::Db,
    folder: PathBuf,
}

/// How long a lock that is being released is waited for.
const PATIENCE: Duration = Duration::from_secs(1);
/// What sled may keep of its pages; the directory has a cache of its own above.
const CACHE: u64 = 1 << 20;

impl Sled {
    /// Makes a new store; the folder must not exist.
    pub(crate) fn create(folder: &Path) -> Result<Self> {
        fs::create_dir(folder).at(folder)?;
        Self::start(folder)
    }

    /// Says what is missing for a store to be there.
    pub(crate) fn check(folder: &Path) -> Result<()> {
        let missing = ["db", "conf"].into_iter().find(|needed| !folder.join(needed).is_file());
        missing.map_or(Ok(()), |needed| Err(Error::damaged(folder, format!("the file {needed} is missing"))))
    }

    /// Opens a store that exists; an empty one is never made in its place.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        Self::check(folder)?;
        for entry in fs::read_dir(folder).at(folder)? {
            let entry = entry.at(folder)?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            // A kill while sled writes a snapshot leaves this file, and every later open would then fail.
            if name.starts_with("snap.") && name.ends_with(".generating") {
                fs::remove_file(entry.path()).at(&entry.path())?;
            }
        }
        Self::start(folder)
    }

    fn start(folder: &Path) -> Result<Self> {
        prepare(folder)?;
        let start = Instant::now();
        loop {
            let config = sled::Config::new().path(folder).cache_capacity(CACHE).flush_every_ms(None);
            match guard(folder, || config.open()) {
                Ok(db) => {
                    OPEN.fetch_add(1, Ordering::Relaxed);
                    return Ok(Sled { db, folder: folder.to_path_buf() });
                }
                // sled releases its lock on a thread of its own, a moment after the handle is dropped.
                Err(Error::Io { .. }) if start.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(5)),
                // What sled says of a lock that somebody has.
                Err(Error::Io { path, source }) if source.to_string().starts_with("could not acquire lock") => {
                    return Err(Error::InUse { path, holder: "another process".into() });
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// How many stores are open in this process; only to see when they are many.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// How many stores are open in this process.
pub(crate) fn open_stores() -> usize {
    OPEN.load(Ordering::Relaxed)
}

impl Drop for Sled {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
        if process::has_forked() {
            // sled's lock ends with its file, which a forked process may keep open.
            process::unlock_below(&self.folder);
        }
    }
}

/// How many threads sled starts when it is first used in a process.
const THREADS: usize = 7;
/// The process in which sled was first used: one more than its forks, or 0.
static USED_IN: AtomicU64 = AtomicU64::new(0);

/// Sees to what sled takes for granted: that its threads can be had, and that those it has were not lost by a fork. It would wait for them
/// for ever.
fn prepare(folder: &Path) -> Result<()> {
    let here = Process::current().forks + 1;
    // Relaxed: it guards no memory; two threads may both probe.
    match USED_IN.load(Ordering::Relaxed) {
        0 => probe().map_err(|_| Error::NoThread { path: folder.to_path_buf() })?,
        used if used == here => return Ok(()),
        _ => return Err(Error::AfterFork { path: folder.to_path_buf() }),
    }
    USED_IN.store(here, Ordering::Relaxed);
    Ok(())
}

/// Whether as many threads as sled needs can run at the same time.
fn probe() -> std::io::Result<()> {
    let gate = Mutex::new(());
    let closed = lock(&gate);
    std::thread::scope(|scope| {
        let wait = || drop(lock(&gate));
        let started = (0..THREADS).try_for_each(|_| std::thread::Builder::new().spawn_scoped(scope, wait).map(drop));
        drop(closed);
        started
    })
}

/// Syncs the files of a folder and the folder itself.
pub(crate) fn sync_all(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).at(folder)? {
        let path = entry.at(folder)?.path();
        if path.is_file() {
            match File::open(&path) {
                Ok(file) => file.sync_all().at(&path)?,
                // sled replaces its snapshots on a thread of its own.
                Err(gone) if gone.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::io(&path, error)),
            }
        }
    }
    sync_folder(folder)
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    if cfg!(unix) { File::open(folder).and_then(|file| file.sync_all()).at(folder) } else { Ok(()) }
}

/// Calls sled, turning its panics and errors into ours.
fn guard<T>(folder: &Path, call: impl FnOnce() -> sled::Result<T>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(sled::Error::Io(source))) => Err(Error::io(folder, source)),
        Ok(Err(error)) => Err(Error::damaged(folder, format!("the directory cannot be read ({error})"))),
        Err(_) => Err(Error::damaged(folder, "the directory cannot be read")),
    }
}

impl Engine for Sled {
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let found = guard(&self.folder, || self.db.get(key))?;
        Ok(found.map(|bytes| bytes.to_vec()))
    }

    fn writer(&mut self) -> Result<Writer> {
        Ok(Writer { db: self.db.clone(), folder: self.folder.clone() })
    }
}
