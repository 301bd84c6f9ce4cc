//! Publishing what is in memory: as a whole, in part, or all but what begins the new journal.
//!
//! What is to be written is gathered, then written, then it counts. Who waits for it meanwhile has one [`Passage`] run; who does not sends it on its
//! way (`under_way.rs`), and goes on.

use super::super::Result;
use super::super::journal::{Journal, Op};
use super::super::next::Next;
use super::super::pager;
use super::super::superblock::Superblock;
use super::super::tree::KeyEdit;
use super::Store;
use super::passage::{Again, Outcome, Passage};
use crate::sync::Arc;
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

impl Staged {
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

    pub(super) fn publish(&mut self, extent: Extent, rest: &mut dyn Iterator<Item = KeyEdit<'_>>) -> Result<()> {
        self.land()?;
        let Some(staged) = self.stage(extent)? else {
            return if extent == Extent::All { self.say_closed() } else { Ok(()) };
        };
        lock(&self.journal).as_mut().filter(|_| extent != Extent::All).map_or(Ok(()), Journal::flush)?;
        let (mut passage, next) = self.prepare(staged, rest)?;
        // Nothing changes meanwhile.
        passage.closes = extent == Extent::All;
        let outcome = passage.outcome();
        let block = passage.run()?;
        self.pager.published()?;
        self.go_on_with(outcome, next);
        self.count(outcome, block);
        Ok(())
    }

    /// Gathers what is to be published; `None` if nothing differs from what is on disk. Nothing may be under way. Until it
    /// [departs](Self::depart) nothing may change.
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
            // What is not published is noted once more, with the numbers behind this; not while a journal is played, which stays.
            (Extent::Most, _) if self.common.is_some() && !self.replaying => self.seq,
            (_, Some(next)) => next.after,
            _ => self.published,
        };
        let commit = self.pager.stage(self.block.identity, applied, self.tree.root, self.tree.level)?;
        Ok(Some(Staged { extent, applied, commit, next }))
    }

    /// Makes the journal to go on with, if it is another one, and says how the rest is written; `rest` are the changes that begin the new journal.
    pub(super) fn prepare(
        &self,
        staged: Staged,
        rest: &mut dyn Iterator<Item = KeyEdit<'_>>,
    ) -> Result<(Passage, Option<Next>)> {
        let Staged { extent, applied, commit, next } = staged;
        if let Some(common) = &self.common {
            return Ok((self.prepare_in(common, extent, applied, commit, rest)?, None));
        }
        let mut before = None;
        if extent != Extent::All
            && let Some(journal) = &mut *lock(&self.journal)
        {
            journal.write()?;
            before = Some(journal.open_file());
        }
        // What was published in parts stays in the journal of an earlier process.
        let is_part = extent == Extent::Part || self.replaying;
        let goes_on = extent == Extent::All && lock(&self.journal).as_ref().is_some_and(Journal::is_empty);
        let mut next = next;
        if !is_part && !goes_on && next.is_none() {
            let journal = Journal::begin(&self.folder, self.block.identity, self.block.journal + 1)?;
            let mut new = Next { journal, after: applied, last: applied, cost: 0 };
            if extent == Extent::Most {
                self.begin(&mut new, rest)?;
            }
            next = Some(new);
        }
        let mut after = None;
        if let Some(next) = next.as_mut().filter(|_| !is_part) {
            next.journal.promise()?;
            after = Some(next.journal.open_file());
        }
        let is_whole = extent == Extent::All && !is_part;
        let again = Again { count: 0, cost: 0 };
        let outcome = Outcome { applied, renews: after.is_some(), is_whole, again, spent: 0 };
        let (press, folder, lock) = (self.pager.press(), self.folder.clone(), Arc::clone(&self.lock));
        let block = Superblock { home: None, ..self.block };
        let old = block.journal;
        let passage = Passage {
            commit,
            press,
            folder,
            lock,
            block,
            outcome,
            is_part,
            before,
            after,
            common: None,
            old,
            closes: false,
        };
        Ok((passage, next))
    }

    /// Notes changes in a new journal; the numbers of the old one are free again.
    fn begin(&self, next: &mut Next, rest: &mut dyn Iterator<Item = KeyEdit<'_>>) -> Result<()> {
        for KeyEdit { key, val } in rest {
            let mut note = |op: Op<'_>| next.note(1, op.cost(), |journal, seq| journal.note(seq, op));
            match val {
                Some(val) => self.pager.with_value(val, |val| note(Op::Put { key, val }))?,
                None => note(Op::Remove { key })?,
            }
        }
        Ok(())
    }

    /// From here on operations are noted in the next journal, too, if there will be another one.
    pub(super) fn go_on_with(&mut self, outcome: Outcome, next: Option<Next>) {
        if outcome.renews {
            *self.next() = next;
        }
        self.changed &= !outcome.is_whole;
        if self.common.is_some() {
            self.seq += outcome.again.count;
            self.replay_cost = self.replay_cost.saturating_sub(outcome.spent) + outcome.again.cost;
        }
    }

    /// From here on what was written counts.
    pub(super) fn count(&mut self, outcome: Outcome, block: Superblock) {
        self.published = outcome.applied;
        // What was cleared meanwhile is said by the next superblock.
        self.block = Superblock { floor: self.block.floor, ..block };
        self.outdated &= !outcome.is_whole;
        if let Some(common) = &self.common {
            let from = self.block.home.is_some_and(|home| home.open).then_some(self.block.journal);
            common.needs(self.member, from);
        }
        if outcome.renews
            && let Some(next) = self.next().take()
        {
            // What is in a frame and not yet applied comes again.
            self.seq = next.last - self.noted as u64;
            self.replay_cost = next.cost;
            *self.journal() = Some(next.journal);
        }
    }
}
