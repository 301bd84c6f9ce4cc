//! The state of a list, over encoded values.

use std::ops::Range;

use super::front::Front;
use crate::disk::body::Body;
use crate::disk::journal::{Op, Replay};
use crate::disk::pages::Pages;
use crate::disk::rebuild;
use crate::disk::store::{Change, Extent, LONGEST_VALUE, Repaired, Store};
use crate::disk::tree::{Edits, Place, Seek, Tree};
use crate::disk::{Error, Result};

/// A list: the tree holds the first items, the open end the rest.
pub(crate) struct ListState {
    pub(super) store: Store,
    pub(super) front: Front,
    /// A checkpoint is wanted.
    pub(super) wanted: bool,
}

impl ListState {
    pub(crate) fn open(store: Store, replay: Option<Replay>) -> Result<Self> {
        let mut state = ListState { store, front: Front::default(), wanted: false };
        if let Some(replay) = replay {
            Store::replay(&mut state, |state| &mut state.store, replay, Self::redo)?;
        }
        if state.store.is_recovering() || state.store.is_to_settle_in() {
            state.checkpoint()?;
        }
        state.store.settle_in();
        state.make_pending()?;
        Ok(state)
    }

    /// Applies an operation of the journal; after a repair that lost items, the positions are as near as may be.
    pub(super) fn redo(&mut self, op: Op<'_>) -> Result<()> {
        let len = self.len();
        match op {
            Op::Push { val } => self.push(val),
            Op::Insert { at, val } => self.insert(at.min(len), val),
            Op::Set { at, val } if at < len => self.set(at, val),
            Op::Set { .. } => Ok(()),
            Op::Swap { a, b } if a < len && b < len => self.swap(a, b),
            Op::Swap { .. } => Ok(()),
            Op::Cut { from: 0, to: 1 } => self.pop_front(|_| Ok(())).map(drop),
            Op::Cut { from, to } => self.cut(from.min(len)..to.min(len)),
            Op::Clear => self.clear(),
            Op::Put { .. } | Op::Remove { .. } | Op::RemoveRange { .. } | Op::Append { .. } | Op::Turn { .. } => {
                Err(Error::damaged(self.store.folder(), "its journal holds operations of a dict"))
            }
        }
    }

    pub(crate) fn len(&self) -> u64 {
        self.in_tree() + self.store.tail.len() as u64
    }

    /// How many items of the list are in the tree.
    fn in_tree(&self) -> u64 {
        self.store.tree.len() - self.front.gone
    }

    /// The position in the open end, if it lies there.
    fn in_tail(&self, at: u64) -> Option<usize> {
        let index = at.checked_sub(self.in_tree())?;
        usize::try_from(index).ok().filter(|&index| index < self.store.tail.len())
    }

    /// Calls `found` with the value at a position, if there is one.
    #[inline]
    pub(crate) fn with<R>(&mut self, at: u64, found: impl FnOnce(&[u8]) -> Result<R>) -> Result<Option<R>> {
        if let Some(index) = self.in_tail(at) {
            return self.store.pager.with_value(self.store.tail.val(index), found).map(Some);
        }
        let at = at.saturating_add(self.front.gone);
        with_item(&self.store.tree, &mut self.store.pager, at, found)
    }

    /// The same beside others that read.
    #[inline]
    pub(crate) fn see<P: Pages, R>(
        &self,
        pages: &mut P,
        at: u64,
        found: impl FnOnce(&[u8]) -> Result<R>,
    ) -> Result<Option<R>> {
        if let Some(index) = self.in_tail(at) {
            return pages.pager().with_value(self.store.tail.val(index), found).map(Some);
        }
        with_item(&self.store.tree, pages, at.saturating_add(self.front.gone), found)
    }

    pub(super) fn check(val: &[u8]) -> Result<()> {
        if val.len() > LONGEST_VALUE {
            return Err(Error::ValueTooLarge { size: val.len(), limit: LONGEST_VALUE });
        }
        Ok(())
    }

    /// Refuses when the page of a position cannot be read, before an operation that would need it is noted.
    pub(super) fn readable(&mut self, at: u64) -> Result<()> {
        match self.store.tree.at(&mut self.store.pager, at + self.front.gone, true)? {
            Some((_, leaf)) => leaf.map(drop),
            None => Ok(()),
        }
    }

    /// Refuses when any page cannot be read.
    pub(super) fn all_readable(&mut self) -> Result<()> {
        let mut at = 0;
        while let Some((range, leaf)) = self.store.tree.at(&mut self.store.pager, at, false)? {
            leaf?;
            at = range.end;
        }
        Ok(())
    }

    /// Adds an item at the end.
    pub(crate) fn push(&mut self, val: &[u8]) -> Result<()> {
        Self::check(val)?;
        if self.store.tail.is_empty() {
            // What the operation will need must be readable before it is noted.
            self.store.tree.find(&mut self.store.pager, Seek::Last, false)?;
        }
        let result = self.apply_push(val);
        self.store.settle(result)
    }

    fn apply_push(&mut self, val: &[u8]) -> Result<()> {
        let store = &mut self.store;
        store.note(Op::Push { val })?;
        let mut place = Vec::new();
        let val = store.pager.place(val, &mut place)?;
        if store.tail.is_empty() && self.front.gone == 0 {
            store.unseal(false)?;
        }
        store.append(&[], val)?;
        self.keep_bounded()
    }

    /// Adds an item before the one at `at`, which may be the end.
    pub(crate) fn insert(&mut self, at: u64, val: &[u8]) -> Result<()> {
        if at == self.len() {
            return self.push(val);
        }
        Self::check(val)?;
        self.readable(at)?;
        let result = self.apply_insert(at, val);
        self.store.settle(result)
    }

    fn apply_insert(&mut self, at: u64, val: &[u8]) -> Result<()> {
        let index = self.in_tail(at);
        if index.is_none() {
            self.settle_front()?;
        }
        let store = &mut self.store;
        store.note(Op::Insert { at, val })?;
        let mut place = Vec::new();
        let val = store.pager.place(val, &mut place)?;
        match index {
            Some(index) => {
                store.tail.insert(index, &[], val);
                if store.tail.is_full(&[], val) {
                    store.seal()?;
                }
            }
            None => store.tree.edit(&mut store.pager, &Edits::Insert(at, val))?,
        }
        self.keep_bounded()
    }

    /// Puts another value at a position that the caller has read.
    pub(crate) fn set(&mut self, at: u64, val: &[u8]) -> Result<()> {
        Self::check(val)?;
        let result = self.apply_set(at, val);
        self.store.settle(result)
    }

    fn apply_set(&mut self, at: u64, val: &[u8]) -> Result<()> {
        self.store.note(Op::Set { at, val })?;
        self.exchange(at, val)?;
        self.keep_bounded()
    }

    /// Exchanges the values at two positions, as one operation.
    pub(crate) fn swap(&mut self, a: u64, b: u64) -> Result<()> {
        let raw = |bytes: &[u8]| Ok(bytes.to_vec());
        if let (Some(first), Some(second)) = (self.with(a, raw)?, self.with(b, raw)?)
            && a != b
        {
            let result = self.apply_swap(a, &second, b, &first);
            self.store.settle(result)?;
        }
        Ok(())
    }

    fn apply_swap(&mut self, a: u64, for_a: &[u8], b: u64, for_b: &[u8]) -> Result<()> {
        self.store.note(Op::Swap { a, b })?;
        self.exchange(a, for_a)?;
        self.exchange(b, for_b)?;
        self.keep_bounded()
    }

    /// Puts another value at a position, as a part of an operation that is noted already.
    fn exchange(&mut self, at: u64, val: &[u8]) -> Result<()> {
        let index = self.in_tail(at);
        if index.is_none() {
            // A larger value may split the first page, and then not all that is gone would lie in it.
            self.settle_front()?;
        }
        let store = &mut self.store;
        let mut place = Vec::new();
        let val = store.pager.place(val, &mut place)?;
        match index {
            Some(index) => {
                store.pager.free_value(store.tail.val(index))?;
                store.tail.remove(index);
                store.tail.insert(index, &[], val);
                if store.tail.is_full(&[], val) {
                    store.seal()?;
                }
            }
            None => store.tree.edit(&mut store.pager, &Edits::Set(at, val))?,
        }
        Ok(())
    }

    /// Takes out a range of positions that lies inside the list.
    pub(crate) fn cut(&mut self, range: Range<u64>) -> Result<()> {
        if range.is_empty() {
            return Ok(());
        }
        let ends = if range.end - range.start == 1 { &[range.start][..] } else { &[range.start, range.end - 1] };
        for &at in ends {
            // A page of which something stays must be readable before the operation is noted.
            let gone = self.front.gone;
            if let Some((leaf, Err(error))) = self.store.tree.at(&mut self.store.pager, at + gone, true)?
                && (leaf.start < range.start + gone || leaf.end > range.end + gone)
            {
                return Err(error);
            }
        }
        let result = self.apply_cut(range);
        self.store.settle(result)
    }

    fn apply_cut(&mut self, range: Range<u64>) -> Result<()> {
        self.store.note(Op::Cut { from: range.start, to: range.end })?;
        if range.start < self.in_tree() {
            self.settle_front()?;
        }
        let last = range.end == self.len() && range.end - range.start == 1;
        if last && self.store.tail.is_empty() {
            // Pops come in rows: the last leaf is opened once for all of its items.
            self.store.unseal(true)?;
        }
        let split = self.in_tree();
        let store = &mut self.store;
        for index in (range.start.max(split)..range.end).rev() {
            let index = (index - split) as usize;
            store.pager.free_value(store.tail.val(index))?;
            store.tail.remove(index);
        }
        if range.start < split {
            store.tree.edit(&mut store.pager, &Edits::Cut(range.start..range.end.min(split)))?;
        }
        self.keep_bounded()
    }

    pub(super) fn keep_bounded(&mut self) -> Result<()> {
        if self.store.is_deferred() {
            return Ok(());
        }
        self.store.land_if_there()?;
        if !self.store.is_due() {
            return Ok(());
        }
        self.settle_front()?;
        self.store.seal()?;
        self.store.publish_beside(Extent::All, &mut std::iter::empty())
    }

    pub(super) fn checkpoint_now(&mut self) -> Result<()> {
        self.settle_front()?;
        self.store.seal()?;
        self.store.checkpoint()
    }

    /// The leaf that holds a position, and the range of positions it holds; all items are in the tree.
    pub(crate) fn leaf_at(&mut self, at: u64) -> Result<Option<Place>> {
        let result = self.settle_front().and_then(|()| self.store.seal());
        self.store.settle(result)?;
        self.store.tree.at(&mut self.store.pager, at, false)
    }

    /// Removes everything.
    pub(crate) fn clear(&mut self) -> Result<()> {
        let result = self.apply_clear();
        self.store.settle(result)
    }

    fn apply_clear(&mut self) -> Result<()> {
        let store = &mut self.store;
        store.note(Op::Clear)?;
        self.front = Front::default();
        store.empty()?;
        self.keep_bounded()
    }

    /// Puts the items that `next` yields in the place of all items, as one step that a crash cannot split.
    pub(crate) fn replace(&mut self, mut next: impl FnMut(&mut Self) -> Result<Option<Vec<u8>>>) -> Result<()> {
        rebuild::replace(self, |state| Ok(next(state)?.map(|value| (Vec::new(), value))))
    }

    /// Gives the store with every value as `change` makes it.
    pub(crate) fn convert(mut self, value: u64, change: &mut Change<'_>) -> Result<Store> {
        self.checkpoint_now()?;
        self.store.convert(value, change)?;
        Ok(self.store)
    }

    /// Copies everything into full pages.
    pub(crate) fn rewrite(&mut self, salvage: bool) -> Result<Repaired> {
        self.checkpoint()?;
        self.store.rewrite(salvage)
    }
}

/// Calls `found` with the value at a position of the tree, if there is one.
fn with_item<P: Pages, R>(
    tree: &Tree,
    pages: &mut P,
    at: u64,
    found: impl FnOnce(&[u8]) -> Result<R>,
) -> Result<Option<R>> {
    match tree.at(pages, at, true)? {
        Some((range, leaf)) => pages.pager().with_value(leaf?.val((at - range.start) as usize), found).map(Some),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::disk::options::Options;
    use crate::disk::superblock::Kind;
    use crate::disk::testing::{copy_all, open_list};

    #[test]
    fn a_value_beyond_the_limit_is_refused_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut options = Options::new("large".into());
        options.set_location(folder.path().into());
        let (store, replay) = Store::open(&options, Kind::List, 0, 0).unwrap();
        let mut state = ListState::open(store, replay).unwrap();
        state.push(b"v").unwrap();
        // Zeros that are never looked at take no memory.
        let large = vec![0; LONGEST_VALUE + 1];
        for refused in [state.push(&large), state.insert(0, &large), state.set(0, &large)] {
            assert!(matches!(refused, Err(Error::ValueTooLarge { limit: LONGEST_VALUE, .. })), "{refused:?}");
        }
        assert_eq!(state.with(0, |bytes| Ok(bytes.to_vec())).unwrap().as_deref(), Some(b"v".as_slice()));
        assert_eq!(state.len(), 1);
    }

    /// Opens what a kill at this moment would leave of the list in `folder`.
    fn killed(folder: &Path) -> (tempfile::TempDir, ListState) {
        let copy = tempfile::tempdir().unwrap();
        copy_all(folder, copy.path());
        let state = open_list(copy.path());
        (copy, state)
    }

    #[test]
    fn a_checkpoint_that_an_operation_of_the_journal_makes_due_counts_that_operation() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = open_list(folder.path());
        for n in 0..9 {
            state.push(&vec![n; 8 << 20]).unwrap();
        }
        state.checkpoint().unwrap();
        state.push(b"gone").unwrap();
        // Taking that many pages out makes a checkpoint due, before which the process is killed.
        state.store.note(Op::Clear).unwrap();
        state.store.flush().unwrap();
        let (copy, mut state) = killed(folder.path());
        assert!(!state.store.is_recovering() && state.len() == 0);
        state.push(b"after").unwrap();
        state.store.flush().unwrap();
        let (_copy, mut state) = killed(copy.path());
        assert_eq!(state.len(), 1);
        assert_eq!(state.with(0, |bytes| Ok(bytes.to_vec())).unwrap().as_deref(), Some(b"after".as_slice()));
    }

    #[test]
    fn a_checkpoint_comes_before_playing_the_journal_would_take_long_however_short_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = open_list(folder.path());
        (0..2000_u32).for_each(|n| state.push(&n.to_le_bytes()).unwrap());
        state.checkpoint().unwrap();
        let (mut costs, mut cut) = (0, 0);
        for n in 0..120_000_u64 {
            state.set(n * 7919 % 2000, b"else").unwrap();
            state.store.wait();
            state.store.land_if_there().unwrap();
            let cost = state.store.replay_cost();
            cut += usize::from(cost < costs);
            costs = cost;
            assert!(cost <= crate::disk::store::LONG_REPLAY + 10_000, "at {n}");
        }
        assert!(cut >= 1);
    }
}
