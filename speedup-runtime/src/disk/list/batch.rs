//! The part of a list in changes of several structures.

use std::marker::PhantomData;

use super::DiskList;
use super::state::ListState;
use crate::disk::handle::Access;
use crate::disk::joint::{self, Part, Step};
use crate::disk::value::{Codec, Value};
use crate::disk::{Error, Result};

/// Changes of a list that are made together with others; filled by the closure of [`FolderBatch::list`](crate::disk::FolderBatch::list).
pub struct ListBatch<T> {
    steps: Vec<Step>,
    codec: Codec,
    /// The first item that could not be encoded.
    error: Option<Error>,
    types: PhantomData<fn(T)>,
}

impl<T: Value> ListBatch<T> {
    /// Adds an item at the end. One that cannot be encoded, or would not come back, is reported by
    /// [`FolderBatch::list`](crate::disk::FolderBatch::list), which then adds nothing.
    pub fn push(&mut self, value: T) {
        let mut bytes = Vec::new();
        match self.codec.write(value, &mut bytes).and_then(|()| ListState::check(&bytes)) {
            Ok(()) => self.steps.push(Step::Push(bytes)),
            Err(error) => {
                self.error.get_or_insert(error);
            }
        }
    }
}

impl<T> std::fmt::Debug for ListBatch<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ListBatch").field("len", &self.steps.len()).finish_non_exhaustive()
    }
}

impl<T: Value> DiskList<T> {
    /// The changes that `fill` makes, encoded.
    pub(crate) fn gather_batch<R>(&mut self, fill: impl FnOnce(&mut ListBatch<T>) -> R) -> Result<(Vec<Step>, R)> {
        self.report()?;
        let mut batch = ListBatch { steps: Vec::new(), codec: self.codec, error: None, types: PhantomData };
        let result = fill(&mut batch);
        if let Some(maxlen) = self.maxlen.filter(|&most| self.len() + batch.steps.len() > most) {
            return Err(Error::Full { maxlen });
        }
        batch.error.map_or(Ok((batch.steps, result)), Err)
    }

    pub(crate) fn access(&self) -> &Access<ListState> {
        &self.handle
    }
}

impl ListState {
    /// Makes the changes, durably; those that are made already are not made again.
    pub(crate) fn make_joint(&mut self, part: &Part) -> Result<()> {
        let made = self.len().saturating_sub(part.len) as usize;
        for step in part.steps.iter().skip(made) {
            if let Step::Push(item) = step {
                self.push(item)?;
            }
        }
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
