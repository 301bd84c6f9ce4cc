//! The folder of a structure: its name, and the lock that one handle at a time holds.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::engine::sync_folder;
use super::error::At;
use super::journal::is_journal;
use super::{Error, Result};

const LOCK: &str = "lock";
/// What the superblock is called while the rest of its structure is being removed.
const GONE: &str = "superblock.gone";
/// How long a lock that is being given up is waited for.
const PATIENCE: Duration = Duration::from_millis(500);
/// Who holds a lock, if this process does.
pub(crate) const HERE: &str = "another handle of this process";
/// The longest folder name that every common file system takes.
const LONGEST: usize = 240;

/// Where a structure lives when nothing else is said.
pub(crate) fn default_location() -> Result<PathBuf> {
    let folders = directories::BaseDirs::new().ok_or(Error::NoDataFolder)?;
    Ok(folders.data_dir().join("speedup"))
}

/// The folder name of a structure.
///
/// Different names give different folders, on file systems that fold case too: everything but lower-case letters, digits, `-` and `_`
/// is written as `%` and two hexadecimal digits a byte.
pub(crate) fn folder_name(name: &str) -> Result<String> {
    let mut out = String::with_capacity(name.len() + 8);
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => out.push(byte.into()),
            _ => out.push_str(&format!("%{byte:02x}")),
        }
    }
    if out.len() > LONGEST {
        return Err(Error::Name { name: name.to_owned(), size: out.len(), limit: LONGEST });
    }
    // The suffix makes a name of the empty one, too.
    out.push_str(".speedup");
    Ok(out)
}

/// The name of the structure in a folder of this name, if it is one that [`folder_name`] makes.
pub(crate) fn name_of(folder: &str) -> Option<String> {
    let mut bytes = folder.strip_suffix(".speedup")?.bytes();
    let mut name = Vec::new();
    while let Some(byte) = bytes.next() {
        name.push(match byte {
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                u8::from_str_radix(str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    let name = String::from_utf8(name).ok()?;
    folder_name(&name).is_ok_and(|made| made == folder).then_some(name)
}

/// A hold on a folder, given up when dropped.
///
/// The folder itself is locked as well as a file in it, so that neither a lock file that somebody deletes nor a file system that
/// locks no folders lets a second one in.
#[derive(Debug)]
pub(crate) struct Lock {
    file: Option<File>,
    folder: Option<File>,
}

impl Lock {
    /// Takes the lock, or says who holds it.
    pub(crate) fn take(folder: &Path) -> Result<Self> {
        let mut lock = Lock { file: None, folder: open_folder(folder) };
        lock.take_folder(folder, File::try_lock)?;
        let path = folder.join(LOCK);
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).at(&path)?;
        take(&file, File::try_lock).map_err(|error| refusal(error, folder, &path))?;
        // On a full disk the number of the process may find no room; it is only told to others.
        let _untold = file.set_len(0).and_then(|()| file.seek(SeekFrom::Start(0)));
        let _untold = write!(file, "{}", std::process::id());
        lock.file = Some(file);
        Ok(lock)
    }

    /// Takes the lock together with others that read, or says who has it alone; writes nothing.
    pub(crate) fn share(folder: &Path) -> Result<Self> {
        let mut lock = Lock { file: None, folder: open_folder(folder) };
        lock.take_folder(folder, File::try_lock_shared)?;
        let path = folder.join(LOCK);
        if let Ok(file) = File::open(&path) {
            take(&file, File::try_lock_shared).map_err(|error| refusal(error, folder, &path))?;
            lock.file = Some(file);
        }
        Ok(lock)
    }

    fn take_folder(&mut self, folder: &Path, try_lock: TryLock) -> Result<()> {
        match self.folder.as_ref().map(|file| take(file, try_lock)) {
            Some(Err(TryLockError::WouldBlock)) => {
                self.folder = None;
                Err(refusal(TryLockError::WouldBlock, folder, folder))
            }
            // Some file systems lock no folders.
            _ => Ok(()),
        }
    }

    /// Refuses if the folder at `path` is no longer the one that is held.
    pub(crate) fn check(&self, path: &Path) -> Result<()> {
        #[cfg(unix)]
        if let Some(held) = &self.folder {
            use std::os::unix::fs::MetadataExt;
            let held = held.metadata().at(path)?;
            let there = fs::metadata(path);
            if !there.is_ok_and(|there| (there.dev(), there.ino()) == (held.dev(), held.ino())) {
                return Err(Error::Replaced { path: path.to_path_buf() });
            }
        }
        // Elsewhere a folder with open files in it stays where it is.
        let _ = path;
        Ok(())
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // By name, for a forked process may share the open files and keep them.
        for file in [&self.file, &self.folder].into_iter().flatten() {
            let _given_up = file.unlock();
        }
    }
}

/// The folder as a file, where there is such a thing.
fn open_folder(folder: &Path) -> Option<File> {
    if cfg!(unix) { File::open(folder).ok() } else { None }
}

fn refusal(error: TryLockError, folder: &Path, path: &Path) -> Error {
    match error {
        TryLockError::WouldBlock => {
            // On some systems a locked file cannot be read; the error is useful without the number, too.
            let holder = fs::read_to_string(folder.join(LOCK)).unwrap_or_default();
            Error::InUse { path: folder.to_path_buf(), holder: describe(holder.trim()) }
        }
        TryLockError::Error(error) => Error::io(path, error),
    }
}

/// How a lock is taken: for one, or for many that read.
type TryLock = fn(&File) -> std::result::Result<(), TryLockError>;

/// Takes a lock, also one that is just being given up: by a process that was killed, or by one of this process that another
/// thread has taken along into a child for a moment.
fn take(file: &File, try_lock: TryLock) -> std::result::Result<(), TryLockError> {
    let start = Instant::now();
    loop {
        match try_lock(file) {
            Err(TryLockError::WouldBlock) if start.elapsed() < PATIENCE => std::thread::sleep(PATIENCE / 100),
            result => return result,
        }
    }
}

fn describe(holder: &str) -> String {
    match holder.parse::<u32>() {
        Ok(number) if number == std::process::id() => HERE.to_owned(),
        Ok(number) => format!("process {number}"),
        Err(_) => "another process".to_owned(),
    }
}

/// The page file of a generation.
pub(crate) fn pages(folder: &Path, generation: u64) -> PathBuf {
    folder.join(format!("pages.{generation}"))
}

/// The directory (a sled folder) of a generation.
pub(crate) fn directory(folder: &Path, generation: u64) -> PathBuf {
    folder.join(format!("directory.{generation}"))
}

/// The spare of a generation.
pub(crate) fn spare(folder: &Path, generation: u64) -> PathBuf {
    folder.join(format!("spare.{generation}"))
}

/// The numbers of the files or folders called `stem` and a number, in ascending order.
pub(crate) fn numbers(folder: &Path, stem: &str) -> Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder).at(folder)? {
        let name = entry.at(folder)?.file_name();
        let name = name.to_string_lossy();
        let number = name.strip_prefix(stem).and_then(|rest| rest.strip_prefix('.'));
        numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Makes a folder and those it lies in, durably.
pub(crate) fn make(folder: &Path) -> Result<()> {
    let made: Vec<&Path> = folder.ancestors().take_while(|path| !path.exists()).collect();
    fs::create_dir_all(folder).at(folder)?;
    made.into_iter().try_for_each(sync_name)
}

/// Makes the name of a folder durable.
pub(crate) fn sync_name(folder: &Path) -> Result<()> {
    let parent = match folder.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return Ok(()),
    };
    match sync_folder(parent) {
        // A folder in which one may make others, but which one may not read, cannot be synced.
        Err(Error::Permission { .. }) => Ok(()),
        result => result,
    }
}

/// Removes what a crash left behind: generations, journals and files that the superblock does not name.
///
/// A crash leaves those just before or just after the ones that count, or the first of a new structure; whatever else has such a
/// name is somebody else's.
pub(crate) fn clean(folder: &Path, generation: Option<u64>, journal: Option<u64>) -> Result<()> {
    let is_stale = |number: u64, counts: Option<u64>| match counts {
        Some(counts) => number.abs_diff(counts) == 1,
        None => number == 0,
    };
    for entry in fs::read_dir(folder).at(folder)? {
        let entry = entry.at(folder)?;
        let (name, path) = (entry.file_name(), entry.path());
        let name = name.to_string_lossy();
        let stale = match name.split_once('.').map(|(stem, number)| (stem, number.parse::<u64>().ok())) {
            Some(("pages" | "directory" | "spare", Some(number))) => is_stale(number, generation),
            Some(("journal", Some(number))) => is_stale(number, journal) && is_journal(&path, number),
            _ => ["superblock.new", "spare.new", "sort.tmp"].contains(&&*name),
        };
        if stale && path.is_dir() {
            fs::remove_dir_all(&path).at(&path)?;
        } else if stale {
            fs::remove_file(&path).at(&path)?;
        }
    }
    Ok(())
}

/// Whether somebody was killed who removed the structure in a folder.
pub(crate) fn is_going(folder: &Path) -> Result<bool> {
    let there = |name: &str| folder.join(name).try_exists().at(folder);
    Ok(there(GONE)? && !there("superblock")?)
}

/// Removes what is left of a structure whose removal was begun.
pub(crate) fn end_removal(folder: &Path) -> Result<()> {
    if is_going(folder)? { remove_all(folder) } else { Ok(()) }
}

/// Removes every file of a structure. First the superblock gets another name, under which it goes last: whoever finds it there after a kill goes on.
pub(crate) fn remove_all(folder: &Path) -> Result<()> {
    match fs::rename(folder.join("superblock"), folder.join(GONE)) {
        Ok(()) => sync_folder(folder)?,
        // One that has lost it is removed, too.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(Error::io(folder, error)),
    }
    let mut ours = Vec::new();
    for entry in fs::read_dir(folder).at(folder)? {
        let entry = entry.at(folder)?;
        let (name, path) = (entry.file_name(), entry.path());
        let name = name.to_string_lossy();
        let is_ours = match name.split_once('.').map(|(stem, number)| (stem, number.parse::<u64>().ok())) {
            Some(("pages" | "directory" | "spare", Some(_))) => true,
            Some(("journal", Some(number))) => is_journal(&path, number),
            _ => OTHERS.contains(&&*name),
        };
        if is_ours {
            ours.push((name == GONE, path));
        }
    }
    ours.sort_unstable();
    ours.iter().try_for_each(|(_, path)| {
        if path.is_dir() { fs::remove_dir_all(path).at(path) } else { fs::remove_file(path).at(path) }
    })
}

/// The files of a structure whose names bear no number.
const OTHERS: [&str; 7] = [GONE, "superblock.new", "spare.new", "sort.tmp", "types", "types.new", LOCK];

/// Whether a folder without a superblock holds data, so that it is damaged rather than new.
pub(crate) fn holds_data(folder: &Path) -> Result<bool> {
    for entry in fs::read_dir(folder).at(folder)? {
        let entry = entry.at(folder)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let len = entry.metadata().at(&entry.path())?.len();
        // A structure is made in the order directory, pages, journal, superblock; a crash on the way leaves no pages.
        if (name.starts_with("pages.") && len > 0) || (name.starts_with("journal.") && len > 64) {
            return Ok(true);
        }
    }
    Ok(false)
}
