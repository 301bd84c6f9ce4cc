//! Publishing what is in memory: as a whole, in part, or all but what begins the new journal.
//!
//! Each in three parts: what is to be written is gathered, then written while others read, then it counts.

use std::fs;
use std::io::ErrorKind;

use super::super::journal::{self, Journal, Op};
use super::super::next::Next;
use super::super::pager;
use super::super::superblock::Superblock;
use super::super::tree::KeyEdit;
use super::super::{Error, Result};
use super::Store;
use crate::sync::global::lock;

/// What is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// The tree while operations are still on their way into it: after a crash they are applied once more.
    Part,
    /// Everything; every operation is in the tree.
    All,
    /// Everything but some changes that are on their way into the tree, which begin the new journal. Only for operations that may be applied again:
    /// until the superblock names the new journal, the old one counts.
    Most,
}

/// A publication that is to be written.
pub(crate) struct Staged {
    extent: Extent,
    applied: u64,
    commit: pager::Staged,
    /// The journal to go on with, if it was begun.
    next: Option<Next>,
}

/// A publication that is written and does not count yet.
pub(crate) struct Written {
    extent: Extent,
    applied: u64,
    block: Superblock,
    /// The journal to go on with, if it is another one.
    journal: Option<Journal>,
    /// The number of the last operation, and the cost of playing those of the new journal.
    rest: (u64, u64),
}

impl Written {
    /// Whether every operation is published.
    pub(crate) fn is_whole(&self) -> bool {
        self.extent == Extent::All
    }
}

impl Store {
    /// Publishes the tree while operations are still on their way into it.
    pub(crate) fn publish_part(&mut self) -> Result<()> {
        self.publish(Extent::Part, &mut std::iter::empty())
    }

    /// Publishes everything and starts an empty journal; every operation must be in the tree.
    pub(crate) fn checkpoint(&mut self) -> Result<()> {
        self.publish(Extent::All, &mut std::iter::empty())
    }

    /// Publishes everything but the `rest`, which begins the new journal.
    pub(crate) fn checkpoint_but<'a>(&mut self, mut rest: impl Iterator<Item = KeyEdit<'a>>) -> Result<()> {
        self.publish(Extent::Most, &mut rest)
    }

    fn publish(&mut self, extent: Extent, rest: &mut dyn Iterator<Item = KeyEdit<'_>>) -> Result<()> {
        let Some(staged) = self.stage(extent)? else { return Ok(()) };
        let written = self.write(staged, rest)?;
        self.adopt(written);
        Ok(())
    }

    /// Gathers what is to be published; `None` if nothing differs from what is on disk. Until [`adopt`](Self::adopt) nothing may change.
    pub(crate) fn stage(&mut self, extent: Extent) -> Result<Option<Staged>> {
        if extent == Extent::All && !self.changed {
            return Ok(None);
        }
        self.check_place()?;
        let next = if extent == Extent::Most { self.take_next() } else { None };
        if extent == Extent::All {
            self.drop_next();
        }
        let applied = match (extent, &next) {
            (Extent::All, _) => self.seq,
            (_, Some(next)) => next.after,
            _ => self.published,
        };
        let commit = self.pager.stage(self.block.identity, applied, self.tree.root, self.tree.level)?;
        Ok(Some(Staged { extent, applied, commit, next }))
    }

    /// Writes what was gathered, while others may read; `rest` are the changes that begin the new journal.
    pub(crate) fn write(&self, staged: Staged, rest: &mut dyn Iterator<Item = KeyEdit<'_>>) -> Result<Written> {
        let Staged { extent, applied, commit, next } = staged;
        if extent != Extent::All {
            // The journal goes first, so that no later operation survives an earlier one.
            lock(&self.journal).as_mut().map_or(Ok(()), Journal::flush)?;
        }
        let mut block = self.block;
        if block.at_rest {
            block = Superblock { at_rest: false, ..block };
            block.write(&self.folder)?;
        }
        self.pager.publish(&commit)?;
        let rest = match extent {
            // What was published in parts stays in the journal of an earlier process.
            _ if self.replaying => {
                return Ok(Written { extent: Extent::Part, applied, block, journal: None, rest: (0, 0) });
            }
            Extent::Part => return Ok(Written { extent, applied, block, journal: None, rest: (0, 0) }),
            Extent::All => &mut std::iter::empty(),
            Extent::Most => rest,
        };
        self.pager.sync_spare()?;
        block = Superblock { epoch: commit.epoch(), applied, at_rest: true, ..block };
        let goes_on = extent == Extent::All && lock(&self.journal).as_ref().is_some_and(Journal::is_empty);
        let (mut journal, mut numbers) = (None, (applied, 0));
        if !goes_on {
            block.journal += 1;
            journal = Some(if let Some(next) = next {
                numbers = (self.seq, next.cost);
                next.settle()?
            } else {
                let mut new = Journal::create(&self.folder, block.identity, block.journal)?;
                if extent == Extent::Most {
                    numbers = self.begin(&mut new, applied, rest)?;
                }
                new
            });
        }
        block.write(&self.folder)?;
        if block.journal != self.block.journal {
            self.remove_journal()?;
        }
        Ok(Written { extent, applied, block, journal, rest: numbers })
    }

    /// Notes changes in a new journal; the numbers of the old one are free again.
    fn begin(
        &self,
        journal: &mut Journal,
        applied: u64,
        rest: &mut dyn Iterator<Item = KeyEdit<'_>>,
    ) -> Result<(u64, u64)> {
        let (mut seq, mut cost) = (applied, 0);
        for KeyEdit { key, val } in rest {
            seq += 1;
            let mut note = |op: Op<'_>| {
                cost += op.cost();
                journal.note(seq, op)
            };
            match val {
                Some(val) => self.pager.with_value(val, |val| note(Op::Put { key, val }))?,
                None => note(Op::Remove { key })?,
            }
        }
        journal.flush()?;
        Ok((seq, cost))
    }

    /// From here on what was written counts.
    pub(crate) fn adopt(&mut self, written: Written) {
        let Written { extent, applied, block, journal, rest } = written;
        self.pager.published();
        (self.published, self.block) = (applied, block);
        if extent == Extent::Part {
            return;
        }
        if let Some(journal) = journal {
            *self.journal() = Some(journal);
        }
        (self.seq, self.replay_cost) = rest;
        if extent == Extent::All {
            self.changed = false;
        }
    }

    /// Removes the journal that the superblock no longer names.
    fn remove_journal(&self) -> Result<()> {
        let old = self.folder.join(journal::file_name(self.block.journal));
        match fs::remove_file(&old) {
            // A repair may have found no journal.
            Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io(&old, error)),
            _ => Ok(()),
        }
    }
}
