//! Merging the write buffer into the tree, a slice at a time, while changes go on.
//!
//! A merge goes through the records that the buffer had when it began. They stay in the buffer until it ends, so that reads find the same
//! as before at every moment; newer records come behind the mark and stay for the next merge.

use super::super::join::settled;
use super::{DictState, Merge};
use crate::disk::Result;
use crate::disk::leaf::Val;
use crate::disk::store::Extent;
use crate::disk::tree::{Ahead, Edits, KeyEdit, Seek};
use crate::disk::write_buffer::WriteBuffer;

/// How many changes of the write buffer go into the tree at a time.
pub(super) const SLICE: usize = 512;
/// From how many due ones on pages are merged one by one.
const FEW: usize = 16;
/// How many changes are merged for each one that comes: a merge then ends before the buffer has grown by half.
const PACE: usize = 3;
/// The same while a checkpoint waits for the merge: what comes meanwhile is then so few that it is merged at once.
const HURRIED: usize = 64;

impl DictState {
    /// Begins to merge what the write buffer holds now.
    pub(super) fn begin_merge(&mut self) -> Result<()> {
        // The open end may hold a leaf of the last checkpoint, so it belongs into the tree before a part is published.
        self.seal()?;
        let (ordered, mark, rest) = (self.buffer.ordered(), self.buffer.mark(), self.buffer.empty());
        self.merge = Some(Merge { ordered, window: Vec::new(), last: None, mark, rest, due: 0, pace: PACE });
        Ok(())
    }

    /// Ends the merge if everything is in the tree: what came since is left.
    pub(super) fn finish_merge(&mut self) -> bool {
        let Some(merge) = self.merge.take_if(|merge| merge.is_done()) else { return false };
        self.buffer = merge.rest;
        self.buffer_renewed();
        true
    }

    /// Goes on with a merge as far as the changes since the last call ask for.
    pub(super) fn pace_merge(&mut self) -> Result<()> {
        let Some(merge) = &mut self.merge else { return Ok(()) };
        merge.due += merge.pace;
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
            let mut joined: Vec<Option<(Vec<u8>, bool)>> = Vec::with_capacity(slice.len());
            let mut ahead = Ahead::default();
            for &at in slice {
                joined.push(settled(store, &self.buffer, at, &mut ahead)?);
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
        self.buffer_renewed();
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
        let Some(merge) = &mut self.merge else { return Ok(()) };
        merge.look_ahead(&self.buffer);
        let count = merge.window.len();
        self.merge_next(count)?;
        self.finish_merge();
        let store = &mut self.store;
        if store.pager.is_crowded() && !self.whole_only {
            store.publish_beside(Extent::Part, &mut std::iter::empty())
        } else {
            Ok(())
        }
    }

    /// Merges what falls on the next page.
    pub(super) fn merge_leaf(&mut self) -> Result<()> {
        let Some(merge) = &mut self.merge else { return Ok(()) };
        merge.look_ahead(&self.buffer);
        let mut count = merge.window.len();
        if let Some((&first, rest)) = merge.window.split_first() {
            let store = &mut self.store;
            let found = store.tree.find(&mut store.pager, Seek::Of(self.buffer.edit(first).key), true)?;
            if let Some(to) = found.and_then(|found| found.to) {
                count = 1 + rest.partition_point(|&at| self.buffer.edit(at).key < &*to);
            }
        }
        merge.due = merge.due.saturating_sub(count);
        self.merge_next(count)
    }

    /// Merges so many of the records that are seen ahead.
    fn merge_next(&mut self, count: usize) -> Result<()> {
        let Some(merge) = &mut self.merge else { return Ok(()) };
        // What was changed since is merged in its turn.
        let latest = |&&at: &&u32| self.buffer.is_latest(at);
        let edits: Vec<KeyEdit<'_>> =
            merge.window[..count].iter().filter(latest).map(|&at| self.buffer.edit(at)).collect();
        let store = &mut self.store;
        if !edits.is_empty() {
            store.tree.edit(&mut store.pager, &Edits::Keys(&edits))?;
        }
        // Not one that was left out: a later record of its key may be the next.
        merge.last = merge.window[..count].iter().rfind(latest).copied().or(merge.last);
        merge.window.drain(..count);
        Ok(())
    }

    /// Notes that a change came, which is to merge a few others on its way.
    pub(super) fn merge_later(&mut self) {
        if let Some(merge) = &mut self.merge {
            merge.due += merge.pace;
        }
    }

    /// Lets the merge end soon.
    pub(super) fn hurry(&mut self) {
        if let Some(merge) = &mut self.merge {
            merge.pace = HURRIED;
        }
    }

    /// Whether enough changes came for a page to be merged.
    pub(super) fn is_merge_due(&self) -> bool {
        self.merge.as_ref().is_some_and(|merge| merge.due >= FEW)
    }

    /// Whether the tree refers to the value that the buffer has for a key, because a merge has come past it.
    fn is_merged(&self, key: &[u8]) -> bool {
        self.merge.as_ref().is_some_and(|merge| {
            let last = merge.last.map(|last| self.buffer.edit(last).key);
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

impl Merge {
    /// How many records are to be merged.
    pub(super) fn left(&self) -> usize {
        self.window.len() + self.ordered.len()
    }

    pub(super) fn is_done(&self) -> bool {
        self.left() == 0
    }

    /// Sees to it that the next [`SLICE`] records are known.
    fn look_ahead(&mut self, buffer: &WriteBuffer) {
        while self.window.len() < SLICE
            && let Some(at) = buffer.next(&mut self.ordered)
        {
            self.window.push(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use super::SLICE;
    use crate::disk::testing::{copy_all, open_dict};

    fn copy(bytes: &[u8]) -> Result<Vec<u8>> {
        Ok(bytes.to_vec())
    }

    #[test]
    fn a_change_merges_a_bounded_part_of_the_buffer_and_reads_see_no_difference() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = open_dict(folder.path());
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
            let now = state.merge.as_ref().map(Merge::left);
            match (merging, now) {
                (Some(before), after) => assert!(before - after.unwrap_or(0) <= SLICE),
                (None, Some(_)) => merges += 1,
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
        let mut state = open_dict(folder.path());
        assert_eq!(state.len(), model.len() as u64);
        for (key, val) in &model {
            assert_eq!(state.with(key, |bytes| Ok(bytes.to_vec())).unwrap().as_ref(), Some(val));
        }
    }

    #[test]
    fn pages_of_a_value_that_was_merged_in_part_are_given_back() {
        for records in 2..12 {
            let folder = tempfile::tempdir().unwrap();
            let mut state = open_dict(folder.path());
            // What follows is below it, and so goes into the buffer.
            state.put_blind(b"z", b"v").unwrap();
            state.checkpoint().unwrap();
            for n in 1..SLICE as u16 {
                state.put_blind(&n.to_be_bytes(), b"v").unwrap();
            }
            // One of them is the last of the first slice.
            (0..records).for_each(|n| state.put_blind(b"k", &[n; 3000]).unwrap());
            state.begin_merge().unwrap();
            state.merge_slice().unwrap();
            assert_eq!(state.merge.as_ref().map(Merge::left), Some(usize::from(records) - 1));
            state.put_blind(b"k", &[99; 3000]).unwrap();
            state.checkpoint().unwrap();
            assert_eq!(state.with(b"k", copy).unwrap(), Some(vec![99; 3000]));
            state.clear().unwrap();
            state.checkpoint().unwrap();
            assert_eq!(state.store.pager.taken(), 0, "{records}");
        }
    }

    #[cfg(not(speedup_tight))]
    #[test]
    fn playing_a_journal_of_scattered_changes_writes_each_page_about_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = open_dict(folder.path());
        let key = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
        (0..60_000).for_each(|n| state.put_blind(&key(n), &n.to_le_bytes()).unwrap());
        state.checkpoint().unwrap();
        (0..20_000).for_each(|n| state.put_blind(&key(n * 3), b"changed").unwrap());
        state.store().flush().unwrap();
        let killed = tempfile::tempdir().unwrap();
        copy_all(folder.path(), killed.path());
        let mut state = open_dict(killed.path());
        assert_eq!(state.with(&key(3), copy).unwrap().as_deref(), Some(b"changed".as_slice()));
        assert_eq!(state.len(), 60_000);
        // Some 300 pages, each of them and what is above it a few times; the buffer of this dict alone would be merged 40 times.
        let writes = state.store.pager.writes();
        assert!(writes > 100 && writes < 4000, "{writes}");
    }

    #[cfg(not(speedup_tight))]
    #[test]
    fn a_checkpoint_after_a_merge_goes_on_with_a_journal_that_was_begun_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = open_dict(folder.path());
        state.buffer = WriteBuffer::new(1 << 20);
        let mut model = std::collections::BTreeMap::new();
        let journals =
            || std::fs::read_dir(folder.path().join("d.speedup")).unwrap().map(|entry| entry.unwrap().file_name());
        let count = || journals().filter(|name| name.to_string_lossy().starts_with("journal.")).count();
        let (mut taken, mut given_up, mut copies) = (0, 0, 0);
        for n in 0..120_000_u64 {
            let key = (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52).to_be_bytes();
            let val = vec![n as u8; 600 + n as usize % 300];
            let before = state.store.has_next();
            if n % 7 == 6 {
                assert_eq!(state.remove(&key, copy).unwrap(), model.remove(&key));
            } else if n % 11 == 10 {
                let step: Step<'_> = (&key, Some(&val));
                state.batch(&[(&key, None), step]).unwrap();
                model.insert(key, val);
            } else {
                state.put_blind(&key, &val).unwrap();
                model.insert(key, val);
            }
            if n == 70_000 {
                state.clear().unwrap();
                model.clear();
            }
            state.store.wait();
            state.store.land_if_there().unwrap();
            let now = state.store.has_next();
            assert_eq!(count(), 1 + usize::from(now), "at {n}");
            if before && !now {
                if state.store.replay_cost() < 50_000_000 { taken += 1 } else { given_up += 1 }
            }
            // While both journals are there, right after one took the place of the other, and at any time.
            if now && copies < 3 || before && !now && copies < 6 || n % 40_000 == 1 {
                copies += 1;
                state.store.flush().unwrap();
                let killed = tempfile::tempdir().unwrap();
                copy_all(folder.path(), killed.path());
                let mut again = open_dict(killed.path());
                assert_eq!(again.len(), model.len() as u64, "at {n}");
                for (key, val) in &model {
                    assert_eq!(again.with(key, copy).unwrap().as_ref(), Some(val), "at {n}");
                }
            }
        }
        assert!(taken >= 2 && copies >= 6, "{taken} {given_up} {copies}");
    }
}
