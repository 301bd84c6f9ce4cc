//! The part of a dict in changes of several structures.

use super::batch::op;
use super::{DictState, Step};
use crate::disk::Result;
use crate::disk::common::Noted;
use crate::disk::joint::{self, Part};

impl DictState {
    fn joint_steps(steps: &[joint::Step]) -> Vec<Step<'_>> {
        let steps = steps.iter().filter_map(|step| match step {
            joint::Step::Put(key, value) => Some((key.as_slice(), Some(value.as_slice()))),
            joint::Step::Remove(key) => Some((key.as_slice(), None)),
            _ => None,
        });
        steps.collect()
    }

    /// Refuses what cannot be made.
    pub(crate) fn check_joint(&mut self, steps: &[joint::Step]) -> Result<()> {
        self.check_batch(&Self::joint_steps(steps))
    }

    /// The changes as they are noted beside those of other structures.
    pub(crate) fn noted_next<'a>(&mut self, steps: &'a [joint::Step]) -> Result<Noted<'a>> {
        self.check_joint(steps)?;
        self.store.noted_next(Self::joint_steps(steps).iter().map(op).collect())
    }

    /// Makes changes that were noted beside those of other structures.
    pub(crate) fn make_noted(&mut self, steps: &[joint::Step]) -> Result<()> {
        let steps = Self::joint_steps(steps);
        self.store.expect(steps.len());
        let result = self.apply_noted(&steps);
        self.store.settle(result)
    }

    /// Makes the changes, durably; a second time makes no difference.
    pub(crate) fn make_joint(&mut self, part: &Part) -> Result<()> {
        self.batch(&Self::joint_steps(&part.steps))?;
        self.store.flush()
    }

    /// Makes what an earlier process wrote down and did not make.
    pub(super) fn make_pending(&mut self) -> Result<()> {
        if self.store.is_read_only() {
            return Ok(());
        }
        for pending in joint::pending(self.store.folder(), self.store.identity())? {
            self.make_joint(pending.part())?;
            pending.done()?;
        }
        Ok(())
    }
}
