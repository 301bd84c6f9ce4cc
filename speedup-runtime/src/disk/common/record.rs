//! The checkpoint of a folder: what was published of several structures together, in a file that is replaced whole and synced.
//!
//! `magic: 8`, `identity: u64` (of the journal), `count: u64`; for each structure `member`, `generation`, `journal`, `epoch`, `applied`, `floor` and
//! `rest`, as a superblock has them, `u64` each; `sum: u32` (CRC-32 of the rest). All numbers are little endian.
//!
//! It counts for a structure whose superblock says that it needs the journal, of the same generation and from an earlier file on. So a structure that
//! writes its superblock need not touch it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

use crate::disk::engine::sync_folder;
use crate::disk::error::At;
use crate::disk::fingerprint::member;
use crate::disk::superblock::{Home, Superblock};
use crate::disk::{Error, Result};

const MAGIC: &[u8; 8] = b"SPDCHKP1";
const HEADER: usize = 24;
/// Bytes of an entry.
const ENTRY: usize = 56;
pub(super) const NAME: &str = "checkpoint";
const NEW: &str = "checkpoint.new";

/// What was published of a structure; the numbers are those of its superblock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// By what it is known in the journal.
    pub(crate) member: u64,
    pub(crate) generation: u64,
    pub(crate) journal: u64,
    pub(crate) epoch: u64,
    pub(crate) applied: u64,
    pub(crate) floor: u64,
    pub(crate) at_rest: bool,
}

impl Entry {
    fn encode(&self) -> [u8; ENTRY] {
        let Entry { member, generation, journal, epoch, applied, floor, at_rest } = *self;
        let mut raw = [0; ENTRY];
        let numbers = [member, generation, journal, epoch, applied, floor, at_rest.into()];
        for (place, number) in raw.chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        raw
    }

    fn decode(raw: &[u8]) -> Self {
        let [member, generation, journal, epoch, applied, floor, rest] = std::array::from_fn(|at| number(raw, 8 * at));
        Entry { member, generation, journal, epoch, applied, floor, at_rest: rest != 0 }
    }

    /// The superblock that counts where `block` is in the folder.
    fn over(&self, block: Superblock) -> Superblock {
        if self.generation != block.generation || self.journal <= block.journal {
            return block;
        }
        let Entry { journal, epoch, applied, floor, at_rest, .. } = *self;
        Superblock { journal, epoch, applied, floor, at_rest, ..block }
    }
}

fn number(raw: &[u8], at: usize) -> u64 {
    raw.get(at..at + 8).map_or(0, |raw| u64::from_le_bytes(raw.try_into().unwrap_or_default()))
}

/// What was published together.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) entries: BTreeMap<u64, Entry>,
}

impl Record {
    fn encode(&self, identity: u64) -> Vec<u8> {
        let mut raw = MAGIC.to_vec();
        raw.extend_from_slice(&identity.to_le_bytes());
        raw.extend_from_slice(&(self.entries.len() as u64).to_le_bytes());
        self.entries.values().for_each(|entry| raw.extend_from_slice(&entry.encode()));
        raw.extend_from_slice(&crc32fast::hash(&raw).to_le_bytes());
        raw
    }

    /// Reads that of a folder; nothing if it has none, or one that was made with another journal.
    pub(super) fn read(folder: &Path, identity: u64) -> Result<Self> {
        let path = folder.join(NAME);
        let raw = match fs::read(&path) {
            Ok(raw) => raw,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(Error::io(&path, error)),
        };
        let (front, sum) = raw.split_at(raw.len().saturating_sub(4));
        let entries = front.get(HEADER..).unwrap_or_default();
        let is_whole = front.starts_with(MAGIC)
            && sum == crc32fast::hash(front).to_le_bytes()
            && number(front, 16).checked_mul(ENTRY as u64) == Some(entries.len() as u64);
        if !is_whole {
            return Err(Error::damaged(&path, "the checkpoint of the folder has a wrong checksum"));
        }
        if number(front, 8) != identity {
            return Ok(Self::default());
        }
        let entries = entries.chunks_exact(ENTRY).map(Entry::decode).map(|entry| (entry.member, entry));
        Ok(Record { entries: entries.collect() })
    }

    /// Replaces it, durably.
    pub(super) fn write(&self, folder: &Path, identity: u64) -> Result<()> {
        let new = folder.join(NEW);
        let mut file = File::create(&new).at(&new)?;
        file.write_all(&self.encode(identity)).at(&new)?;
        file.sync_all().at(&new)?;
        fs::rename(&new, folder.join(NAME)).at(&new)?;
        sync_folder(folder)
    }

    /// Removes it; nothing counts of it any more.
    pub(super) fn remove(folder: &Path) -> Result<()> {
        let path = folder.join(NAME);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io(&path, error)),
            _ => Ok(()),
        }
    }

    /// What counts of the structure in `folder`, in which the superblock `block` is; the journal of the folder around is `identity`.
    pub(super) fn now(&self, identity: u64, folder: &Path, block: Superblock) -> Superblock {
        let member = member(folder, block.identity);
        let is_open = block.home == Some(Home::of(identity, member, true));
        self.entries.get(&member).filter(|_| is_open).map_or(block, |entry| entry.over(block))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::superblock::Kind;

    fn entry(member: u64) -> Entry {
        Entry { member, generation: 1, journal: 7, epoch: member + 3, applied: 40, floor: 2, at_rest: true }
    }

    /// A superblock of a structure in the folder `d`, which needs the journal 5 if it is open.
    fn block(generation: u64, journal: u64, open: bool) -> Superblock {
        let (kind, key, value, identity, epoch, applied, floor) = (Kind::Dict, 1, 2, 3, 1, 20, 0);
        let home = Some(Home::of(5, member(Path::new("d"), identity), open));
        let at_rest = false;
        Superblock { kind, key, value, identity, generation, journal, epoch, applied, floor, at_rest, home }
    }

    #[test]
    fn it_is_read_as_it_was_written_and_any_other_byte_is_damage() {
        let place = tempfile::tempdir().unwrap();
        assert_eq!(Record::read(place.path(), 5).unwrap(), Record::default());
        let record = Record { entries: [1, 9, 4].map(|member| (member, entry(member))).into() };
        record.write(place.path(), 5).unwrap();
        assert_eq!(Record::read(place.path(), 5).unwrap(), record);
        assert_eq!(Record::read(place.path(), 6).unwrap(), Record::default());
        let path = place.path().join(NAME);
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut harmed = whole.clone();
            harmed[at] ^= 4;
            fs::write(&path, harmed).unwrap();
            assert!(matches!(Record::read(place.path(), 5), Err(Error::Damaged { .. })), "{at}");
            fs::write(&path, &whole[..at]).unwrap();
            assert!(matches!(Record::read(place.path(), 5), Err(Error::Damaged { .. })), "{at}");
        }
        Record::remove(place.path()).unwrap();
        Record::remove(place.path()).unwrap();
        assert_eq!(Record::read(place.path(), 5).unwrap(), Record::default());
    }

    #[test]
    fn it_counts_only_until_the_structure_says_something_later_itself() {
        let of = member(Path::new("d"), 3);
        let record = Record { entries: [(of, entry(of))].into() };
        let old = block(1, 6, true);
        let counts = Superblock { journal: 7, epoch: entry(of).epoch, applied: 40, floor: 2, at_rest: true, ..old };
        assert_eq!(record.now(5, Path::new("d"), old), counts);
        for later in [block(1, 7, true), block(1, 8, true), block(2, 6, true), block(1, 6, false)] {
            assert_eq!(record.now(5, Path::new("d"), later), later);
        }
        // Under another name, or beside another journal, it is another one.
        assert_eq!(record.now(5, Path::new("e"), old), old);
        assert_eq!(record.now(6, Path::new("d"), old), old);
    }
}
