//! A log of results: a file to which records are appended, and an index of the last one of each key.
//!
//! One process writes, the one that holds the lock; others read what was there when they opened it. What is written is seen at once, and survives
//! the end of the process in any way; [`Log::sync`] makes it survive a power cut, too.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime},
};

use super::batch::Batch;
use super::blocks::Blocks;
use super::index::{Expiring, Index, Place, note, number};
use super::positioned;
use super::record::{self, Found, Kind, Record};
use super::scan::{Scan, scan};
use crate::clock;
use crate::disk::Process;

/// Where the records lie.
const NAME: &str = "results";
const NEW: &str = "results.new";
const DAMAGED: &str = "results.damaged";
const LOCK: &str = "lock";
/// So often a folder is made again that somebody has deleted meanwhile.
const TRIES: usize = 3;
/// So long somebody is waited for who deletes old results.
const DELETES: Duration = Duration::from_secs(1);
/// A log is not worth writing anew for less garbage than this.
const LITTLE: u64 = 1 << 20;

/// In which way a log was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Writes,
    /// Somebody else writes.
    Reads,
    /// What was there was damaged and set aside.
    BegunAnew,
}

pub(super) struct Log {
    folder: PathBuf,
    head: Vec<u8>,
    mode: Mode,
    /// The lock, held while this is; no lock while reading only.
    _lock: Option<File>,
    /// The process that opened it: a fork shares the lock, and must not write.
    process: Process,
    /// The most bytes that the log may take; beyond, the oldest results go.
    capacity: u64,
    /// The most results that are kept. `Relaxed`: the next append sees it.
    most: AtomicUsize,
    view: RwLock<View>,
    blocks: Blocks,
    /// Held by the one who appends.
    writer: Mutex<Writer>,
}

/// What readers need.
struct View {
    file: Arc<File>,
    /// Another one for each file.
    number: u64,
    /// Where its last whole record ends.
    end: u64,
    index: Index,
}

struct Writer {
    /// Where the next record goes.
    end: u64,
    /// How many bytes before that are records nobody needs any more: at least so many, where some were replaced before their time was over.
    garbage: u64,
    expiring: Expiring,
}

/// Milliseconds since 1970.
pub(super) fn now() -> u64 {
    clock::since_1970()
}

fn poisoned<T>(guard: Result<T, PoisonError<T>>) -> T {
    // What is changed under a lock is changed in one step.
    guard.unwrap_or_else(PoisonError::into_inner)
}

impl Log {
    /// Opens the log in this folder, or makes it. What cannot be read is set aside.
    pub(super) fn open(folder: &Path, identity: &str, capacity: u64) -> io::Result<Log> {
        let mut tries = 0;
        loop {
            match Self::try_open(folder, identity, capacity) {
                // Another process cleans up, and has just deleted the folder.
                Err(error) if error.kind() == ErrorKind::NotFound && tries < TRIES => tries += 1,
                other => return other,
            }
        }
    }

    fn try_open(folder: &Path, identity: &str, capacity: u64) -> io::Result<Log> {
        fs::create_dir_all(folder)?;
        let process = Process::current();
        let lock = lock_to_write(&folder.join(LOCK))?;
        // Who cleans up goes by it. Where it cannot be noted, these look older than they are.
        drop(File::options().write(true).open(folder.join(LOCK)).and_then(|lock| lock.set_modified(SystemTime::now())));
        let path = folder.join(NAME);
        let head = record::head(identity);
        let mut mode = if lock.is_some() { Mode::Writes } else { Mode::Reads };
        if lock.is_some() {
            drop(fs::remove_file(folder.join(NEW)));
        }
        // Who only reads makes it, too, where the other has not come to that: it is scanned and read as one file, whatever takes its place.
        let mut file = open_file(&path)?;
        let mut scanned = scan(&file, &head, now())?;
        if lock.is_some() {
            if scanned.is_damaged {
                fs::rename(&path, folder.join(DAMAGED))?;
                mode = Mode::BegunAnew;
                (file, scanned) = (open_file(&path)?, Scan::default());
            }
            if scanned.end == 0 {
                positioned::write_all_at(&file, &head, 0)?;
                scanned.end = head.len() as u64;
            }
            // What a crash has left behind the last whole record.
            file.set_len(scanned.end)?;
        }
        let Scan { index, end, garbage, expiring, .. } = scanned;
        let view = View { file: Arc::new(file), number: 0, end, index };
        let writer = Writer { end, garbage, expiring };
        Ok(Log {
            folder: folder.to_owned(),
            head,
            mode,
            _lock: lock,
            process,
            capacity,
            most: AtomicUsize::new(usize::MAX),
            view: RwLock::new(view),
            blocks: Blocks::new(),
            writer: Mutex::new(writer),
        })
    }

    pub(super) fn mode(&self) -> Mode {
        self.mode
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps at most so many results from the next one on; beyond, the oldest quarter goes.
    pub(super) fn bound(&self, most: usize) {
        self.most.fetch_min(most.max(1), Ordering::Relaxed);
    }

    /// What `read` makes of the value of a key whose time is not over, and of the end of that time, or 0. `bytes` are the key; the record is read to the end of them.
    pub(super) fn get<T>(&self, bytes: &mut Vec<u8>, read: impl FnOnce(&[u8], u64) -> T) -> io::Result<Option<T>> {
        let key = bytes.len();
        let number = number(bytes);
        let missing = {
            let view = poisoned(self.view.read());
            let Some(place) = view.index.get(&number).copied() else { return Ok(None) };
            let is_there = self.blocks.find(view.number, place.at, place.len as usize, bytes);
            (!is_there).then(|| (Arc::clone(&view.file), view.number, view.end, place))
        };
        if let Some((file, of, end, place)) = missing {
            self.blocks.read((&file, of), end, place.at, place.len as usize, bytes)?;
        }
        let (key, record) = bytes.split_at(key);
        match record::read_whole(record) {
            Some(record) if record.key == key && is_alive(&record) => Ok(Some(read(record.value, record.end))),
            Some(_) => Ok(None),
            None => Err(io::Error::new(ErrorKind::InvalidData, "a record has changed")),
        }
    }

    /// Who may write now.
    fn writer(&self) -> Option<MutexGuard<'_, Writer>> {
        let may = self.mode != Mode::Reads && self.process.is_current();
        may.then(|| poisoned(self.writer.lock()))
    }

    /// Appends records. Those who only read do nothing.
    pub(super) fn append(&self, batch: &Batch<'_>) -> io::Result<()> {
        let Some(mut writer) = self.writer() else { return Ok(()) };
        let start = writer.end;
        {
            let view = poisoned(self.view.read());
            if let Err(error) = positioned::write_all_at(&view.file, batch.bytes(), start) {
                // A part of it may be there: the next write goes over it, and so does the next opening.
                drop(view.file.set_len(start));
                return Err(error);
            }
        }
        writer.end += batch.bytes().len() as u64;
        let mut view = poisoned(self.view.write());
        view.end = writer.end;
        for part in batch.parts() {
            let place = Place { at: start + part.at as u64, len: part.len };
            note(&mut view.index, part.kind, part.number, place, &mut writer.garbage);
            if part.kind == Kind::Clear {
                writer.garbage = place.at + u64::from(place.len) - self.head.len() as u64;
            }
            writer.expiring.add(part.end, part.len as usize);
        }
        self.forget_oldest(&mut view.index, &mut writer.garbage);
        drop(view);
        writer.garbage += writer.expiring.over(now);
        let is_full = writer.end > self.capacity;
        if is_full || (writer.garbage > LITTLE && writer.garbage > writer.end / 2) {
            // A full disk needs the room of what has been written of the new one.
            self.rewrite(&mut writer).inspect_err(|_| drop(fs::remove_file(self.folder.join(NEW))))?;
        }
        Ok(())
    }

    /// Forgets the oldest quarter of too many results. In the file they are garbage, and may be found again by the next run.
    fn forget_oldest(&self, index: &mut Index, garbage: &mut u64) {
        let most = self.most.load(Ordering::Relaxed);
        let Some(surplus) = index.len().checked_sub(most).filter(|surplus| *surplus > 0) else { return };
        let mut places: Vec<(u64, u64, u32)> =
            index.iter().map(|(number, place)| (place.at, *number, place.len)).collect();
        let count = (surplus + most / 4).min(places.len() - 1);
        places.select_nth_unstable(count);
        for (_, number, len) in &places[..count] {
            index.remove(number);
            *garbage += u64::from(*len);
        }
    }

    /// Writes a log that holds what is needed alone; where that is too much, the newest three quarters of what may be.
    fn rewrite(&self, writer: &mut Writer) -> io::Result<()> {
        let (old, mut places) = {
            let view = poisoned(self.view.read());
            (Arc::clone(&view.file), view.index.iter().map(|(number, place)| (*number, *place)).collect::<Vec<_>>())
        };
        places.sort_unstable_by_key(|(_, place)| place.at);
        let room = self.capacity / 4 * 3;
        let mut first = places.len();
        let mut size = self.head.len() as u64;
        while first > 0 && size + u64::from(places[first - 1].1.len) <= room {
            first -= 1;
            size += u64::from(places[first].1.len);
        }
        let path = self.folder.join(NEW);
        let new = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path)?;
        let (mut index, mut expiring) = (Index::default(), Expiring::default());
        let mut bytes = self.head.clone();
        let mut end = 0;
        for (number, place) in places.drain(first..) {
            let record = read_at(&old, place)?;
            // What is over or damaged is left behind.
            match record::read(&record) {
                Found::Record(found, len) if is_alive(&found) => expiring.add(found.end, len),
                _ => continue,
            }
            index.insert(number, Place { at: end + bytes.len() as u64, len: place.len });
            bytes.extend(record);
            if bytes.len() > 1 << 20 {
                positioned::write_all_at(&new, &bytes, end)?;
                end += bytes.len() as u64;
                bytes.clear();
            }
        }
        positioned::write_all_at(&new, &bytes, end)?;
        end += bytes.len() as u64;
        new.sync_data()?;
        fs::rename(&path, self.folder.join(NAME))?;
        let mut view = poisoned(self.view.write());
        *view = View { file: Arc::new(new), number: view.number + 1, end, index };
        drop(view);
        *writer = Writer { end, garbage: 0, expiring };
        Ok(())
    }

    /// Makes what was appended survive a power cut.
    pub(super) fn sync(&self) -> io::Result<()> {
        let Some(_writer) = self.writer() else { return Ok(()) };
        let file = Arc::clone(&poisoned(self.view.read()).file);
        file.sync_data()
    }

    /// All records that count, until `each` returns false.
    pub(super) fn entries(&self, each: &mut dyn FnMut(&Record<'_>) -> bool) -> io::Result<()> {
        let (file, mut places) = {
            let view = poisoned(self.view.read());
            (Arc::clone(&view.file), view.index.values().copied().collect::<Vec<_>>())
        };
        places.sort_unstable_by_key(|place| place.at);
        for place in places {
            let bytes = read_at(&file, place)?;
            if let Found::Record(record, _) = record::read(&bytes)
                && is_alive(&record)
                && !each(&record)
            {
                break;
            }
        }
        Ok(())
    }
}

fn is_alive(record: &Record<'_>) -> bool {
    // Most live for ever, and no clock is read for them.
    record.end == 0 || record.is_alive(now())
}

fn read_at(file: &File, place: Place) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; place.len as usize];
    positioned::read_exact_at(file, &mut bytes, place.at)?;
    Ok(bytes)
}

fn open_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

/// The lock of one who writes; `None` if another one does.
fn lock_to_write(path: &Path) -> io::Result<Option<File>> {
    let began = Instant::now();
    loop {
        let file = open_file(path)?;
        match file.try_lock() {
            Ok(()) => return if_at(file, path),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) => {}
        }
        // Who deletes has it for a moment, and so has who looks like this: both share it. Who writes does not.
        match file.try_lock_shared() {
            Ok(()) if began.elapsed() < DELETES => {}
            Ok(()) | Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        drop(file);
        thread::sleep(Duration::from_millis(1));
    }
}

/// The lock of one who deletes, shared with others who do; `None` if anybody writes.
pub(super) fn lock_to_delete(path: &Path) -> io::Result<Option<File>> {
    let file = open_file(path)?;
    match file.try_lock_shared() {
        Ok(()) => if_at(file, path),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// The lock, if it still lies there: who deleted may have taken it away before it was free, and then it is the lock of nothing.
fn if_at(file: File, path: &Path) -> io::Result<Option<File>> {
    if is_same(&file.metadata()?, &fs::metadata(path)?) { Ok(Some(file)) } else { Err(ErrorKind::NotFound.into()) }
}

#[cfg(unix)]
fn is_same(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// There files that are open can be deleted, too, and have no number that could be asked for: two of them are not made and used at the same moment.
#[cfg(not(unix))]
fn is_same(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    let times = |data: &fs::Metadata| (data.created().ok(), data.modified().ok());
    times(one) == times(other)
}
