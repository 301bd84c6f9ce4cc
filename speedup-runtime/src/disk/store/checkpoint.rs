//! Publishing what is in memory: as a whole, in part, or all but what begins the new journal.

use std::fs;
use std::io::ErrorKind;

use super::super::journal::{self, Journal, Op};
use super::super::pager::Meta;
use super::super::superblock::Superblock;
use super::super::tree::KeyEdit;
use super::super::{Error, Result};
use super::Store;

impl Store {
    /// Publishes the tree while operations are still on their way into it: after a crash they are applied once more.
    pub(crate) fn publish_part(&mut self) -> Result<()> {
        // The journal goes first, so that no later operation survives an earlier one.
        self.journal().as_mut().map_or(Ok(()), Journal::flush)?;
        self.commit(self.published).map(drop)
    }

    /// Publishes the tree as the state after operation `applied`.
    fn commit(&mut self, applied: u64) -> Result<Meta> {
        self.check_place()?;
        if self.block.at_rest {
            let block = Superblock { at_rest: false, ..self.block };
            block.write(&self.folder)?;
            self.block = block;
        }
        let meta = self.pager.commit(self.block.identity, applied, self.tree.root, self.tree.level)?;
        self.published = applied;
        Ok(meta)
    }

    /// Publishes everything and starts an empty journal; every operation must be in the tree.
    pub(crate) fn checkpoint(&mut self) -> Result<()> {
        if !self.changed {
            return Ok(());
        }
        let meta = self.commit(self.seq)?;
        if self.replaying {
            return Ok(());
        }
        self.pager.sync_spare()?;
        let mut block = Superblock { epoch: meta.epoch, applied: meta.applied, at_rest: true, ..self.block };
        let journal = match self.journal().take() {
            Some(journal) if journal.is_empty() => journal,
            _ => {
                block.journal += 1;
                Journal::create(&self.folder, block.identity, block.journal)?
            }
        };
        block.write(&self.folder)?;
        if block.journal != self.block.journal {
            self.remove_journal()?;
        }
        *self.journal() = Some(journal);
        self.block = block;
        (self.replay_cost, self.changed) = (0, false);
        Ok(())
    }

    /// Publishes everything but the `rest`, changes that are on their way into the tree, which begin the new journal.
    ///
    /// Only for operations that may be applied again: until the superblock names the new journal, the old one counts.
    pub(crate) fn checkpoint_but<'a>(&mut self, rest: impl Iterator<Item = KeyEdit<'a>>) -> Result<()> {
        self.publish_part()?;
        if self.replaying {
            return Ok(());
        }
        self.pager.sync_spare()?;
        let applied = self.published;
        let block = Superblock {
            epoch: self.pager.last_epoch(),
            applied,
            journal: self.block.journal + 1,
            at_rest: true,
            ..self.block
        };
        let mut journal = Journal::create(&self.folder, block.identity, block.journal)?;
        // The numbers of the old journal are free again.
        (self.seq, self.replay_cost) = (applied, 0);
        for KeyEdit { key, val } in rest {
            self.seq += 1;
            let mut note = |op: Op<'_>| {
                self.replay_cost += op.cost();
                journal.note(self.seq, op)
            };
            match val {
                Some(val) => self.pager.with_value(val, |val| note(Op::Put { key, val }))?,
                None => note(Op::Remove { key })?,
            }
        }
        journal.flush()?;
        block.write(&self.folder)?;
        self.remove_journal()?;
        *self.journal() = Some(journal);
        self.block = block;
        Ok(())
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
