//! Publishing all changes as one, in three parts: what is in memory is gathered, then written while others read, then it counts.

use super::{META, Meta, Pager, encoded, inner_key, map_key, seal};
use crate::disk::Result;
use crate::disk::engine::Change;
use crate::disk::inner::{Inner, Kid};
use crate::disk::page_file::PageKind;
use crate::disk::superblock::Superblock;
use crate::sync::Arc;
use crate::sync::global::lock;

/// A commit that is to be written.
pub(crate) struct Staged {
    meta: Meta,
    changes: Vec<Change>,
    /// The map of taken slots, where it changed.
    maps: Vec<Change>,
}

impl Staged {
    pub(crate) fn epoch(&self) -> u64 {
        self.meta.epoch
    }
}

impl Pager {
    /// Publishes all changes as one; when it returns they survive a power cut.
    pub(crate) fn commit(&mut self, identity: u64, applied: u64, root: Option<Kid>, level: u8) -> Result<Meta> {
        let staged = self.stage(identity, applied, root, level)?;
        self.publish(&staged)?;
        self.published();
        Ok(staged.meta)
    }

    /// Gathers all changes since the last commit. Until [`published`](Self::published) nothing may change; reading goes on.
    pub(crate) fn stage(&mut self, identity: u64, applied: u64, root: Option<Kid>, level: u8) -> Result<Staged> {
        self.read_map()?;
        for (slot, stamp, leaf) in self.leaves.clean() {
            self.file.write(slot, stamp, PageKind::Leaf, leaf.page())?;
        }
        self.file.push_out()?;
        let mut changes: Vec<Change> = Vec::new();
        for number in std::mem::take(&mut self.dropped) {
            changes.push((inner_key(number), None));
        }
        for (number, stamp, inner) in self.inners.clean() {
            changes.push((inner_key(number), Some(seal(stamp, &encoded(&*inner)?))));
        }
        let maps = self.slots.settle(Arc::strong_count(&self.pin) > 1);
        let maps = maps.into_iter().map(|(chunk, bytes)| (map_key(chunk), Some(seal(self.epoch, &bytes)))).collect();
        let (next_inner, map_chunks) = (self.next_inner, self.slots.chunks());
        let meta = Meta { epoch: self.epoch, identity, applied, root, level, next_inner, map_chunks };
        changes.push((META.to_vec(), Some(seal(self.epoch, &encoded(&meta)?))));
        Ok(Staged { meta, changes, maps })
    }

    /// Writes what was gathered; when this returns it survives a power cut.
    pub(crate) fn publish(&self, staged: &Staged) -> Result<()> {
        let Staged { meta, changes, maps } = staged;
        self.file.sync()?;
        let all = {
            let mut spare = lock(&self.spare);
            let all = spare.is_due();
            if !all {
                spare.append(meta.epoch, changes)?;
            }
            all
        };
        let changes = changes.iter().chain(maps).cloned().collect();
        lock(&self.source).commit(meta.epoch, changes)?;
        if all {
            self.write_spare(meta)?;
        }
        self.file.shrink(self.slots.end())
    }

    /// What was gathered is written.
    pub(crate) fn published(&mut self) {
        self.epoch += 1;
    }
}

/// Keeping the spare.
impl Pager {
    /// Another superblock, which the spare shall hold from the next commit on.
    pub(crate) fn retype(&mut self, block: &Superblock) {
        lock(&self.spare).retype(block);
    }

    /// The node at `kid`, wherever it is.
    fn any_inner(&self, kid: &Kid) -> Result<Arc<Inner>> {
        match self.cached_inner(kid) {
            Some(inner) => Ok(Arc::clone(inner)),
            None => self.read_inner(kid).map(Arc::new),
        }
    }

    /// Returns when the spare, too, survives a power cut.
    pub(crate) fn sync_spare(&self) -> Result<()> {
        lock(&self.spare).sync()
    }

    /// Writes the spare anew; the commit that `meta` stands for is done.
    pub(super) fn write_spare(&self, meta: &Meta) -> Result<()> {
        let mut whole = lock(&self.spare).begin()?;
        let mut rest: Vec<(Kid, u8)> = meta.root.map(|root| (root, meta.level)).into_iter().collect();
        while let Some((kid, level)) = rest.pop() {
            if level == 0 {
                continue;
            }
            // A node that cannot be read is missing in the spare, too.
            let Ok(inner) = self.any_inner(&kid) else { continue };
            whole.put(&inner_key(kid.at), &seal(kid.stamp, &encoded(&*inner)?))?;
            rest.extend(inner.kids.iter().filter(|_| level > 1).map(|&kid| (kid, level - 1)));
        }
        whole.put(META, &seal(meta.epoch, &encoded(meta)?))?;
        lock(&self.spare).finish(whole, meta.epoch)
    }
}
