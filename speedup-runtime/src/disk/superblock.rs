//! The superblock: what a folder is, in a file of our own that is replaced whole and synced.
//!
//! 96 bytes: `magic: 8`, `format: u32`, `kind: u32`, `key: u64`, `value: u64` (fingerprints), `identity: u64`, `generation: u64`,
//! `journal: u64`, `epoch: u64`, `applied: u64`, `floor: u64`, `rest: u64` (1 if at rest; format 1 has 0; format 3 adds 2 if the operations are in
//! the journal of the folder around, and 4 if some of them may be there alone: then it is of format 4, and the checkpoint of the folder may know more), `tag: u32` (of that journal),
//! `sum: u32` (CRC-32 of the rest). All numbers are little endian.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

use super::engine::sync_folder;
use super::error::At;
use super::{Error, Result, fingerprint};

const MAGIC: &[u8; 8] = b"SPEEDUP\n";
/// The newest format this version reads; format 1 knew no `RemoveRange` and `Append` in the journal.
pub(crate) const FORMAT: u32 = 4;
/// The format of a structure with a journal of its own.
const ALONE: u32 = 2;
/// That of one whose operations are in the journal of its folder. While that may hold some which are nowhere else it is [`FORMAT`]: what a version
/// that knows no checkpoint of a folder finds in such a superblock may be too old.
const SHARING: u32 = 3;
/// Bits of `rest`.
const AT_REST: u64 = 1;
const IN_COMMON: u64 = 2;
const OPEN: u64 = 4;
/// Bytes of a superblock.
pub(crate) const SIZE: usize = 96;
const NAME: &str = "superblock";
const NEW: &str = "superblock.new";

/// The structures there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Dict = 1,
    List = 2,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Dict => "DiskDict",
            Kind::List => "DiskList",
        }
    }
}

/// Why bytes are no superblock that can be used.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// Written by a later version, in this format.
    Newer(u32),
    Damaged(&'static str),
}

/// What a folder holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Superblock {
    pub(crate) kind: Kind,
    pub(crate) key: u64,
    pub(crate) value: u64,
    /// The same in every file of the structure.
    pub(crate) identity: u64,
    /// Which page file and directory are in use; `compact` makes new ones.
    pub(crate) generation: u64,
    /// The journal to replay; with a home, the first of those that may hold operations of this structure.
    pub(crate) journal: u64,
    /// The directory must have seen at least this commit.
    pub(crate) epoch: u64,
    /// The directory must hold at least the operations up to this one.
    pub(crate) applied: u64,
    /// Pages of earlier epochs hold nothing that is still there.
    pub(crate) floor: u64,
    /// The directory and the spare hold exactly commit `epoch`, and both are synced. Taken back before the next commit.
    pub(crate) at_rest: bool,
    /// The journal of the folder around, if the operations are in it.
    pub(crate) home: Option<Home>,
}

/// The journal that a structure shares with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Home {
    /// Tells it from that of another folder.
    pub(crate) tag: u32,
    /// Whether it may hold operations that are nowhere else. Said before the first of them is noted.
    pub(crate) open: bool,
}

impl Home {
    /// What the structure `member` says of the journal of this identity.
    pub(crate) fn of(identity: u64, member: u64, open: bool) -> Self {
        let both = [identity.to_le_bytes(), member.to_le_bytes()].concat();
        Home { tag: fingerprint::of_bytes(&both) as u32, open }
    }
}

impl Superblock {
    pub(crate) fn encode(&self) -> [u8; SIZE] {
        let mut raw = [0; SIZE];
        raw[..8].copy_from_slice(MAGIC);
        let format = match self.home {
            None => ALONE,
            Some(Home { open: true, .. }) => FORMAT,
            Some(_) => SHARING,
        };
        raw[8..12].copy_from_slice(&format.to_le_bytes());
        raw[12..16].copy_from_slice(&(self.kind as u32).to_le_bytes());
        let Superblock { key, value, identity, generation, journal, epoch, applied, floor, at_rest, .. } = *self;
        let open = self.home.map_or(0, |home| IN_COMMON | if home.open { OPEN } else { 0 });
        let rest = open | if at_rest { AT_REST } else { 0 };
        let numbers = [key, value, identity, generation, journal, epoch, applied, floor, rest];
        for (place, number) in raw[16..].chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        raw[SIZE - 8..SIZE - 4].copy_from_slice(&self.home.map_or(0, |home| home.tag).to_le_bytes());
        let sum = crc32fast::hash(&raw[..SIZE - 4]);
        raw[SIZE - 4..].copy_from_slice(&sum.to_le_bytes());
        raw
    }

    /// Reads the superblock of a folder; `None` if it has none.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(NAME);
        let raw = match fs::read(&path) {
            Ok(raw) => raw,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io(&path, error)),
        };
        match Self::decode(&raw) {
            Ok(block) => Ok(Some(block)),
            Err(Fault::Newer(found)) => {
                Err(Error::NewerFormat { path: folder.to_path_buf(), found, supported: FORMAT })
            }
            Err(Fault::Damaged(what)) => Err(Error::damaged(&path, what)),
        }
    }

    /// Whether a folder has a superblock, sound or not.
    pub(crate) fn is_there(folder: &Path) -> Result<bool> {
        let path = folder.join(NAME);
        path.try_exists().at(&path)
    }

    /// Reads the bytes of a superblock.
    pub(crate) fn decode(raw: &[u8]) -> Result<Self, Fault> {
        let word = |at: usize| raw.get(at..at + 4).map(|raw| u32::from_le_bytes(raw.try_into().unwrap_or_default()));
        let number =
            |at: usize| raw.get(at..at + 8).map_or(0, |raw| u64::from_le_bytes(raw.try_into().unwrap_or_default()));
        if raw.get(..8) != Some(MAGIC) {
            return Err(Fault::Damaged("it is no superblock"));
        }
        // The sum stands last in every format, so that a later one is told apart from damage.
        let end = raw.len().saturating_sub(4);
        if word(end) != Some(crc32fast::hash(&raw[..end])) {
            return Err(Fault::Damaged("the superblock has a wrong checksum"));
        }
        let format = word(8).unwrap_or(0);
        if format > FORMAT {
            return Err(Fault::Newer(format));
        }
        let kind = match word(12) {
            Some(1) => Kind::Dict,
            Some(2) => Kind::List,
            _ => return Err(Fault::Damaged("the superblock names no known kind")),
        };
        let [key, value, identity, generation, journal, epoch, applied, floor, rest] =
            std::array::from_fn(|index| number(16 + 8 * index));
        let is_common = format >= SHARING && rest & IN_COMMON != 0;
        let home = is_common.then(|| Home { tag: word(SIZE - 8).unwrap_or(0), open: rest & OPEN != 0 });
        let at_rest = rest & AT_REST != 0;
        Ok(Superblock { kind, key, value, identity, generation, journal, epoch, applied, floor, at_rest, home })
    }

    /// Replaces the superblock of a folder, durably.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        let new = folder.join(NEW);
        let mut file = File::create(&new).at(&new)?;
        file.write_all(&self.encode()).at(&new)?;
        file.sync_all().at(&new)?;
        fs::rename(&new, folder.join(NAME)).at(&new)?;
        sync_folder(folder)
    }
}
