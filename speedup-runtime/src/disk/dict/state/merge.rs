//! Merging the write buffer into the tree, a slice at a time, while changes go on.
//!
//! A merge goes through the records that the buffer had when it began. They stay in the buffer until it ends, so that reads find the same
//! as before at every moment; newer records come behind the mark and stay for the next merge.

use super::super::join::settled;
use super::{DictState, Merge};
use crate::disk::Result;
use crate::disk::leaf::Val;
use crate::disk::tree::{Edits, KeyEdit, Seek};

/// How many changes of the write buffer go into the tree at a time.
pub(super) const SLICE: usize = 512;
/// From how many due ones on pages are merged one by one.
const FEW: usize = 16;
/// How many changes are merged for each one that comes: a merge then ends before the buffer has grown by half.
const PACE: usize = 3;

impl DictState {
    /// Begins to merge what the write buffer holds now.
    pub(super) fn begin_merge(&mut self) -> Result<()> {
        // The open end may hold a leaf of the last checkpoint, so it belongs into the tree before a part is published.
        self.seal()?;
        self.merge = Some(Merge { order: self.buffer.sorted(), next: 0, mark: self.buffer.mark(), due: 0 });
        Ok(())
    }

    /// Goes on with a merge as far as the changes since the last call ask for.
    pub(super) fn pace_merge(&mut self) -> Result<()> {
        let Some(merge) = &mut self.merge else { return Ok(()) };
        merge.due += PACE;
        if merge.due < SLICE {
            return Ok(());
        }
        merge.due = 0;
        self.merge_slice()
    }

    /// Merges everything into the tree.
    pub(super) fn drain(&mut self) -> Result<()> {
        if !self.buffer.is_empty() {
            // This takes a while, in which nobody else can write the journal.
            self.store.write_journal()?;
        }
        while !self.buffer.is_empty() {
            if self.buffer.has_appends() {
                self.drain_joined()?;
            } else if self.merge.is_none() {
                self.begin_merge()?;
            }
            self.merge_slice()?;
        }
        *self.skipped.get_mut() = 0;
        Ok(())
    }

    /// Merges everything, parts that wait to be appended included, which no merge that others come between may do.
    fn drain_joined(&mut self) -> Result<()> {
        self.seal()?;
        let order = self.buffer.sorted();
        let store = &mut self.store;
        self.whole_only = true;
        for slice in order.chunks(SLICE) {
            let mut joined: Vec<Option<(Vec<u8>, bool)>> = Vec::new();
            for &at in slice {
                joined.push(settled(store, &self.buffer, self.buffer.edit(at).key)?);
            }
            let mut edits: Vec<KeyEdit<'_>> = slice.iter().map(|&at| self.buffer.edit(at)).collect();
            for (edit, joined) in edits.iter_mut().zip(&joined) {
                if let Some((bytes, outside)) = joined {
                    edit.val = Some(Val { bytes, outside: *outside });
                }
            }
            store.tree.edit(&mut store.pager, &Edits::Keys(&edits))?;
        }
        self.buffer.clear();
        Ok(())
    }

    /// Ends the merge that is on its way, before a part is appended: the record it is appended to must stay.
    pub(in super::super) fn end_merge(&mut self) -> Result<()> {
        while self.merge.is_some() {
            self.merge_slice()?;
        }
        Ok(())
    }

    fn merge_slice(&mut self) -> Result<()> {
        let Some(merge) = &self.merge else { return Ok(()) };
        let end = merge.order.len().min(merge.next + SLICE);
        self.merge_upto(end)?;
        if let Some(merge) = self.merge.take_if(|merge| merge.next == merge.order.len()) {
            self.buffer.keep_from(merge.mark);
        }
        let store = &mut self.store;
        if store.pager.is_crowded() && !self.whole_only { store.publish_part() } else { Ok(()) }
    }

    /// Merges what falls on the next page.
    pub(super) fn merge_leaf(&mut self) -> Result<()> {
        let Some(merge) = &self.merge else { return Ok(()) };
        let most = merge.order.len().min(merge.next + SLICE);
        let mut end = most;
        if self.deferred {
            let store = &mut self.store;
            let first = self.buffer.edit(merge.order[merge.next]).key;
            let found = store.tree.find(&mut store.pager, Seek::Of(first), true)?;
            if let Some(to) = found.and_then(|found| found.to) {
                let rest = &merge.order[merge.next + 1..most];
                end = merge.next + 1 + rest.partition_point(|&at| self.buffer.edit(at).key < &*to);
            }
        }
        let count = end - merge.next;
        self.merge_upto(end)?;
        if let Some(merge) = &mut self.merge {
            merge.due = merge.due.saturating_sub(count);
        }
        Ok(())
    }

    fn merge_upto(&mut self, end: usize) -> Result<()> {
        let Some(merge) = &mut self.merge else { return Ok(()) };
        // What was changed since is merged in its turn.
        let latest = |&&at: &&u32| self.buffer.is_latest(at);
        let edits: Vec<KeyEdit<'_>> =
            merge.order[merge.next..end].iter().filter(latest).map(|&at| self.buffer.edit(at)).collect();
        let store = &mut self.store;
        if !edits.is_empty() {
            store.tree.edit(&mut store.pager, &Edits::Keys(&edits))?;
        }
        merge.next = end;
        Ok(())
    }

    /// Notes that a change came, which is to merge a few others on its way.
    pub(super) fn merge_later(&mut self) {
        if let Some(merge) = &mut self.merge {
            merge.due += PACE;
        }
    }

    /// Whether enough changes came for a page to be merged.
    pub(super) fn is_merge_due(&self) -> bool {
        self.merge.as_ref().is_some_and(|merge| merge.due >= FEW)
    }

    /// Whether the tree refers to the value that the buffer has for a key, because a merge has come past it.
    fn is_merged(&self, key: &[u8]) -> bool {
        self.merge.as_ref().is_some_and(|merge| {
            let last = merge.next.checked_sub(1).map(|last| self.buffer.edit(merge.order[last]).key);
            last.is_some_and(|last| key <= last) && self.buffer.is_before(key, merge.mark)
        })
    }

    /// Gives back the pages of the value that the buffer has for a key, if nobody else refers to them.
    pub(super) fn free_buffered(&mut self, key: &[u8]) -> Result<()> {
        match self.buffer.stored(key) {
            Some(old) if old.outside && !self.is_merged(key) => self.store.pager.free_value(old),
            _ => Ok(()),
        }
    }

    /// Forgets the buffer, and gives back the pages of its values.
    pub(super) fn forget_buffer(&mut self) -> Result<()> {
        let outside: Vec<Vec<u8>> = self.buffer.outside().map(<[u8]>::to_vec).collect();
        outside.iter().try_for_each(|key| self.free_buffered(key))?;
        self.buffer.clear();
        self.merge = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use super::SLICE;
    use crate::disk::options::Options;
    use crate::disk::superblock::Kind;

    fn copy(bytes: &[u8]) -> Result<Vec<u8>> {
        Ok(bytes.to_vec())
    }

    fn open(folder: &std::path::Path) -> DictState {
        let mut options = Options::new("d".into());
        options.set_location(folder.into());
        let (store, replay) = Store::open(&options, Kind::Dict, 0, 0).unwrap();
        DictState::open(store, replay, 1 << 16).unwrap()
    }

    #[test]
    fn a_change_merges_a_bounded_part_of_the_buffer_and_reads_see_no_difference() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = open(folder.path());
        let mut model = std::collections::BTreeMap::new();
        let (mut merging, mut merges) = (None, 0);
        for n in 0..40_000_u64 {
            let key = (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 50).to_be_bytes();
            // Now and then a value with pages of its own, and one that is gone again while its key is being merged.
            let val = vec![n as u8; if n % 53 == 0 { 3000 } else { 8 }];
            if n % 5 == 4 {
                assert_eq!(state.remove(&key, copy).unwrap(), model.remove(&key));
            } else {
                assert_eq!(state.put(&key, &val, copy).unwrap(), model.insert(key, val));
            }
            let now = state.merge.as_ref().map(|merge| (merge.next, merge.order.len()));
            match (merging, now) {
                (Some((before, _)), Some((after, _))) => assert!(after - before <= SLICE),
                (Some((before, len)), None) => assert!(len - before <= SLICE),
                (None, Some((next, _))) => {
                    merges += 1;
                    assert_eq!(next, 0);
                }
                (None, None) => {}
            }
            merging = now;
            assert!(state.buffer.mark() <= 3 << 15, "{} bytes at {n}", state.buffer.mark());
            if n == 30_000 {
                state.clear().unwrap();
                model.clear();
            }
        }
        assert!(merges > 6, "{merges}");
        assert_eq!(state.len(), model.len() as u64);
        for (key, val) in &model {
            assert_eq!(state.with(key, |bytes| Ok(bytes.to_vec())).unwrap().as_ref(), Some(val));
        }
        state.checkpoint().unwrap();
        drop(state);
        let mut state = open(folder.path());
        assert_eq!(state.len(), model.len() as u64);
        for (key, val) in &model {
            assert_eq!(state.with(key, |bytes| Ok(bytes.to_vec())).unwrap().as_ref(), Some(val));
        }
    }
}
