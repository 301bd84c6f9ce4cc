//! The state of a dict, over encoded keys and values.

mod absent;
mod batch;
// With little room a change waits often.
#[cfg(all(test, not(speedup_tight)))]
mod beside_tests;
mod joint;
mod merge;
mod tend;
mod whole;

use super::look::Look;
use crate::disk::body::Body;
use crate::disk::filter::Absent;
use crate::disk::journal::{Op, Replay};
use crate::disk::leaf::Val;
use crate::disk::pager::Pager;
use crate::disk::store::{Extent, LONGEST_KEY, LONGEST_VALUE, Store};
use crate::disk::tree::{Found, Seek};
use crate::disk::write_buffer::{Ordered, WriteBuffer};
use crate::disk::{Error, Result};
use crate::sync::global::AtomicUsize;

/// How many bytes of changes are gathered when a journal is played: each merge of them touches most pages of a large dict.
const REPLAYED: usize = if cfg!(speedup_tight) { 1 << 14 } else { 32 << 20 };

/// A change: the key, and its new value or `None` to remove it.
pub(crate) type Step<'a> = (&'a [u8], Option<&'a [u8]>);

/// A merge of the write buffer on its way.
struct Merge {
    /// The records to merge, in the order of their keys.
    ordered: Ordered,
    /// The next of them.
    window: Vec<u32>,
    /// The last that is in the tree.
    last: Option<u32>,
    /// Records from here on came later.
    mark: u32,
    /// The same changes once more: what will be left when the merge has ended.
    rest: WriteBuffer,
    /// How many changes are to be merged soon.
    due: usize,
    /// How many more for each change that comes.
    pace: usize,
}

/// A dict: the tree, its open end and the write buffer.
///
/// Every key of the tail is greater than every key of the tree and of the buffer. What the buffer says of a key goes
/// before what the tree says.
pub(crate) struct DictState {
    pub(super) store: Store,
    pub(super) buffer: WriteBuffer,
    /// The merge of the buffer into the tree, if one is on its way.
    merge: Option<Merge>,
    filter: Option<Absent>,
    /// How many absent keys were looked for in the tree in vain; decides when a filter pays.
    misses: AtomicUsize,
    /// How many removed keys reading in order has gone past since the write buffer was last merged.
    pub(super) skipped: AtomicUsize,
    /// Everything is to be published.
    wanted: bool,
    /// A merge has ended and nothing was published since.
    merged: bool,
    /// The tree holds what would be added twice if it were published without the last operation.
    whole_only: bool,
    len: u64,
    /// No key of the tree and the buffer is greater; `None` if they hold none.
    max: Option<Vec<u8>>,
}

impl DictState {
    pub(crate) fn open(store: Store, replay: Option<Replay>, write_buffer: usize) -> Result<Self> {
        let mut state = DictState {
            len: store.tree.len(),
            store,
            buffer: WriteBuffer::new(if replay.is_some() { write_buffer.max(REPLAYED) } else { write_buffer }),
            merge: None,
            filter: None,
            misses: AtomicUsize::new(0),
            skipped: AtomicUsize::new(0),
            wanted: false,
            merged: false,
            whole_only: false,
            max: None,
        };
        state.look_for_last();
        if let Some(replay) = replay {
            Store::replay(&mut state, |state| &mut state.store, replay, Self::redo)?;
            // Now the tree knows how many entries there are.
            state.gather()?;
            state.buffer = WriteBuffer::new(write_buffer);
            state.count();
        }
        if state.store.is_recovering() || state.store.is_to_settle_in() {
            state.checkpoint()?;
        }
        state.store.settle_in();
        state.make_pending()?;
        Ok(state)
    }

    /// Applies an operation of the journal without a look at what it replaces; so `len` does not count.
    fn redo(&mut self, op: Op<'_>) -> Result<()> {
        match op {
            Op::Put { key, val } => {
                let above = self.is_above(key);
                self.apply_put(key, val, above, false)
            }
            Op::Remove { key } => {
                self.store.note(op)?;
                self.take_out(key)
            }
            Op::Clear => self.apply_clear(),
            _ => self.redo_rare(op),
        }
    }

    /// Finds the last key of the tree.
    fn look_for_last(&mut self) {
        self.max = None;
        if self.len > 0 {
            let found = self.store.tree.find(&mut self.store.pager, Seek::Last, false);
            // A last leaf that cannot be read is no reason to refuse the others: then nothing counts as an append.
            self.max = Some(match found {
                Ok(Some(Found { leaf: Ok(leaf), .. })) if leaf.count() > 0 => leaf.item(leaf.count() - 1).key(),
                _ => vec![u8::MAX; LONGEST_KEY + 1],
            });
        }
    }

    /// Learns anew what the tree holds, which is everything.
    pub(super) fn renewed(&mut self) {
        self.filter = None;
        *self.misses.get_mut() = 0;
        self.count();
        self.look_for_last();
    }

    /// Counts the entries; all are in the tree.
    pub(super) fn count(&mut self) {
        self.len = self.store.tree.len();
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Whether a key comes after all others.
    #[inline]
    fn is_above(&self, key: &[u8]) -> bool {
        match self.store.tail.len() {
            0 => self.max.as_deref().is_none_or(|max| max < key),
            len => self.store.tail.key(len - 1) < key,
        }
    }

    /// The parts that a look goes through.
    pub(crate) fn look(&self) -> Look<'_> {
        let store = &self.store;
        Look {
            tree: &store.tree,
            tail: &store.tail,
            buffer: &self.buffer,
            filter: self.filter.as_ref(),
            misses: &self.misses,
            skipped: &self.skipped,
            folder: store.folder(),
        }
    }

    /// The same for whoever may change the dict, and the pages.
    pub(super) fn looking(&mut self) -> (Look<'_>, &mut Pager) {
        let (tree, tail, folder, pager) = self.store.parts();
        let (filter, misses, skipped) = (self.filter.as_ref(), &self.misses, &self.skipped);
        (Look { tree, tail, buffer: &self.buffer, filter, misses, skipped, folder }, pager)
    }

    /// Calls `found` with the value of a key, if there is one.
    #[inline]
    pub(crate) fn with<R>(&mut self, key: &[u8], found: impl FnOnce(&[u8]) -> Result<R>) -> Result<Option<R>> {
        let (look, pager) = self.looking();
        look.with(pager, key, found)
    }

    pub(crate) fn contains(&mut self, key: &[u8]) -> Result<bool> {
        let (look, pager) = self.looking();
        look.contains(pager, key)
    }

    /// Puts a value and returns what `found` makes of the one it replaces; nothing changes if that fails.
    pub(crate) fn put<R>(
        &mut self,
        key: &[u8],
        val: &[u8],
        found: impl FnOnce(&[u8]) -> Result<R>,
    ) -> Result<Option<R>> {
        Self::check(key, val)?;
        let above = self.is_above(key);
        let old = if above { None } else { self.with(key, found)? };
        let result = self.apply_put(key, val, above, old.is_none());
        self.store.settle(result)?;
        Ok(old)
    }

    /// Puts a value without reading the one it replaces.
    pub(crate) fn put_blind(&mut self, key: &[u8], val: &[u8]) -> Result<()> {
        Self::check(key, val)?;
        let above = self.is_above(key);
        let fresh = above || !self.contains(key)?;
        let result = self.apply_put(key, val, above, fresh);
        self.store.settle(result)
    }

    pub(super) fn check(key: &[u8], val: &[u8]) -> Result<()> {
        if key.len() > LONGEST_KEY {
            return Err(Error::KeyTooLarge { size: key.len(), limit: LONGEST_KEY });
        }
        if val.len() > LONGEST_VALUE {
            return Err(Error::ValueTooLarge { size: val.len(), limit: LONGEST_VALUE });
        }
        Ok(())
    }

    fn apply_put(&mut self, key: &[u8], val: &[u8], above: bool, fresh: bool) -> Result<()> {
        let store = &mut self.store;
        store.note(Op::Put { key, val })?;
        let mut place = Vec::new();
        let val = store.pager.place(val, &mut place)?;
        if above {
            if store.tail.is_empty() && self.buffer.is_empty() {
                store.unseal(false)?;
            }
            if store.tail.is_full(key, val) {
                self.seal()?;
            }
            let tail = &mut self.store.tail;
            tail.insert(tail.len(), key, val);
        } else if store.tail.owns(key) {
            let index = store.tail.search(key);
            if let Ok(index) = index {
                store.pager.free_value(store.tail.val(index))?;
                store.tail.remove(index);
            }
            let (Ok(index) | Err(index)) = index;
            store.tail.insert(index, key, val);
            if store.tail.is_full(key, val) {
                self.seal()?;
            }
        } else {
            self.buffered(key, Some(val))?;
        }
        if fresh {
            self.added(key)?;
        }
        self.keep_bounded()
    }

    /// Counts a new key.
    pub(super) fn added(&mut self, key: &[u8]) -> Result<()> {
        self.len += 1;
        self.remember(key)
    }

    /// Notes a change of a key below the tail.
    fn buffered(&mut self, key: &[u8], val: Option<Val<'_>>) -> Result<()> {
        self.free_buffered(key)?;
        self.buffer.set(key, val);
        if let Some(merge) = &mut self.merge {
            merge.rest.set(key, val);
        }
        Ok(())
    }

    /// Removes a key and returns what `found` makes of its value; nothing changes if that fails.
    pub(crate) fn remove<R>(&mut self, key: &[u8], found: impl FnOnce(&[u8]) -> Result<R>) -> Result<Option<R>> {
        let old = self.with(key, found)?;
        if old.is_some() {
            self.remove_known(key)?;
        }
        Ok(old)
    }

    /// Removes a key that is there.
    pub(super) fn remove_known(&mut self, key: &[u8]) -> Result<()> {
        let result = self.apply_remove(key);
        self.store.settle(result)
    }

    fn apply_remove(&mut self, key: &[u8]) -> Result<()> {
        self.store.note(Op::Remove { key })?;
        self.len -= 1;
        self.take_out(key)
    }

    /// Takes a key out, as an operation that is noted already.
    fn take_out(&mut self, key: &[u8]) -> Result<()> {
        let store = &mut self.store;
        if store.tail.owns(key) {
            if let Ok(index) = store.tail.search(key) {
                store.pager.free_value(store.tail.val(index))?;
                let last = index + 1 == store.tail.len();
                store.tail.remove(index);
                if last && store.tail.is_empty() {
                    // The tail may have been taken out of the tree, whose keys stay below.
                    self.raise(key);
                }
            }
        } else {
            self.buffered(key, None)?;
        }
        self.keep_bounded()
    }

    pub(super) fn raise(&mut self, key: &[u8]) {
        if self.max.as_deref().is_none_or(|max| max < key) {
            self.max = Some(key.to_vec());
        }
    }

    pub(super) fn keep_bounded(&mut self) -> Result<()> {
        if self.store.is_deferred() {
            self.merge_later();
            return Ok(());
        }
        self.store.land_if_there()?;
        if self.whole_only || self.buffer.has_appends() {
            return self.keep_bounded_whole();
        }
        let merging = self.merge.is_some();
        if merging {
            self.pace_merge()?;
        } else if self.buffer.is_full() {
            self.begin_merge()?;
            self.store.begin_next();
        }
        if self.merge.is_some() {
            return Ok(());
        }
        // After a merge little is left in the buffer to begin the new journal with. What is on its way is not waited for yet.
        if self.store.is_due() || (merging && self.store.is_nearly_due() && !self.store.is_under_way()) {
            if self.shorten_rest()? {
                return Ok(());
            }
            self.seal()?;
            let extent = if self.buffer.is_empty() { Extent::All } else { Extent::Most };
            return self.store.publish_beside(extent, &mut self.buffer.edits());
        }
        self.store.drop_next();
        Ok(())
    }

    pub(super) fn seal(&mut self) -> Result<()> {
        if let Some(last) = self.store.tail.len().checked_sub(1) {
            let key = self.store.tail.key(last).to_vec();
            self.raise(&key);
            self.store.seal()?;
        }
        Ok(())
    }

    /// As [`keep_bounded`](Self::keep_bounded), where nothing may be published but the whole.
    fn keep_bounded_whole(&mut self) -> Result<()> {
        if self.buffer.is_full() {
            self.drain()?;
        }
        if !self.store.is_due() {
            return Ok(());
        }
        self.drain()?;
        self.seal()?;
        self.store.publish_beside(Extent::All, &mut std::iter::empty())?;
        self.whole_only = false;
        Ok(())
    }

    /// Brings every item into the tree, so that it alone can be read in order.
    pub(crate) fn gather(&mut self) -> Result<()> {
        if self.buffer.is_empty() && self.store.tail.is_empty() {
            return Ok(());
        }
        let result = self.drain().and_then(|()| self.seal());
        self.store.settle(result)
    }

    /// Brings every scattered change into the tree.
    pub(crate) fn gather_scattered(&mut self) -> Result<()> {
        if self.buffer.is_empty() { Ok(()) } else { self.gather() }
    }

    fn checkpoint_now(&mut self) -> Result<()> {
        self.drain()?;
        self.seal()?;
        self.store.checkpoint()?;
        self.whole_only = false;
        Ok(())
    }

    /// The bytes of a stored value.
    pub(crate) fn value(&self, val: Val<'_>) -> Result<Vec<u8>> {
        self.store.pager.with_value(val, |bytes| Ok(bytes.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::options::Options;
    use crate::disk::store::LONGEST_VALUE;
    use crate::disk::superblock::Kind;

    #[test]
    fn a_value_beyond_the_limit_is_refused_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut options = Options::new("large".into());
        options.set_location(folder.path().into());
        let (store, replay) = Store::open(&options, Kind::Dict, 0, 0).unwrap();
        let mut state = DictState::open(store, replay, 1 << 12).unwrap();
        // Zeros that are never looked at take no memory.
        let large = vec![0; LONGEST_VALUE + 1];
        let refused = state.put_blind(b"k", &large);
        assert!(matches!(refused, Err(Error::ValueTooLarge { limit: LONGEST_VALUE, .. })), "{refused:?}");
        assert_eq!(state.len(), 0);
        state.put_blind(b"k", b"v").unwrap();
        let value = state.with(b"k", |bytes| Ok(bytes.to_vec())).unwrap();
        assert_eq!(value.as_deref(), Some(b"v".as_slice()));
    }
}
