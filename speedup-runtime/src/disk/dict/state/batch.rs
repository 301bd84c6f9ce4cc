//! Several changes of a dict as one.

use super::{DictState, Step};
use crate::disk::journal::Op;
use crate::disk::store::LONGEST_BATCH;
use crate::disk::{Error, Result};

pub(super) fn op<'a>(&(key, val): &Step<'a>) -> Op<'a> {
    match val {
        Some(val) => Op::Put { key, val },
        None => Op::Remove { key },
    }
}

impl DictState {
    /// Refuses what cannot be applied; what it will need must be readable before it is noted.
    pub(super) fn check_batch(&mut self, steps: &[Step<'_>]) -> Result<()> {
        let mut size = 0;
        for &(key, val) in steps {
            Self::check(key, val.unwrap_or_default())?;
            self.contains(key)?;
            size += key.len() + val.map_or(0, <[u8]>::len);
        }
        if size > LONGEST_BATCH {
            return Err(Error::BatchTooLarge { size, limit: LONGEST_BATCH });
        }
        Ok(())
    }

    /// Applies all changes in order, or none: they are noted as one frame of the journal.
    pub(crate) fn batch(&mut self, steps: &[Step<'_>]) -> Result<()> {
        if steps.is_empty() {
            return Ok(());
        }
        self.check_batch(steps)?;
        let result = self.apply_all(steps);
        self.store.settle(result)
    }

    fn apply_all(&mut self, steps: &[Step<'_>]) -> Result<()> {
        self.store.note_all(steps.iter().map(op))?;
        self.apply_noted(steps)
    }

    /// Applies changes that were noted together.
    pub(super) fn apply_noted(&mut self, steps: &[Step<'_>]) -> Result<()> {
        for &step in steps {
            let (key, val) = step;
            let is_there = self.contains(key)?;
            match val {
                Some(val) => {
                    let above = self.is_above(key);
                    self.apply_put(key, val, above, !is_there)?;
                }
                None if is_there => self.apply_remove(key)?,
                None => self.store.note(op(&step))?,
            }
        }
        self.keep_bounded()
    }
}
