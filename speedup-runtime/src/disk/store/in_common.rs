//! A structure whose operations are in the journal of the folder around.

use std::fs;

use super::super::common::{Common, Noted};
use super::super::journal::{Op, file_name};
use super::super::superblock::{Home, Superblock};
use super::super::tree::KeyEdit;
use super::super::{Result, pager};
use super::Store;
use super::checkpoint::Extent;
use super::passage::{Again, Outcome, Passage};
use crate::sync::Arc;
use crate::sync::global::{self, lock};

impl Store {
    /// The journal of the folder around, if operations are noted there.
    pub(crate) fn common(&self) -> Option<&global::Arc<Common>> {
        self.common.as_ref()
    }

    /// Goes over to the journal of the folder, if there is one and all operations are published.
    pub(crate) fn settle_in(&mut self) {
        if self.adopting.is_some() && self.journal().as_ref().is_some_and(|journal| journal.is_empty()) {
            self.common = self.adopting.take();
            *self.journal() = None;
        }
    }

    /// Whether everything must be published before it can go over.
    pub(crate) fn is_to_settle_in(&self) -> bool {
        self.adopting.is_some() && lock(&self.journal).as_ref().is_some_and(|journal| !journal.is_empty())
    }

    /// Says in the superblock that operations may be in the journal of the folder alone, before the first of them is.
    #[inline]
    pub(super) fn say_open(&mut self) -> Result<()> {
        if self.common.is_none() || self.replaying || self.block.home.is_some_and(|home| home.open) {
            return Ok(());
        }
        self.write_open()
    }

    #[cold]
    fn write_open(&mut self) -> Result<()> {
        // What is on its way would write another superblock.
        self.land()?;
        self.check_place()?;
        let Some(common) = &self.common else { return Ok(()) };
        let member = self.member;
        let old = self.block.home.is_none().then(|| self.folder.join(file_name(self.block.journal)));
        let home = Some(common.home(member, true));
        self.block = common.need(member, |journal| {
            let block = Superblock { home, journal, ..self.block };
            block.write(&self.folder).map(|()| block)
        })?;
        if let Some(old) = old {
            // It is empty, and nobody looks for it.
            let _later = fs::remove_file(old);
        }
        Ok(())
    }

    /// Says in the superblock that the journal of the folder is not needed; everything is published.
    pub(super) fn say_closed(&mut self) -> Result<()> {
        let Some(home) = self.block.home.filter(|home| home.open && self.common.is_some() && !self.replaying) else {
            return Ok(());
        };
        self.check_place()?;
        let block = Superblock { home: Some(Home { open: false, ..home }), ..self.block };
        block.write(&self.folder)?;
        self.block = block;
        if let Some(common) = &self.common {
            common.needs(self.member, None);
        }
        Ok(())
    }

    /// Notes an operation there.
    #[inline]
    pub(super) fn note_in(&self, common: &global::Arc<Common>, seq: u64, op: Op<'_>) -> Result<()> {
        if self.replaying { Ok(()) } else { common.note(self.member, seq, op) }
    }

    /// The operations that come next, as they are noted beside those of other structures; then they are noted once more as they are applied.
    pub(crate) fn noted_next<'a>(&mut self, ops: Vec<Op<'a>>) -> Result<Noted<'a>> {
        self.say_open()?;
        Ok(Noted { member: self.member, first: self.seq + 1, ops })
    }

    /// So many operations that come next were noted beside those of other structures.
    pub(crate) fn expect(&mut self, count: usize) {
        self.changed = true;
        self.noted = count;
    }

    /// Whether the journal of the folder may hold operations before its file `number` that are not published.
    pub(crate) fn needs_before(&self, number: u64) -> bool {
        self.common.is_some() && self.block.home.is_some_and(|home| home.open) && self.block.journal < number
    }

    /// Says how a publication is written of which the operations are in the journal of the folder; `rest` are the changes that are not published.
    pub(super) fn prepare_in(
        &self,
        common: &global::Arc<Common>,
        extent: Extent,
        applied: u64,
        commit: pager::Staged,
        rest: &mut dyn Iterator<Item = KeyEdit<'_>>,
    ) -> Result<Passage> {
        let is_part = extent == Extent::Part || self.replaying;
        // What is noted from here on lies in this file or a later one.
        let journal = common.number();
        let mut again = Again { count: 0, cost: 0 };
        if extent == Extent::Most && !is_part {
            self.note_again(applied, &mut again, rest)?;
        }
        let spent = if is_part { 0 } else { self.replay_cost };
        let is_whole = extent == Extent::All && !is_part;
        let home = self.block.home.or(Some(common.home(self.member, false)));
        Ok(Passage {
            commit,
            press: self.pager.press(),
            folder: self.folder.clone(),
            lock: Arc::clone(&self.lock),
            block: Superblock { journal, home, ..self.block },
            outcome: Outcome { applied, renews: false, is_whole, again, spent },
            is_part,
            before: None,
            after: None,
            // What others noted before must be there when this is.
            common: Some(global::Arc::clone(common)),
            old: self.block.journal,
            closes: false,
        })
    }

    /// Notes changes that are not published once more, behind operation `applied`: they are what all of them have come to.
    fn note_again(&self, applied: u64, again: &mut Again, rest: &mut dyn Iterator<Item = KeyEdit<'_>>) -> Result<()> {
        let Some(common) = &self.common else { return Ok(()) };
        for KeyEdit { key, val } in rest {
            let mut note = |op: Op<'_>| {
                again.count += 1;
                again.cost += op.cost();
                common.note(self.member, applied + again.count, op)
            };
            match val {
                Some(val) => self.pager.with_value(val, |val| note(Op::Put { key, val }))?,
                None => note(Op::Remove { key })?,
            }
        }
        Ok(())
    }
}
