//! What writes a publication, beside a store that may change meanwhile.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::PathBuf;

use super::super::common::Common;
use super::super::engine::sync_folder;
use super::super::error::At;
use super::super::folder::Lock;
use super::super::journal;
use super::super::pager;
use super::super::superblock::{Home, Superblock};
use super::super::{Error, Result};
use crate::sync::Arc;
use crate::sync::global;

/// What a publication changes once it is written.
#[derive(Clone, Copy)]
pub(super) struct Outcome {
    pub(super) applied: u64,
    /// Whether another journal counts from then on.
    pub(super) renews: bool,
    /// Whether every operation that was noted before is published.
    pub(super) is_whole: bool,
    /// What was noted once more.
    pub(super) again: Again,
    /// How many nanoseconds less it takes to play the journal from then on.
    pub(super) spent: u64,
}

/// Changes that were noted once more in the journal of the folder.
#[derive(Clone, Copy)]
pub(super) struct Again {
    pub(super) count: u64,
    /// About how many nanoseconds it takes to play them.
    pub(super) cost: u64,
}

/// What writes a publication; it needs nothing of the store, which may change meanwhile.
pub(super) struct Passage {
    pub(super) commit: pager::Staged,
    pub(super) press: pager::Press,
    pub(super) folder: PathBuf,
    pub(super) lock: Arc<Lock>,
    pub(super) block: Superblock,
    pub(super) outcome: Outcome,
    /// Whether this is all that is published before the next journal counts.
    pub(super) is_part: bool,
    /// The journal, which has to be durable first, so that no later operation survives an earlier one.
    pub(super) before: Option<global::Arc<File>>,
    /// The journal that counts from then on.
    pub(super) after: Option<global::Arc<File>>,
    /// The journal of the folder, if it has to be durable first.
    pub(super) common: Option<global::Arc<Common>>,
    /// From which journal on operations are needed until this is published.
    pub(super) old: u64,
    /// Whether the journal of the folder is not needed from then on, until something changes.
    pub(super) closes: bool,
}

impl Passage {
    pub(super) fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Writes it, and returns the superblock that counts from here on. Where the folder has gone from its place, it may be done again.
    pub(super) fn run(&self) -> Result<Superblock> {
        let written = self.write();
        if written.is_err() { self.lock.check(&self.folder).and(written) } else { written }
    }

    fn write(&self) -> Result<Superblock> {
        let Passage { commit, press, folder, outcome, .. } = self;
        let check = || self.lock.check(folder);
        let mut block = self.block;
        if let Some(common) = &self.common {
            common.flush()?;
        }
        if let Some(journal) = &self.before {
            journal.sync_data().at(folder)?;
        }
        if block.at_rest {
            block = Superblock { at_rest: false, ..block };
            check()?;
            Superblock { journal: self.old, ..block }.write(folder)?;
        }
        press.publish(commit, &check)?;
        if self.is_part {
            return Ok(Superblock { journal: self.old, ..block });
        }
        press.sync_spare()?;
        let old = folder.join(journal::file_name(block.journal));
        let home = block.home.map(|home| Home { open: home.open && !self.closes, ..home });
        block = Superblock { epoch: commit.epoch(), applied: outcome.applied, at_rest: true, home, ..block };
        if let Some(journal) = &self.after {
            block.journal += 1;
            journal.sync_all().at(folder)?;
            sync_folder(folder)?;
        }
        check()?;
        block.write(folder)?;
        if outcome.renews {
            match fs::remove_file(&old) {
                // A repair may have found no journal.
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(Error::io(&old, error)),
                _ => {}
            }
        }
        Ok(block)
    }
}
