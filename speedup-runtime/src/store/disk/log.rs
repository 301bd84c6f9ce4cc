//! A log of results: a file to which records are appended, and an index of the last one of each key.
//!
//! One process writes, the one that holds the lock; others read what was there when they opened it. What is written is seen at once, and survives
//! the end of the process in any way; [`Log::sync`] makes it survive a power cut, too.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, BufReader, ErrorKind, Read},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use super::blocks::Blocks;
use super::positioned;
use super::record::{self, Found, Kind, PREFIX, Record};
use crate::clock;
use crate::disk::Process;

/// Where the records lie.
const NAME: &str = "results";
const NEW: &str = "results.new";
const DAMAGED: &str = "results.damaged";
const LOCK: &str = "lock";
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

/// Where the record of a key lies, by the key's number.
#[derive(Clone, Copy)]
struct Place {
    at: u64,
    len: u32,
}

struct Writer {
    /// Where the next record goes.
    end: u64,
    /// How many bytes before that are records nobody needs any more.
    garbage: u64,
}

/// Milliseconds since 1970.
pub(super) fn now() -> u64 {
    clock::since_1970()
}

/// The number of a key in the index. Two keys of one number: the later one counts, and each is verified when it is read.
fn number(key: &[u8]) -> u64 {
    use std::hash::{BuildHasher, Hasher};
    let mut hasher = foldhash::fast::FixedState::default().build_hasher();
    hasher.write(key);
    hasher.finish()
}

fn poisoned<T>(guard: Result<T, PoisonError<T>>) -> T {
    // What is changed under a lock is changed in one step.
    guard.unwrap_or_else(PoisonError::into_inner)
}

impl Log {
    /// Opens the log in this folder, or makes it. What cannot be read is set aside.
    pub(super) fn open(folder: &Path, identity: &str, capacity: u64) -> io::Result<Log> {
        fs::create_dir_all(folder)?;
        let process = Process::current();
        let lock = take_lock(&folder.join(LOCK))?;
        let path = folder.join(NAME);
        let head = record::head(identity);
        let mut mode = if lock.is_some() { Mode::Writes } else { Mode::Reads };
        if lock.is_some() {
            drop(fs::remove_file(folder.join(NEW)));
        }
        let mut scanned = scan(&path, &head)?;
        if scanned.is_damaged && lock.is_some() {
            fs::rename(&path, folder.join(DAMAGED))?;
            mode = Mode::BegunAnew;
            scanned = Scan::default();
        }
        let Scan { index, mut end, garbage, .. } = scanned;
        let file = if lock.is_some() {
            let file = open_file(&path)?;
            if end == 0 {
                positioned::write_all_at(&file, &head, 0)?;
                end = head.len() as u64;
            }
            // What a crash has left behind the last whole record.
            file.set_len(end)?;
            file
        } else if path.exists() {
            File::open(&path)?
        } else {
            // Whoever has the lock is about to make it; nothing is read of this one.
            File::open(folder.join(LOCK))?
        };
        let view = View { file: Arc::new(file), number: 0, end, index };
        let writer = Writer { end, garbage };
        Ok(Log {
            folder: folder.to_owned(),
            head,
            mode,
            _lock: lock,
            process,
            capacity,
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

    /// The value of a key whose time is not over.
    pub(super) fn get(&self, key: &[u8]) -> io::Result<Option<Vec<u8>>> {
        Ok(self.get_with_end(key)?.map(|(value, _)| value))
    }

    /// The same, with the end of its time, or 0.
    pub(super) fn get_with_end(&self, key: &[u8]) -> io::Result<Option<(Vec<u8>, u64)>> {
        let (file, of, end, place) = {
            let view = poisoned(self.view.read());
            let Some(place) = view.index.get(&number(key)).copied() else { return Ok(None) };
            (Arc::clone(&view.file), view.number, view.end, place)
        };
        let bytes = self.blocks.read((&file, of), end, place.at, place.len as usize)?;
        match record::read(&bytes) {
            Found::Record(record, _) => {
                Ok((record.key == key && is_alive(&record)).then(|| (record.value.to_vec(), record.end)))
            }
            Found::Cut | Found::Damage => Err(io::Error::new(ErrorKind::InvalidData, "a record has changed")),
        }
    }

    /// Who may write now.
    fn writer(&self) -> Option<MutexGuard<'_, Writer>> {
        let may = self.mode != Mode::Reads && self.process.is_current();
        may.then(|| poisoned(self.writer.lock()))
    }

    /// Appends records; keys that are too long are passed over. Those who only read do nothing.
    pub(super) fn append<'a>(&self, records: impl Iterator<Item = Record<'a>>) -> io::Result<()> {
        let Some(mut writer) = self.writer() else { return Ok(()) };
        let mut bytes = Vec::new();
        let mut places = Vec::new();
        for record in records {
            let at = bytes.len();
            if record.append(&mut bytes) {
                let place = Place { at: writer.end + at as u64, len: (bytes.len() - at) as u32 };
                places.push((record.kind, number(record.key), place));
            }
        }
        {
            let view = poisoned(self.view.read());
            if let Err(error) = positioned::write_all_at(&view.file, &bytes, writer.end) {
                // A part of it may be there: the next write goes over it, and so does the next opening.
                drop(view.file.set_len(writer.end));
                return Err(error);
            }
        }
        writer.end += bytes.len() as u64;
        let mut view = poisoned(self.view.write());
        view.end = writer.end;
        for (kind, number, place) in places {
            note(&mut view.index, kind, number, place, &mut writer.garbage);
            if kind == Kind::Clear {
                writer.garbage = place.at + u64::from(place.len) - self.head.len() as u64;
            }
        }
        drop(view);
        let is_full = writer.end > self.capacity;
        if is_full || (writer.garbage > LITTLE && writer.garbage > writer.end / 2) {
            self.rewrite(&mut writer)?;
        }
        Ok(())
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
        let mut index = Index::default();
        let mut bytes = self.head.clone();
        let mut end = 0;
        for (number, place) in places.drain(first..) {
            let record = read_at(&old, place)?;
            // What is over or damaged is left behind.
            if !matches!(record::read(&record), Found::Record(found, _) if is_alive(&found)) {
                continue;
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
        *writer = Writer { end, garbage: 0 };
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
    record.end == 0 || record.end > now()
}

fn read_at(file: &File, place: Place) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; place.len as usize];
    positioned::read_exact_at(file, &mut bytes, place.at)?;
    Ok(bytes)
}

fn open_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

/// The lock, unless somebody else has it. The file tells when it was last asked for.
pub(super) fn take_lock(path: &Path) -> io::Result<Option<File>> {
    let file = open_file(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

type Index = HashMap<u64, Place, foldhash::fast::FixedState>;

/// What lies in a file.
#[derive(Default)]
struct Scan {
    index: Index,
    /// Where the last whole record ends; 0 where there is not even a head.
    end: u64,
    garbage: u64,
    /// Something follows that was not written here.
    is_damaged: bool,
}

/// Reads a log from its beginning. One that is cut ends before its last record.
fn scan(path: &Path, head: &[u8]) -> io::Result<Scan> {
    let mut scan = Scan::default();
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(scan),
        Err(error) => return Err(error),
    };
    let mut input = BufReader::with_capacity(1 << 18, file);
    let mut bytes = vec![0; head.len()];
    let read = fill(&mut input, &mut bytes)?;
    if bytes[..read] != *head {
        // A crash while it was made: nothing is lost.
        scan.is_damaged = !head.starts_with(&bytes[..read]) && !is_empty(&bytes[..read], &mut input)?;
        return Ok(scan);
    }
    scan.end = head.len() as u64;
    loop {
        let mut prefix = [0; PREFIX];
        let read = fill(&mut input, &mut prefix)?;
        if read < PREFIX {
            return Ok(scan);
        }
        let Some(len) = record::length(&prefix) else {
            scan.is_damaged = !is_empty(&prefix, &mut input)?;
            return Ok(scan);
        };
        bytes.clear();
        bytes.extend(prefix);
        input.by_ref().take(len as u64).read_to_end(&mut bytes)?;
        match record::read(&bytes) {
            Found::Record(record, len) => scan.note(record.kind, number(record.key), len, head.len() as u64),
            Found::Cut => return Ok(scan),
            Found::Damage => {
                scan.is_damaged = true;
                return Ok(scan);
            }
        }
    }
}

impl Scan {
    fn note(&mut self, kind: Kind, number: u64, len: usize, head: u64) {
        let place = Place { at: self.end, len: len as u32 };
        self.end += len as u64;
        note(&mut self.index, kind, number, place, &mut self.garbage);
        if kind == Kind::Clear {
            self.garbage = self.end - head;
        }
    }
}

/// What a record does to the index.
fn note(index: &mut Index, kind: Kind, number: u64, place: Place, garbage: &mut u64) {
    let old = match kind {
        Kind::Put => index.insert(number, place),
        Kind::Remove => {
            *garbage += u64::from(place.len);
            index.remove(&number)
        }
        Kind::Clear => {
            index.clear();
            None
        }
    };
    *garbage += old.map_or(0, |old| u64::from(old.len));
}

/// Whether nothing but zeros is there and follows: what a power cut may leave of a file that was growing.
fn is_empty(found: &[u8], rest: &mut impl Read) -> io::Result<bool> {
    let mut block = [0; 4096];
    let mut only_zeros = found.iter().all(|byte| *byte == 0);
    while only_zeros {
        let read = fill(rest, &mut block)?;
        if read == 0 {
            break;
        }
        only_zeros = block[..read].iter().all(|byte| *byte == 0);
    }
    Ok(only_zeros)
}

/// Reads until the bytes are full or the input ends. Returns how many were read.
fn fill(input: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while read < bytes.len() {
        match input.read(&mut bytes[read..]) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}
