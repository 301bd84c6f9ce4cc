//! The spare: the superblock and the directory once more, in a plain file.
//!
//! Header (128 bytes): `magic: 8`, the superblock when the generation was made (96 bytes), `epoch: u64` (the commit it is as new as), `end: u64`
//! (how long the file is), `whole: u32` (how long it was when it was last written anew, in units of 4 KiB), `sum: u32` (CRC-32 of the rest). Then frames: `len: u32`, `sum: u32` (CRC-32 of the rest), and
//! entries of the directory: `key: u32`, `value: u32` (lengths; [`GONE`] for a key that was removed), the key, the value.
//!
//! Every batch of the directory is appended, its root last. When the file is longer than twice the directory, it is written anew.
//! It is synced at a checkpoint, so that a structure at rest is read from it without the engine.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::engine::{Change, Engine, Writer};
use super::error::At;
use super::superblock::{SIZE, Superblock};
use super::{Error, Result};

const MAGIC: &[u8; 8] = b"SPDSPAR1";
const HEADER: usize = 128;
const FRAME: usize = 8;
/// In place of the length of a value: there is none any more.
const GONE: u32 = u32::MAX;
/// How much is gathered into one frame.
const GATHER: usize = 64 << 10;
/// How much longer than the directory the file may always be.
const SLACK: u64 = 256 << 10;
/// What `whole` is counted in.
const UNIT: u64 = 4096;

/// The spare that is being written.
pub(crate) struct Spare {
    path: PathBuf,
    block: [u8; SIZE],
    /// Whether the file is known to be whole; otherwise the next commit writes it anew.
    sound: bool,
    end: u64,
    /// How long the file was when it was last written anew.
    whole: u64,
    /// Whether a kill came before the commit that the file was written for.
    ahead: bool,
}

fn header(block: &[u8; SIZE], epoch: u64, end: u64, whole: u64) -> [u8; HEADER] {
    let mut raw = [0; HEADER];
    raw[..8].copy_from_slice(MAGIC);
    raw[8..8 + SIZE].copy_from_slice(block);
    raw[104..112].copy_from_slice(&epoch.to_le_bytes());
    raw[112..120].copy_from_slice(&end.to_le_bytes());
    let units = u32::try_from(whole / UNIT).unwrap_or(u32::MAX);
    raw[120..124].copy_from_slice(&units.to_le_bytes());
    let sum = crc32fast::hash(&raw[..HEADER - 4]);
    raw[HEADER - 4..].copy_from_slice(&sum.to_le_bytes());
    raw
}

fn number(raw: &[u8], at: usize) -> u64 {
    raw.get(at..at + 8).map_or(0, |raw| u64::from_le_bytes(raw.try_into().unwrap_or_default()))
}

fn word(raw: &[u8], at: usize) -> u32 {
    raw.get(at..at + 4).map_or(0, |raw| u32::from_le_bytes(raw.try_into().unwrap_or_default()))
}

fn put(frame: &mut Vec<u8>, key: &[u8], value: Option<&[u8]>) {
    if frame.is_empty() {
        frame.resize(FRAME, 0);
    }
    frame.extend_from_slice(&(key.len() as u32).to_le_bytes());
    frame.extend_from_slice(&value.map_or(GONE, |value| value.len() as u32).to_le_bytes());
    frame.extend_from_slice(key);
    frame.extend_from_slice(value.unwrap_or_default());
}

/// Fills the front of a frame in.
fn seal(frame: &mut [u8]) {
    let len = frame.len() as u32;
    let sum = crc32fast::hash(&frame[FRAME..]);
    frame[..4].copy_from_slice(&len.to_le_bytes());
    frame[4..8].copy_from_slice(&sum.to_le_bytes());
}

impl Spare {
    /// The spare of a generation whose last commit is `epoch`; its file, if there is one, goes on only if it is as new.
    pub(crate) fn of(path: PathBuf, block: &Superblock, epoch: u64) -> Self {
        let mut spare = Spare { path, block: block.encode(), sound: false, end: 0, whole: 0, ahead: false };
        if let Ok(mut file) = File::open(&spare.path) {
            let mut raw = [0; HEADER];
            let read = file.read_exact(&mut raw).is_ok();
            let (end, len) = (number(&raw, 112), file.metadata().map_or(0, |about| about.len()));
            // The header holds the superblock of another day; what must agree is what it is about.
            let same = Superblock::decode(&raw[8..8 + SIZE]).is_ok_and(|found| found.identity == block.identity);
            let sound = crc32fast::hash(&raw[..HEADER - 4]) == word(&raw, HEADER - 4);
            if read && same && sound && raw[..8] == *MAGIC && end <= len {
                match number(&raw, 104).cmp(&epoch) {
                    Ordering::Equal => {
                        spare.block.copy_from_slice(&raw[8..8 + SIZE]);
                        (spare.sound, spare.end, spare.whole) = (true, end, u64::from(word(&raw, 120)) * UNIT);
                    }
                    Ordering::Greater => spare.ahead = true,
                    Ordering::Less => {}
                }
            }
        }
        spare
    }

    /// Whether the file tells of a commit that never was, so that it must be written anew before its slots are used again.
    pub(crate) fn is_ahead(&self) -> bool {
        self.ahead
    }

    /// Whether the next commit must write all of it, and not only what changed.
    pub(crate) fn is_due(&self) -> bool {
        !self.sound || self.end > 2 * self.whole + SLACK
    }

    /// The superblock that is written with the next commit.
    pub(crate) fn retype(&mut self, block: &Superblock) {
        self.block = block.encode();
    }

    /// Adds the changes of commit `epoch`.
    pub(crate) fn append(&mut self, epoch: u64, changes: &[Change]) -> Result<()> {
        if !self.sound {
            return Ok(());
        }
        // Should this fail half-way, the header still says how much counts.
        let mut file = OpenOptions::new().write(true).open(&self.path).at(&self.path)?;
        file.seek(SeekFrom::Start(self.end)).at(&self.path)?;
        let mut frame = Vec::new();
        for (index, (key, value)) in changes.iter().enumerate() {
            put(&mut frame, key, value.as_deref());
            if frame.len() >= GATHER || index + 1 == changes.len() {
                seal(&mut frame);
                file.write_all(&frame).at(&self.path)?;
                self.end += frame.len() as u64;
                frame.clear();
            }
        }
        file.seek(SeekFrom::Start(0)).at(&self.path)?;
        file.write_all(&header(&self.block, epoch, self.end, self.whole)).at(&self.path)
    }

    /// Returns when the file survives a power cut.
    pub(crate) fn sync(&self) -> Result<()> {
        // Some systems sync only what may be written.
        OpenOptions::new().write(true).open(&self.path).and_then(|file| file.sync_all()).at(&self.path)
    }

    /// Starts to write all of it anew.
    pub(crate) fn begin(&mut self) -> Result<Whole> {
        let path = self.path.with_extension("new");
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path).at(&path)?;
        file.write_all(&[0; HEADER]).at(&path)?;
        Ok(Whole { file, path, frame: Vec::new(), end: HEADER as u64 })
    }

    /// Puts what was written since [`begin`](Self::begin) in the place of the file.
    pub(crate) fn finish(&mut self, mut whole: Whole, epoch: u64) -> Result<()> {
        whole.push_out()?;
        whole.file.seek(SeekFrom::Start(0)).at(&whole.path)?;
        whole.file.write_all(&header(&self.block, epoch, whole.end, whole.end)).at(&whole.path)?;
        fs::rename(&whole.path, &self.path).at(&self.path)?;
        (self.sound, self.end, self.whole) = (true, whole.end, whole.end);
        Ok(())
    }
}

/// A spare in the making, beside the old one.
pub(crate) struct Whole {
    file: File,
    path: PathBuf,
    frame: Vec<u8>,
    end: u64,
}

impl Whole {
    pub(crate) fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        put(&mut self.frame, key, Some(value));
        if self.frame.len() >= GATHER { self.push_out() } else { Ok(()) }
    }

    fn push_out(&mut self) -> Result<()> {
        if !self.frame.is_empty() {
            seal(&mut self.frame);
            self.file.write_all(&self.frame).at(&self.path)?;
            self.end += self.frame.len() as u64;
            self.frame.clear();
        }
        Ok(())
    }
}

/// What a spare holds, for `repair`.
pub(crate) struct Recovered {
    path: PathBuf,
    /// Kept open, because another file may take its name. Absent in one without entries.
    file: Option<File>,
    /// The superblock when the generation was made, if the header can be read.
    pub(crate) block: Option<Superblock>,
    /// Where the latest value of each key lies, and how long it is.
    places: HashMap<Vec<u8>, (u64, u32)>,
}

/// An entry of a frame: where its value lies, or `None` if the key was removed.
type Entry = (Vec<u8>, Option<(u64, u32)>);

impl Recovered {
    /// Reads a spare as far as it is sound; `None` if there is nothing. The key `last` ends a batch: one without it was cut off by a
    /// crash and does not count.
    pub(crate) fn open(path: &Path, last: &[u8]) -> Option<Self> {
        let mut file = File::open(path).ok()?;
        let mut raw = [0; HEADER];
        file.read_exact(&mut raw).ok()?;
        let block = Superblock::decode(&raw[8..8 + SIZE]).ok();
        let sound = crc32fast::hash(&raw[..HEADER - 4]) == word(&raw, HEADER - 4);
        // Behind the end may lie what a crash left there. Where the header does not know, all is looked at.
        let end = if sound { number(&raw, 112) } else { u64::MAX };
        let mut recovered = Recovered { path: path.to_path_buf(), file: None, block, places: HashMap::new() };
        let (mut at, mut front, mut batch) = (HEADER as u64, [0; FRAME], Vec::new());
        while at < end && file.read_exact(&mut front).is_ok() {
            let Some(len) = (word(&front, 0) as usize).checked_sub(FRAME) else { break };
            let mut frame = Vec::new();
            if !(&mut file).take(len as u64).read_to_end(&mut frame).is_ok_and(|read| read == len) {
                break;
            }
            if crc32fast::hash(&frame) == word(&front, 4) {
                entries(&frame, at + FRAME as u64, &mut batch);
            }
            if batch.last().is_some_and(|(key, _)| key == last) {
                batch.drain(..).for_each(|entry| recovered.note(entry));
            }
            at += (FRAME + len) as u64;
        }
        recovered.file = Some(file);
        Some(recovered)
    }

    /// A spare without entries.
    pub(crate) fn nothing(path: &Path) -> Self {
        Recovered { path: path.to_path_buf(), file: None, block: None, places: HashMap::new() }
    }

    fn note(&mut self, (key, place): Entry) {
        match place {
            Some(place) => self.places.insert(key, place),
            None => self.places.remove(&key),
        };
    }
}

/// Adds the entries of a frame whose body starts at `start` of the file.
fn entries(frame: &[u8], start: u64, batch: &mut Vec<Entry>) {
    let mut at = 0;
    while at + 8 <= frame.len() {
        let (key_len, len) = (word(frame, at) as usize, word(frame, at + 4));
        let Some(key) = frame.get(at + 8..at + 8 + key_len) else { return };
        at += 8 + key_len;
        batch.push((key.to_vec(), (len != GONE).then_some((start + at as u64, len))));
        at += if len == GONE { 0 } else { len as usize };
    }
}

impl Engine for Recovered {
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let (Some(&(at, len)), Some(file)) = (self.places.get(key), &mut self.file) else { return Ok(None) };
        file.seek(SeekFrom::Start(at)).at(&self.path)?;
        let mut value = vec![0; len as usize];
        file.read_exact(&mut value).at(&self.path)?;
        Ok(Some(value))
    }

    fn writer(&mut self) -> Result<Writer> {
        Err(Error::Failed { cause: "what is being repaired is only read".into() })
    }
}
