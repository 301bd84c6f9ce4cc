//! The journal of a store: noting operations, writing them, and when they are to be published.

use super::super::Result;
use super::super::journal::{Journal, Op};
use super::{LONG_JOURNAL, LONG_REPLAY, Store};
use crate::sync::global::lock;

impl Store {
    /// Notes an operation in the journal, before it changes anything.
    #[inline]
    pub(crate) fn note(&mut self, op: Op<'_>) -> Result<()> {
        if self.noted == 0 {
            self.say_open()?;
        }
        self.changed = true;
        self.seq += 1;
        self.replay_cost += op.cost();
        if self.noted > 0 {
            self.noted -= 1;
            return Ok(());
        }
        let seq = self.seq;
        if let Some(common) = &self.common {
            return self.note_in(common, seq, op);
        }
        self.note_next(1, op.cost(), |journal, seq| journal.note(seq, op))?;
        self.journal().as_mut().map_or(Ok(()), |journal| journal.note(seq, op))
    }

    /// Notes operations so that a crash leaves all of them or none; each is then noted once more when it is applied.
    pub(crate) fn note_all<'a>(&mut self, ops: impl ExactSizeIterator<Item = Op<'a>> + Clone) -> Result<()> {
        self.say_open()?;
        self.changed = true;
        self.noted = ops.len();
        let seq = self.seq + 1;
        if let Some(common) = &self.common {
            return if self.replaying { Ok(()) } else { common.note_batch(self.member, seq, ops) };
        }
        let cost = ops.clone().map(Op::cost).sum();
        self.note_next(ops.len(), cost, |journal, seq| journal.note_all(seq, ops.clone()))?;
        self.journal().as_mut().map_or(Ok(()), |journal| journal.note_all(seq, ops))
    }

    /// The number of the last operation.
    pub(crate) fn operations(&self) -> u64 {
        self.seq
    }

    /// Makes the next checkpoint happen although no operation was noted.
    pub(crate) fn touch(&mut self) {
        self.changed = true;
    }

    /// Makes the next checkpoint happen if what is on disk cannot be read as it is: an early version wrote it, or a part was published since.
    pub(crate) fn touch_unless_at_rest(&mut self) {
        self.changed |= !self.block.at_rest;
    }

    #[inline]
    pub(super) fn journal(&mut self) -> &mut Option<Journal> {
        self.journal.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Whether operations are in this process only.
    #[inline]
    pub(crate) fn is_waiting(&mut self) -> bool {
        match &self.common {
            Some(common) => common.is_waiting(),
            None => self.journal().as_ref().is_some_and(Journal::is_waiting),
        }
    }

    /// Hands the journal to the operating system.
    pub(crate) fn write_journal(&self) -> Result<()> {
        let result = match &self.common {
            Some(common) => common.write(),
            None => self.each_journal(Journal::write),
        };
        self.settle(result)
    }

    /// Makes every operation so far durable.
    pub(super) fn flush_journal(&self) -> Result<()> {
        match &self.common {
            Some(common) => common.flush(),
            None => self.each_journal(Journal::flush),
        }
    }

    /// The journal, and the next one where a checkpoint that is on its way may have named it.
    pub(super) fn each_journal(&self, with: impl Fn(&mut Journal) -> Result<()>) -> Result<()> {
        lock(&self.journal).as_mut().map_or(Ok(()), &with)?;
        if self.is_renewing() {
            lock(&self.next).as_mut().map_or(Ok(()), |next| with(&mut next.journal))?;
        }
        Ok(())
    }

    /// Returns when every operation so far survives a power cut. Of a structure that nobody tends nothing is written from then on, so its files may be
    /// copied, unless it is to be published together with others.
    pub(crate) fn flush(&self) -> Result<()> {
        self.check()?;
        let result = self.flush_journal();
        self.settle(result)?;
        if !self.deferred && !self.is_aboard() {
            self.wait();
        }
        self.check_place()
    }

    /// Whether a checkpoint is due.
    #[inline]
    pub(crate) fn is_due(&mut self) -> bool {
        self.noted == 0 && (self.pager.is_crowded() || self.is_long(1))
    }

    /// Whether a checkpoint will soon be due.
    pub(crate) fn is_nearly_due(&mut self) -> bool {
        self.noted == 0 && self.is_long(2)
    }

    /// Whether the journal has come to one `part`-th of what it may be.
    #[inline]
    pub(super) fn is_long(&mut self, part: u64) -> bool {
        if self.is_renewing()
            && let Some(next) = self.next()
        {
            return next.journal.len() > LONG_JOURNAL / part || next.cost > LONG_REPLAY / part;
        }
        let cost = self.replay_cost;
        if let Some(common) = &self.common {
            // What is on its way needs less of it.
            let is_behind = self.changed && self.under_way.is_none() && common.is_long(self.block.journal);
            return cost > LONG_REPLAY / part || (part == 1 && is_behind);
        }
        let long = |journal: &Journal| journal.len() > LONG_JOURNAL / part || cost > LONG_REPLAY / part;
        self.journal().as_ref().is_some_and(long)
    }

    /// About how many nanoseconds it takes to play the journal.
    #[cfg(test)]
    pub(crate) fn replay_cost(&self) -> u64 {
        self.replay_cost
    }
}
