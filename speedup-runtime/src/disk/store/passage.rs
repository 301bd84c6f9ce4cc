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
        self.write().map_err(|error| self.explain(error))
    }

    /// The error behind an error.
    pub(super) fn explain(&self, error: Error) -> Error {
        self.check().err().unwrap_or(error)
    }

    fn write(&self) -> Result<Superblock> {
        let Passage { folder, outcome, .. } = self;
        if let Some(common) = &self.common {
            common.flush()?;
        }
        if let Some(journal) = &self.before {
            journal.sync_data().at(folder)?;
        }
        if self.block.at_rest {
            self.say_not_at_rest()?;
        }
        if self.is_part {
            self.press.publish(&self.commit, &|| self.check())?;
            return Ok(Superblock { journal: self.old, at_rest: false, ..self.block });
        }
        let mut block = self.publish()?;
        let old = folder.join(journal::file_name(block.journal));
        if let Some(journal) = &self.after {
            block.journal += 1;
            journal.sync_all().at(folder)?;
            sync_folder(folder)?;
        }
        self.check()?;
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

    fn check(&self) -> Result<()> {
        self.lock.check(&self.folder)
    }

    fn say_not_at_rest(&self) -> Result<()> {
        self.check()?;
        Superblock { journal: self.old, at_rest: false, ..self.block }.write(&self.folder)
    }

    /// Sees to it that the superblock does not say that all is at rest.
    pub(super) fn take_back(&self) -> Result<()> {
        // What this structure knows may have been said by the checkpoint of the folder.
        let is_said = Superblock::read(&self.folder)?.is_some_and(|block| block.at_rest);
        if is_said { self.say_not_at_rest() } else { Ok(()) }
    }

    /// Writes everything but the superblock, and returns that.
    pub(super) fn publish(&self) -> Result<Superblock> {
        self.press.publish(&self.commit, &|| self.check())?;
        self.press.sync_spare()?;
        let home = self.block.home.map(|home| Home { open: home.open && !self.closes, ..home });
        let (epoch, applied) = (self.commit.epoch(), self.outcome.applied);
        Ok(Superblock { epoch, applied, at_rest: true, home, ..self.block })
    }
}
