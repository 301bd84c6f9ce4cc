//! The page file: slots of 4 KiB, each page checked by a sum over all of it.
//!
//! Header of a page: `sum: u32` (CRC-32 of the rest), `len: u32` (header included), `slot: u64`, `stamp: u64`, `kind: u8`, the
//! number of a leaf (7 bytes; the lowest counts splits, the others are the same in all versions of it; 0 in a blob, and in what an early version wrote).

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::error::At;
use super::leaf::HEADER;
use super::{Error, Result};
use crate::sync::global::Arc;

/// Bytes of a slot.
pub(crate) const SLOT: usize = 4096;
/// How much is gathered into one write.
const GATHER: usize = 64 * SLOT;

/// After how many bytes the system is asked to begin writing: what waits for a sync to be written would all be written in it.
pub(crate) const BEGIN: u64 = 1 << 20;

/// What a page holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PageKind {
    /// Items.
    Leaf = 1,
    /// The bytes of one large value.
    Blob = 2,
}

/// A page that was found without a reference to it.
pub(crate) struct Seen {
    /// How many slots it takes.
    pub(crate) slots: u32,
    /// The epoch in which it was written.
    pub(crate) stamp: u64,
    /// The page, if it is a leaf.
    pub(crate) leaf: Option<Vec<u8>>,
}

/// The page file of one structure.
#[derive(Debug)]
pub(crate) struct PageFile {
    file: Arc<File>,
    path: PathBuf,
    /// Pages not yet handed to the operating system; they lie side by side from slot `first`.
    gathered: Vec<u8>,
    first: u64,
    /// How many bytes the system has not been asked to begin writing.
    waiting: u64,
}

impl PageFile {
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path).at(path)?;
        Ok(Self::over(file, path))
    }

    pub(crate) fn open(path: &Path) -> Result<Self> {
        Self::of(path, OpenOptions::new().read(true).write(true))
    }

    /// Opens a page file that is not written.
    pub(crate) fn open_to_read(path: &Path) -> Result<Self> {
        Self::of(path, OpenOptions::new().read(true))
    }

    fn of(path: &Path, options: &OpenOptions) -> Result<Self> {
        match options.open(path) {
            Ok(file) => Ok(Self::over(file, path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Error::damaged(path, "the file is missing")),
            Err(error) => Err(Error::io(path, error)),
        }
    }

    fn over(file: File, path: &Path) -> Self {
        PageFile { file: Arc::new(file), path: path.to_path_buf(), gathered: Vec::new(), first: 0, waiting: 0 }
    }

    /// How many slots a page of `len` bytes takes.
    pub(crate) fn slots_for(len: usize) -> u32 {
        len.div_ceil(SLOT) as u32
    }

    /// Writes a page; its first [`HEADER`] bytes but the last seven are filled in on the way.
    pub(crate) fn write(&mut self, slot: u64, stamp: u64, kind: PageKind, page: &[u8]) -> Result<()> {
        let next = self.first + (self.gathered.len() / SLOT) as u64;
        if slot != next || self.gathered.len() >= GATHER {
            self.push_out()?;
            self.first = slot;
        }
        let at = self.gathered.len();
        self.gathered.extend_from_slice(page);
        self.gathered.resize(at + page.len().next_multiple_of(SLOT), 0);
        let whole = &mut self.gathered[at..at + page.len()];
        whole[4..8].copy_from_slice(&(page.len() as u32).to_le_bytes());
        whole[8..16].copy_from_slice(&slot.to_le_bytes());
        whole[16..24].copy_from_slice(&stamp.to_le_bytes());
        whole[24] = kind as u8;
        let sum = crc32fast::hash(&whole[4..]);
        whole[..4].copy_from_slice(&sum.to_le_bytes());
        if page.len() > GATHER { self.push_out() } else { Ok(()) }
    }

    /// Writes the page of a large value, without a copy of it where it is huge.
    pub(crate) fn write_blob(&mut self, slot: u64, stamp: u64, value: &[u8]) -> Result<()> {
        if value.len() <= GATHER {
            return self.write(slot, stamp, PageKind::Blob, &[&[0; HEADER], value].concat());
        }
        self.push_out()?;
        let mut header = [0; HEADER];
        header[4..8].copy_from_slice(&((HEADER + value.len()) as u32).to_le_bytes());
        header[8..16].copy_from_slice(&slot.to_le_bytes());
        header[16..24].copy_from_slice(&stamp.to_le_bytes());
        header[24] = PageKind::Blob as u8;
        let mut sum = crc32fast::Hasher::new();
        sum.update(&header[4..]);
        sum.update(value);
        header[..4].copy_from_slice(&sum.finalize().to_le_bytes());
        let at = slot * SLOT as u64;
        let end = HEADER + value.len();
        write_at(&self.file, &header, at).at(&self.path)?;
        write_at(&self.file, value, at + HEADER as u64).at(&self.path)?;
        write_at(&self.file, &[0; SLOT][..end.next_multiple_of(SLOT) - end], at + end as u64).at(&self.path)
    }

    /// Reads the page at `slot`, which must have been written in epoch `stamp`; into the memory of an earlier one, if that is as large.
    pub(crate) fn read(&self, slot: u64, slots: u32, stamp: u64, kind: PageKind, room: Vec<u8>) -> Result<Vec<u8>> {
        let size = slots as usize * SLOT;
        let mut page = if room.capacity() == size { room } else { vec![0; size] };
        page.resize(size, 0);
        match slot.checked_sub(self.first).map(|ahead| ahead as usize * SLOT) {
            Some(at) if at < self.gathered.len() => match self.gathered.get(at..at + page.len()) {
                Some(bytes) => page.copy_from_slice(bytes),
                None => return Err(self.damaged(slot, "is cut off")),
            },
            _ => match read_at(&self.file, &mut page, slot * SLOT as u64) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(self.damaged(slot, "is cut off"));
                }
                Err(error) => return Err(Error::io(&self.path, error)),
            },
        }
        let number = |at: usize| u64::from_le_bytes(page[at..at + 8].try_into().unwrap_or_default());
        let len = (number(0) >> 32) as usize;
        let sum = number(0) as u32;
        let sound = len >= HEADER && len <= page.len() && crc32fast::hash(&page[4..len]) == sum;
        if !sound {
            return Err(self.damaged(slot, "has a wrong checksum"));
        }
        if number(8) != slot || number(16) != stamp || page[24] != kind as u8 {
            return Err(self.damaged(slot, "is not the one that was written there"));
        }
        page.truncate(len);
        Ok(page)
    }

    /// The page that starts at `slot`, if a sound one does.
    pub(crate) fn look(&self, slot: u64) -> Option<Seen> {
        let mut front = [0; HEADER];
        read_at(&self.file, &mut front, slot * SLOT as u64).ok()?;
        let number = |at: usize| u64::from_le_bytes(front[at..at + 8].try_into().unwrap_or_default());
        let (len, stamp) = ((number(0) >> 32) as usize, number(16));
        let kind = [PageKind::Leaf, PageKind::Blob].into_iter().find(|&kind| kind as u8 == front[24])?;
        let slots = Self::slots_for(len);
        // A length that is none must not take memory.
        if number(8) != slot || (slot + u64::from(slots)) * SLOT as u64 > self.file.metadata().ok()?.len() {
            return None;
        }
        let page = self.read(slot, slots, stamp, kind, Vec::new()).ok()?;
        Some(Seen { slots, stamp, leaf: (kind == PageKind::Leaf).then_some(page) })
    }

    /// How many slots the file has.
    pub(crate) fn slots(&self) -> Result<u64> {
        Ok(self.file.metadata().at(&self.path)?.len() / SLOT as u64)
    }

    fn damaged(&self, slot: u64, what: &str) -> Error {
        Error::damaged(&self.path, format!("page {slot} {what}"))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Hands gathered pages to the operating system.
    pub(crate) fn push_out(&mut self) -> Result<()> {
        if !self.gathered.is_empty() {
            write_at(&self.file, &self.gathered, self.first * SLOT as u64).at(&self.path)?;
            self.waiting += self.gathered.len() as u64;
            if self.waiting >= BEGIN {
                self.waiting = 0;
                begin_writing(&self.file);
            }
            self.gathered.clear();
            // A large value must not stay in memory.
            self.gathered.shrink_to(2 * GATHER);
        }
        Ok(())
    }

    /// The open file, to be synced beside changes.
    pub(crate) fn open_file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// Cuts the file after `slots` slots.
    pub(crate) fn shrink(&self, slots: u64) -> Result<()> {
        let wanted = slots * SLOT as u64;
        if self.file.metadata().at(&self.path)?.len() > wanted {
            self.file.set_len(wanted).at(&self.path)?;
        }
        Ok(())
    }
}

/// Asks the system to write what it was handed, and does not wait for it. Whether that works is seen at the next sync.
#[cfg(target_os = "linux")]
pub(crate) fn begin_writing(file: &File) {
    let number = std::os::fd::AsRawFd::as_raw_fd(file);
    // SAFETY: the number is that of an open file, and no memory is handed over.
    let _seen_by_sync = unsafe { libc::sync_file_range(number, 0, 0, libc::SYNC_FILE_RANGE_WRITE) };
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn begin_writing(_: &File) {}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

#[cfg(unix)]
pub(crate) fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(not(unix))]
fn read_at(mut file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    use io::{Read, Seek};
    file.seek(io::SeekFrom::Start(at))?;
    file.read_exact(bytes)
}

#[cfg(not(unix))]
pub(crate) fn write_at(mut file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    use io::{Seek, Write};
    file.seek(io::SeekFrom::Start(at))?;
    file.write_all(bytes)
}
