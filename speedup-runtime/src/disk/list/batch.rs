//! Several changes of a list as one.

use std::marker::PhantomData;

use super::DiskList;
use super::state::ListState;
use super::touched::touched;
use crate::disk::common::Noted;
use crate::disk::handle::Access;
use crate::disk::joint::{self, Part, Step};
use crate::disk::journal::Op;
use crate::disk::shared::Shared;
use crate::disk::store::LONGEST_BATCH;
use crate::disk::value::{Codec, Value};
use crate::disk::{Error, Result};

/// Changes that are made as one; filled by the closure of [`DiskList::batch`] or [`FolderBatch::list`](crate::disk::FolderBatch::list).
///
/// Positions are those that the changes before have left. The first change that cannot be made is reported by [`DiskList::batch`], which
/// then changes nothing.
pub struct ListBatch<T> {
    steps: Vec<Step>,
    /// How many items there will be.
    len: usize,
    /// How many there may be.
    maxlen: Option<usize>,
    codec: Codec,
    /// The first change that cannot be made.
    error: Option<Error>,
    types: PhantomData<fn(T)>,
}

impl<T: Value> ListBatch<T> {
    /// How many items there will be.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there will be none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds an item at the end; if the list has a `maxlen`, what is too much at the front goes.
    pub fn push(&mut self, value: T) {
        if self.maxlen != Some(0) {
            self.add(value, Step::Push);
            let over = self.maxlen.map_or(0, |most| self.len.saturating_sub(most));
            self.cut(0, over);
        }
    }

    /// Adds an item at the front; if the list has a `maxlen`, what is too much at the end goes.
    pub fn push_front(&mut self, value: T) {
        if self.maxlen != Some(0) {
            self.add(value, |bytes| Step::Insert(0, bytes));
            self.truncate(self.maxlen.unwrap_or(self.len));
        }
    }

    /// Puts an item before the one at a position, which may be the end.
    ///
    /// Past the end it is [`Error::OutOfBounds`], and [`Error::Full`] if the list has reached its `maxlen`.
    pub fn insert(&mut self, index: usize, value: T) {
        if index > self.len {
            return self.refuse(Error::OutOfBounds { index, len: self.len });
        }
        match self.maxlen.filter(|&most| self.len >= most) {
            Some(maxlen) => self.refuse(Error::Full { maxlen }),
            None => self.add(value, |bytes| Step::Insert(index as u64, bytes)),
        }
    }

    /// Puts another item at a position; past the end it is [`Error::OutOfBounds`].
    pub fn set(&mut self, index: usize, value: T) {
        if index >= self.len {
            return self.refuse(Error::OutOfBounds { index, len: self.len });
        }
        if let Some(bytes) = self.encoded(value) {
            self.steps.push(Step::Set(index as u64, bytes));
        }
    }

    /// Removes the item at a position, there or not.
    pub fn remove(&mut self, index: usize) {
        if index < self.len {
            self.cut(index, index + 1);
        }
    }

    /// Removes the last item, if there is one.
    pub fn pop(&mut self) {
        self.truncate(self.len.saturating_sub(1));
    }

    /// Removes the first item, if there is one.
    pub fn pop_front(&mut self) {
        self.remove(0);
    }

    /// Keeps the first `len` items.
    pub fn truncate(&mut self, len: usize) {
        self.cut(len, self.len);
    }

    /// Removes all items.
    pub fn clear(&mut self) {
        self.truncate(0);
    }

    fn encoded(&mut self, value: T) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        match self.codec.write(value, &mut bytes).and_then(|()| ListState::check(&bytes)) {
            Ok(()) => Some(bytes),
            Err(error) => {
                self.refuse(error);
                None
            }
        }
    }

    fn add(&mut self, value: T, step: impl FnOnce(Vec<u8>) -> Step) {
        // One that is refused takes its place, so that the positions of what follows are what they would be.
        let bytes = self.encoded(value).unwrap_or_default();
        self.steps.push(step(bytes));
        self.len += 1;
    }

    fn cut(&mut self, from: usize, to: usize) {
        if from < to {
            self.steps.push(Step::Cut(from as u64, to as u64));
            self.len -= to - from;
        }
    }

    fn refuse(&mut self, error: Error) {
        self.error.get_or_insert(error);
    }
}

impl<T> std::fmt::Debug for ListBatch<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ListBatch").field("changes", &self.steps.len()).finish_non_exhaustive()
    }
}

impl<T: Value> DiskList<T> {
    /// Makes several changes as one: after a crash all of them are there or none, and nobody sees a part of them.
    ///
    /// The changes are gathered in memory while `fill` runs and made in their order when it returns; what it returns is passed on. If it panics, nothing
    /// changes.
    ///
    /// # Errors
    ///
    /// As the methods of [`ListBatch`] say, and [`Error::BatchTooLarge`] beyond 1 GiB; nothing has changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), speedup_runtime::disk::Error> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path();
    /// use speedup_runtime::disk::DiskList;
    ///
    /// let mut jobs = DiskList::<String>::builder("jobs").location(path).open()?;
    /// jobs.extend(["wash".to_owned(), "dry".to_owned()])?;
    /// jobs.batch(|jobs| {
    ///     jobs.pop_front();
    ///     jobs.push("iron".into());
    ///     jobs.set(0, "dry well".into());
    /// })?;
    /// assert_eq!(jobs.to_vec()?, ["dry well", "iron"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "transaction")]
    #[doc(alias = "apply_batch")]
    pub fn batch<R>(&mut self, fill: impl FnOnce(&mut ListBatch<T>) -> R) -> Result<R> {
        let (steps, result) = self.gather_batch(fill)?;
        self.handle.change(|state| state.batch(&steps))?;
        Ok(result)
    }

    /// The changes that `fill` makes, encoded.
    pub(crate) fn gather_batch<R>(&mut self, fill: impl FnOnce(&mut ListBatch<T>) -> R) -> Result<(Vec<Step>, R)> {
        self.report()?;
        let (len, maxlen, codec) = (self.len(), self.maxlen, self.codec);
        let mut batch = ListBatch { steps: Vec::new(), len, maxlen, codec, error: None, types: PhantomData };
        let result = fill(&mut batch);
        batch.error.map_or(Ok((batch.steps, result)), Err)
    }

    pub(crate) fn access(&self) -> &Access<ListState> {
        &self.handle
    }
}

impl<T: Value> Shared<DiskList<T>> {
    /// Makes several changes as one; see [`DiskList::batch`].
    ///
    /// # Errors
    ///
    /// As [`DiskList::batch`].
    pub fn batch<R>(&self, fill: impl FnOnce(&mut ListBatch<T>) -> R) -> Result<R> {
        self.with(|list| list.batch(fill))
    }
}

fn op(step: &Step) -> Option<Op<'_>> {
    Some(match step {
        Step::Push(val) => Op::Push { val },
        &Step::Insert(at, ref val) => Op::Insert { at, val },
        &Step::Set(at, ref val) => Op::Set { at, val },
        &Step::Cut(from, to) => Op::Cut { from, to },
        Step::Put(..) | Step::Remove(_) | Step::Since(_) => return None,
    })
}

impl ListState {
    /// Refuses what cannot be made; the pages that the changes need must be readable before they are noted.
    pub(crate) fn check_batch(&mut self, steps: &[Step]) -> Result<()> {
        let size = steps.iter().map(Step::size).sum();
        if size > LONGEST_BATCH {
            return Err(Error::BatchTooLarge { size, limit: LONGEST_BATCH });
        }
        match touched(self.len(), steps) {
            Some(places) => places.into_iter().try_for_each(|at| self.readable(at)),
            None => self.all_readable(),
        }
    }

    /// Makes all changes in order, or none: they are noted as one frame of the journal.
    pub(crate) fn batch(&mut self, steps: &[Step]) -> Result<()> {
        let ops: Vec<Op<'_>> = steps.iter().filter_map(op).collect();
        if ops.is_empty() {
            return Ok(());
        }
        self.check_batch(steps)?;
        let result = self.apply_all(&ops);
        self.store.settle(result)
    }

    /// Adds an item at the end and takes out what is more than `most` at the front, as one step.
    pub(super) fn push_within(&mut self, val: &[u8], most: u64) -> Result<()> {
        let len = self.len();
        match (len + 1).saturating_sub(most) {
            _ if most == 0 => Ok(()),
            0 => self.push(val),
            over => self.exchange_ends(&[Op::Push { val }, Op::Cut { from: 0, to: over }], [0, over - 1, len - 1]),
        }
    }

    /// Adds an item at the front and takes out what is more than `most` at the end, as one step.
    pub(super) fn push_front_within(&mut self, val: &[u8], most: u64) -> Result<()> {
        let len = self.len();
        match (len + 1).saturating_sub(most) {
            _ if most == 0 => Ok(()),
            0 => self.insert(0, val),
            _ => {
                let ops = [Op::Insert { at: 0, val }, Op::Cut { from: most, to: len + 1 }];
                self.exchange_ends(&ops, [0, most - 1, len - 1])
            }
        }
    }

    /// Makes changes that need the pages of these places.
    fn exchange_ends(&mut self, ops: &[Op<'_>], places: [u64; 3]) -> Result<()> {
        ops.iter().try_for_each(|op| {
            if let Op::Push { val } | Op::Insert { val, .. } = op { Self::check(val) } else { Ok(()) }
        })?;
        places.into_iter().try_for_each(|at| self.readable(at))?;
        let result = self.apply_all(ops);
        self.store.settle(result)
    }

    fn apply_all(&mut self, ops: &[Op<'_>]) -> Result<()> {
        self.store.note_all(ops.iter().copied())?;
        self.apply_noted(ops)
    }

    /// Applies changes that were noted together.
    fn apply_noted(&mut self, ops: &[Op<'_>]) -> Result<()> {
        ops.iter().try_for_each(|&op| {
            let before = self.store.operations();
            self.redo(op)?;
            // One for which there is nothing to do, as after a repair that lost items, is noted, too.
            if self.store.operations() == before { self.store.note(op) } else { Ok(()) }
        })
    }

    /// The changes as they are noted beside those of other structures.
    pub(crate) fn noted_next<'a>(&mut self, steps: &'a [Step]) -> Result<Noted<'a>> {
        self.check_batch(steps)?;
        self.store.noted_next(steps.iter().filter_map(op).collect())
    }

    /// Makes changes that were noted beside those of other structures.
    pub(crate) fn make_noted(&mut self, steps: &[Step]) -> Result<()> {
        let ops: Vec<Op<'_>> = steps.iter().filter_map(op).collect();
        self.store.expect(ops.len());
        let result = self.apply_noted(&ops);
        self.store.settle(result)
    }

    /// The changes as they are written down beside those of other structures, with what tells whether they were made.
    pub(crate) fn joint_steps(&self, steps: Vec<Step>) -> Vec<Step> {
        let mut all = vec![Step::Since(self.store.operations())];
        all.extend(steps);
        all
    }

    /// Makes the changes, durably; those that are made already are not made again.
    pub(crate) fn make_joint(&mut self, part: &Part) -> Result<()> {
        match part.steps.split_first() {
            // They were noted as one, so all of them are there or none.
            Some((&Step::Since(operations), steps)) if self.store.operations() <= operations => self.batch(steps)?,
            Some((Step::Since(_), _)) => {}
            // An earlier version wrote them down, which knew nothing but adding items.
            _ => {
                let made = self.len().saturating_sub(part.len) as usize;
                self.batch(part.steps.get(made..).unwrap_or_default())?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::testing::{copy_all, open_list};

    #[test]
    fn changes_beyond_what_a_repair_has_left_do_not_swallow_those_that_follow() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = open_list(folder.path());
        state.push(b"a").unwrap();
        let steps = [Step::Set(5, b"x".to_vec()), Step::Cut(7, 9), Step::Push(b"b".to_vec())];
        state.batch(&steps).unwrap();
        state.push(b"c").unwrap();
        assert_eq!(state.store.operations(), 5);
        state.store.flush().unwrap();
        // As a kill leaves it.
        let copy = tempfile::tempdir().unwrap();
        copy_all(folder.path(), copy.path());
        let mut state = open_list(copy.path());
        let found: Vec<_> = (0..4).map(|at| state.with(at, |bytes| Ok(bytes.to_vec())).unwrap()).collect();
        assert_eq!(found, [Some(b"a".to_vec()), Some(b"b".to_vec()), Some(b"c".to_vec()), None]);
        assert_eq!(state.store.operations(), 5);
    }
}
