//! The journal: every operation since the last checkpoint, in order, in a file of its own.
//!
//! Header (64 bytes): `magic: 8`, `identity: u64`, `number: u64`, `durable: u64` (how long the file was at the last flush),
//! `sum: u32` (CRC-32 of the rest of the header), zeros. Then frames: `len: u32`, `sum: u32` (CRC-32 of the rest), `first: u64` (the number of its
//! first operation), and operations: `what: u8`, then what it needs, lengths as varints. Behind the last frame there may be zeros: room that is
//! already the file's, so that a flush need not make the new length of the file durable, too.
//!
//! The journal of a folder (`common`) is made of such files, one after the other. The numbers of its frames are their own, one after the other across the files, and
//! in each frame a [`Op::Turn`] says whose operations follow.

mod frame;
mod front;
mod gathered;
mod op;
mod several;

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

pub(crate) use self::frame::Frame;
pub(crate) use self::gathered::Gathered;
#[cfg(test)]
pub(crate) use self::gathered::bytes_read;
pub(crate) use self::op::{Op, put_number, take_number};
pub(crate) use self::several::identity_of;
use super::engine::sync_folder;
use super::error::At;
use super::page_file::{BEGIN, begin_writing, write_at};
use super::{Error, Result};
use crate::sync::global::Arc;

const MAGIC: &[u8; 8] = b"SPDJRNL1";
const HEADER: usize = 64;
/// The name of a journal in the making.
const NEW: &str = "journal.new";
const FRAME: usize = 16;
/// How much is gathered into one frame.
const GATHER: usize = 64 << 10;
/// The least that a file system gives a file.
const BLOCK: usize = 4096;

/// The journal that is being written.
#[derive(Debug)]
pub(crate) struct Journal {
    file: Arc<File>,
    path: PathBuf,
    identity: u64,
    number: u64,
    /// A frame in the making; the first [`FRAME`] bytes are its header. Empty if nothing waits.
    frame: Vec<u8>,
    /// Bytes in the file, without the room behind them.
    len: u64,
    /// How many of them survive a power cut.
    durable: u64,
    /// How long the file was when room was last made, 0 before that.
    room: u64,
    /// Up to where the system was asked to begin writing.
    begun: u64,
}

/// The name of journal `number`.
pub(crate) fn file_name(number: u64) -> String {
    format!("journal.{number}")
}

/// Whether the file at `path` is journal `number` of some structure, or one that a crash left in the making.
pub(crate) fn is_journal(path: &Path, number: u64) -> bool {
    let mut raw = Vec::new();
    if !File::open(path).is_ok_and(|file| file.take(HEADER as u64).read_to_end(&mut raw).is_ok()) {
        return false;
    }
    let field = |at: usize| raw.get(at..at + 8).map_or(0, |raw| u64::from_le_bytes(raw.try_into().unwrap_or_default()));
    raw.is_empty() || raw == header(field(8), number, field(24))
}

fn header(identity: u64, number: u64, durable: u64) -> [u8; HEADER] {
    let mut raw = [0; HEADER];
    raw[..8].copy_from_slice(MAGIC);
    raw[8..16].copy_from_slice(&identity.to_le_bytes());
    raw[16..24].copy_from_slice(&number.to_le_bytes());
    raw[24..32].copy_from_slice(&durable.to_le_bytes());
    let sum = crc32fast::hash(&raw[..32]);
    raw[32..36].copy_from_slice(&sum.to_le_bytes());
    raw
}

impl Journal {
    /// Starts an empty journal, durably.
    pub(crate) fn create(folder: &Path, identity: u64, number: u64) -> Result<Self> {
        let mut journal = Self::begin(folder, identity, number)?;
        journal.file.sync_all().at(&journal.path)?;
        sync_folder(folder)?;
        journal.durable = journal.len;
        Ok(journal)
    }

    /// Starts an empty journal; after a power cut it is there once it is flushed and the folder synced.
    pub(crate) fn begin(folder: &Path, identity: u64, number: u64) -> Result<Self> {
        Self::begin_at(folder.join(file_name(number)), identity, number)
    }

    fn begin_at(path: PathBuf, identity: u64, number: u64) -> Result<Self> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path).at(&path)?;
        file.write_all(&header(identity, number, HEADER as u64)).at(&path)?;
        let len = HEADER as u64;
        let file = Arc::new(file);
        Ok(Journal { file, path, identity, number, frame: Vec::new(), len, durable: 0, room: 0, begun: len })
    }

    /// As [`create`](Self::create), so that a file of this name is never there without its header.
    pub(crate) fn create_whole(folder: &Path, identity: u64, number: u64) -> Result<Self> {
        let mut journal = Self::begin_at(folder.join(NEW), identity, number)?;
        journal.file.sync_all().at(&journal.path)?;
        let path = folder.join(file_name(number));
        fs::rename(&journal.path, &path).at(&path)?;
        sync_folder(folder)?;
        (journal.path, journal.durable) = (path, journal.len);
        Ok(journal)
    }

    /// The open file, to be synced beside changes.
    pub(crate) fn open_file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Goes on with a journal where a [`Replay`] of it came to the end.
    pub(crate) fn resume(identity: u64, number: u64, replay: &Replay) -> Result<Self> {
        let (path, len) = (replay.path.clone(), replay.at);
        let file = OpenOptions::new().read(true).write(true).open(&path).at(&path)?;
        if file.metadata().at(&path)?.len() != len {
            file.set_len(len).at(&path)?;
        }
        let file = Arc::new(file);
        Ok(Journal { file, path, identity, number, frame: Vec::new(), len, durable: len, room: 0, begun: len })
    }

    /// Bytes written or waiting.
    pub(crate) fn len(&self) -> u64 {
        self.len + self.frame.len() as u64
    }

    /// Whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == HEADER as u64
    }

    /// Whether some operation is in this process only.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.frame.is_empty()
    }

    /// Notes operation number `seq`.
    #[inline]
    pub(crate) fn note(&mut self, seq: u64, op: Op<'_>) -> Result<()> {
        if op.bulk().len() >= GATHER {
            return self.note_large(seq, None, op);
        }
        self.note_all(seq, std::iter::once(op))
    }

    /// Notes operations from number `seq` on in one frame, so that a crash leaves all of them or none.
    #[inline]
    pub(crate) fn note_all<'a>(&mut self, seq: u64, ops: impl Iterator<Item = Op<'a>>) -> Result<()> {
        if self.frame.is_empty() {
            self.frame.resize(8, 0);
            self.frame.extend_from_slice(&seq.to_le_bytes());
        }
        ops.for_each(|op| op.encode(&mut self.frame));
        if self.frame.len() >= GATHER { self.write() } else { Ok(()) }
    }

    /// Writes an operation with a large value as a frame of its own, behind a `turn`, without a copy of the value.
    pub(crate) fn note_large(&mut self, seq: u64, turn: Option<Op<'_>>, op: Op<'_>) -> Result<()> {
        self.write()?;
        let mut front = vec![0; 8];
        front.extend_from_slice(&seq.to_le_bytes());
        turn.into_iter().for_each(|turn| turn.encode(&mut front));
        op.encode_front(&mut front);
        let value = op.bulk();
        let len = (front.len() + value.len()) as u32;
        let mut sum = crc32fast::Hasher::new();
        sum.update(&front[8..]);
        sum.update(value);
        front[..4].copy_from_slice(&len.to_le_bytes());
        front[4..8].copy_from_slice(&sum.finalize().to_le_bytes());
        write_at(&self.file, &front, self.len).at(&self.path)?;
        write_at(&self.file, value, self.len + front.len() as u64).at(&self.path)?;
        self.len += u64::from(len);
        Ok(())
    }

    /// Hands what waits to the operating system: a kill of the process no longer loses it.
    pub(crate) fn write(&mut self) -> Result<()> {
        if self.frame.is_empty() {
            return Ok(());
        }
        let len = self.frame.len() as u32;
        let sum = crc32fast::hash(&self.frame[8..]);
        self.frame[..4].copy_from_slice(&len.to_le_bytes());
        self.frame[4..8].copy_from_slice(&sum.to_le_bytes());
        write_at(&self.file, &self.frame, self.len).at(&self.path)?;
        self.len += self.frame.len() as u64;
        self.frame.clear();
        self.frame.shrink_to(4 * GATHER);
        if self.len - self.begun >= BEGIN {
            self.begun = self.len;
            begin_writing(&self.file);
        }
        Ok(())
    }

    /// Returns when everything noted survives a power cut.
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.write()?;
        if self.durable == self.len {
            return Ok(());
        }
        self.make_room();
        self.file.sync_data().at(&self.path)?;
        self.durable = self.len;
        // Written after the data are durable, so that the header never promises more than there is.
        self.tell_durable()
    }
}

/// What a journal left behind, read frame by frame.
pub(crate) struct Replay {
    file: File,
    path: PathBuf,
    len: u64,
    at: u64,
    durable: u64,
    /// Whether damage ends the journal instead of being an error.
    lenient: bool,
    /// Whether it did.
    pub(crate) cut: bool,
    /// How it goes on in other files, if several structures share it.
    several: Option<several::Several>,
    /// What was read of it before for the structure that is meant.
    gathered: Gathered,
}

impl Replay {
    /// Reads the journal `number` of the structure `identity`.
    pub(crate) fn open(folder: &Path, identity: u64, number: u64) -> Result<Self> {
        let path = folder.join(file_name(number));
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::damaged(&path, "the journal is missing"));
            }
            Err(error) => return Err(Error::io(&path, error)),
        };
        let len = file.metadata().at(&path)?.len();
        let mut raw = Vec::new();
        (&mut file).take(HEADER as u64).read_to_end(&mut raw).at(&path)?;
        let durable = raw.get(24..32).map_or(0, |raw| u64::from_le_bytes(raw.try_into().unwrap_or_default()));
        if raw != header(identity, number, durable) {
            return Err(Error::damaged(&path, "the header of the journal is wrong"));
        }
        let (at, gathered) = (HEADER as u64, Gathered::default());
        Ok(Replay { file, path, len, at, durable, lenient: false, cut: false, several: None, gathered })
    }

    /// From here on damage ends the journal, and [`cut`](Self::cut) tells.
    pub(crate) fn forgive(mut self) -> Self {
        self.lenient = true;
        self
    }

    /// Returns when what it holds survives a power cut.
    pub(crate) fn sync(&self) -> Result<()> {
        // Some systems sync only what may be written.
        let file = OpenOptions::new().read(true).write(true).open(&self.path).at(&self.path)?;
        file.sync_all().at(&self.path)
    }

    /// Whether a crash left operations behind.
    pub(crate) fn is_empty(&self) -> bool {
        self.len <= HEADER as u64 && self.durable <= HEADER as u64
    }

    /// The next frame.
    ///
    /// The journal ends at a frame that a crash cut off, or of which a power cut lost a part; one that was flushed cannot have been.
    pub(crate) fn next_frame(&mut self) -> Result<Option<Frame>> {
        if let Some(frame) = self.gathered_frame() {
            return Ok(Some(frame));
        }
        let at = self.at;
        if let Some(frame) = self.sound_frame(at)? {
            self.at += frame.bytes.len() as u64;
            return self.in_turn(frame);
        }
        if at >= self.durable && (self.has_hole(at)? || !self.goes_on(at)?) {
            return if self.next_file()? { self.next_frame() } else { Ok(None) };
        }
        self.give_up().map(|()| None)
    }

    /// Ends the journal here, because it is wrong; an error unless that is forgiven.
    pub(crate) fn give_up(&mut self) -> Result<()> {
        if self.lenient {
            (self.cut, self.len, self.durable) = (true, self.at, self.at);
            return Ok(());
        }
        Err(Error::damaged(&self.path, format!("the journal is wrong at byte {}", self.at)))
    }

    fn read(&mut self, at: u64, len: usize) -> Result<Option<Vec<u8>>> {
        if at.checked_add(len as u64).is_none_or(|end| end > self.len) {
            return Ok(None);
        }
        let mut bytes = vec![0; len];
        self.file.seek(SeekFrom::Start(at)).at(&self.path)?;
        self.file.read_exact(&mut bytes).at(&self.path)?;
        #[cfg(test)]
        gathered::count_read(len);
        Ok(Some(bytes))
    }

    fn claimed_len(&mut self, at: u64) -> Result<usize> {
        let raw = self.read(at, 4)?.and_then(|raw| raw.try_into().ok());
        Ok(raw.map_or(0, |raw| u32::from_le_bytes(raw) as usize))
    }

    fn sound_frame(&mut self, at: u64) -> Result<Option<Frame>> {
        let len = self.claimed_len(at)?;
        if len < FRAME {
            return Ok(None);
        }
        let Some(bytes) = self.read(at, len)? else { return Ok(None) };
        let sum = u32::from_le_bytes(bytes[4..8].try_into().unwrap_or_default());
        let first = u64::from_le_bytes(bytes[8..16].try_into().unwrap_or_default());
        let of = self.several.as_ref().map(several::Several::of);
        Ok((crc32fast::hash(&bytes[8..]) == sum).then_some(Frame { first, bytes, of }))
    }

    /// Whether a block of the frame at `at` was never written: a power cut may keep a later block and lose an earlier one, which then reads as zeros.
    fn has_hole(&mut self, at: u64) -> Result<bool> {
        let end = at.saturating_add(self.claimed_len(at)? as u64).min(self.len);
        let first = at.next_multiple_of(BLOCK as u64);
        let len = usize::try_from(end.saturating_sub(first)).unwrap_or(0);
        let bytes = self.read(first, len)?.unwrap_or_default();
        Ok(bytes.as_chunks::<BLOCK>().0.contains(&[0; BLOCK]))
    }

    /// Whether the frame at `at` is followed by a sound one, so that no crash cut it off.
    fn goes_on(&mut self, at: u64) -> Result<bool> {
        let len = self.claimed_len(at)? as u64;
        Ok(len > 0 && self.sound_frame(at.saturating_add(len))?.is_some())
    }
}

/// The number of the last operation of a journal.
pub(crate) fn last_operation(mut replay: Replay) -> Result<Option<u64>> {
    let mut last = None;
    while let Some(frame) = replay.next_frame()? {
        frame.for_each(|seq, _| {
            last = Some(seq);
            Ok(())
        })?;
    }
    Ok(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes three frames of one operation each, flushes after so many of the last, harms the file, and says how many frames are read, or that damage
    /// was found.
    fn after(flushes: u64, harm: impl Fn(&mut Vec<u8>)) -> Option<usize> {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::create(folder.path(), 7, 0).unwrap();
        for seq in 1..=3 {
            journal.note(seq, Op::Push { val: &[1; 20_000] }).unwrap();
            journal.write().unwrap();
            if seq + flushes > 3 {
                journal.flush().unwrap();
            }
        }
        let path = folder.path().join(file_name(0));
        let mut bytes = std::fs::read(&path).unwrap();
        harm(&mut bytes);
        std::fs::write(&path, bytes).unwrap();
        let mut replay = Replay::open(folder.path(), 7, 0).unwrap();
        let mut count = 0;
        loop {
            match replay.next_frame() {
                Ok(Some(_)) => count += 1,
                Ok(None) => return Some(count),
                Err(_) => return None,
            }
        }
    }

    #[test]
    fn a_journal_ends_where_a_crash_cut_it_off_and_nowhere_else() {
        for flushes in 0..=3 {
            let (flushed, after) = (flushes > 0, |harm: fn(&mut Vec<u8>)| after(flushes, harm));
            assert_eq!(after(|_| {}), Some(3));
            // A flipped bit in the middle, and in the last frame.
            assert_eq!(after(|bytes| bytes[30_000] ^= 1), None);
            assert_eq!(after(|bytes| bytes[50_000] ^= 1), (!flushed).then_some(2));
            // What a power cut may leave: a block in the middle was lost, or the end.
            assert_eq!(after(|bytes| bytes[28_672..32_768].fill(0)), (!flushed).then_some(1));
            assert_eq!(after(|bytes| bytes[20_480..24_576].fill(0)), (!flushed).then_some(1));
            assert_eq!(after(|bytes| bytes.truncate(50_000)), (!flushed).then_some(2));
        }
    }

    #[test]
    fn what_is_flushed_often_stays_inside_room_that_was_made_before() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::create(folder.path(), 7, 0).unwrap();
        let path = folder.path().join(file_name(0));
        let len = || std::fs::metadata(&path).unwrap().len();
        let mut lengths = Vec::new();
        for seq in 1..=10_000 {
            journal.note(seq, Op::Push { val: &[1; 30] }).unwrap();
            journal.flush().unwrap();
            lengths.push(len());
        }
        // Who flushes once needs no room.
        assert_eq!(lengths[0], HEADER as u64 + (journal.len - HEADER as u64) / 10_000);
        lengths.dedup();
        assert!(lengths.len() < 12, "{lengths:?}");
        let mut replay = Replay::open(folder.path(), 7, 0).unwrap();
        let count = std::iter::from_fn(|| replay.next_frame().unwrap()).count();
        assert_eq!((count, replay.at), (10_000, journal.len));
        // Who goes on with it begins where the frames end.
        let mut journal = Journal::resume(7, 0, &replay).unwrap();
        assert_eq!(len(), replay.at);
        journal.note(10_001, Op::Clear).unwrap();
        journal.flush().unwrap();
        let last = last_operation(Replay::open(folder.path(), 7, 0).unwrap()).unwrap();
        assert_eq!(last, Some(10_001));
    }
}
