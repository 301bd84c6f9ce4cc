//! The directory of a structure at rest: read from the spare, a plain file, until something is to be committed.
//!
//! sled takes megabytes and milliseconds for each store it opens. So it is opened by the first commit, or when the spare turns out
//! to be wrong, and of many that are open each is closed again after its commit.

use std::path::PathBuf;

use super::engine::{Engine, Sled, Writer, open_stores};
use super::pager::{read_meta, recover};
use super::spare::Recovered;
use super::{Error, Result};

/// How many stores of one process stay open between commits.
const MANY: usize = 8;

/// Where nodes are read.
enum Source {
    /// Nobody asked yet.
    Unread,
    Spare(Recovered),
    Sled(Sled),
}

/// The directory of a generation, opened when it is needed.
pub(crate) struct Directory {
    source: Source,
    folder: PathBuf,
    spare: PathBuf,
    identity: u64,
    /// The last commit.
    epoch: u64,
}

impl Directory {
    /// A directory that is open.
    pub(crate) fn of(sled: Sled, folder: PathBuf, spare: PathBuf, identity: u64, epoch: u64) -> Self {
        Directory { source: Source::Sled(sled), folder, spare, identity, epoch }
    }

    /// A directory that rests since commit `epoch`; an error if what it consists of is not there.
    pub(crate) fn resting(folder: PathBuf, spare: PathBuf, identity: u64, epoch: u64) -> Result<Self> {
        Sled::check(&folder)?;
        Ok(Directory { source: Source::Unread, folder, spare, identity, epoch })
    }

    /// Whether what a source says of its last commit is what this directory knows of it.
    fn agrees(&self, engine: &mut dyn Engine) -> bool {
        read_meta(engine).is_some_and(|meta| (meta.identity, meta.epoch) == (self.identity, self.epoch))
    }

    fn open(&mut self) -> Result<&mut Sled> {
        if !matches!(self.source, Source::Sled(_)) {
            let mut sled = Sled::open(&self.folder)?;
            if !self.agrees(&mut sled) {
                return Err(Error::damaged(&self.folder, "it lost changes that were durable"));
            }
            self.source = Source::Sled(sled);
        }
        match &mut self.source {
            Source::Sled(sled) => Ok(sled),
            Source::Unread | Source::Spare(_) => Err(Error::damaged(&self.folder, "it cannot be read")),
        }
    }
}

impl Engine for Directory {
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        if matches!(self.source, Source::Unread)
            && let Some(mut spare) = recover(&self.spare)
            && self.agrees(&mut spare)
        {
            self.source = Source::Spare(spare);
        }
        if let Source::Spare(spare) = &mut self.source
            && let Ok(Some(value)) = spare.get(key)
        {
            return Ok(Some(value));
        }
        self.open()?.get(key)
    }

    fn turn(&mut self) -> Result<bool> {
        let can = !matches!(self.source, Source::Sled(_));
        self.open().map(|_| can)
    }

    fn writer(&mut self) -> Result<Writer> {
        self.open()?.writer()
    }

    fn committed(&mut self, epoch: u64) {
        self.epoch = epoch;
        if open_stores() > MANY {
            self.source = Source::Unread;
        }
    }
}
