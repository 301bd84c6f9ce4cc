//! Publishing all changes as one.

use super::{META, Meta, Pager, encoded, inner_key, map_key, seal};
use crate::disk::Result;
use crate::disk::engine::Change;
use crate::disk::inner::Kid;
use crate::disk::page_file::PageKind;
use crate::sync::Arc;

impl Pager {
    /// Publishes all changes as one; when it returns they survive a power cut.
    pub(crate) fn commit(&mut self, identity: u64, applied: u64, root: Option<Kid>, level: u8) -> Result<Meta> {
        self.read_map()?;
        for (slot, stamp, leaf) in self.leaves.clean() {
            self.file.write(slot, stamp, PageKind::Leaf, leaf.page())?;
        }
        self.file.sync()?;
        let mut changes: Vec<Change> = Vec::new();
        for number in std::mem::take(&mut self.dropped) {
            changes.push((inner_key(number), None));
        }
        for (number, stamp, inner) in self.inners.clean() {
            changes.push((inner_key(number), Some(seal(stamp, &encoded(&*inner)?))));
        }
        let maps = self.slots.settle(Arc::strong_count(&self.pin) > 1);
        let (next_inner, map_chunks) = (self.next_inner, self.slots.chunks());
        let meta = Meta { epoch: self.epoch, identity, applied, root, level, next_inner, map_chunks };
        changes.push((META.to_vec(), Some(seal(self.epoch, &encoded(&meta)?))));
        let all = self.spare.is_due();
        if !all {
            self.spare.append(self.epoch, &changes)?;
        }
        changes.extend(maps.into_iter().map(|(chunk, bytes)| (map_key(chunk), Some(seal(self.epoch, &bytes)))));
        let epoch = self.epoch;
        self.engine().commit(epoch, changes)?;
        if all {
            self.write_spare(&meta)?;
        }
        self.file.shrink(self.slots.end())?;
        self.epoch += 1;
        Ok(meta)
    }
}

/// Keeping the spare.
impl Pager {
    /// Returns when the spare, too, survives a power cut.
    pub(crate) fn sync_spare(&self) -> Result<()> {
        self.spare.sync()
    }

    /// Writes the spare anew; the commit that `meta` stands for is done.
    pub(super) fn write_spare(&mut self, meta: &Meta) -> Result<()> {
        let mut whole = self.spare.begin()?;
        let mut rest: Vec<(Kid, u8)> = meta.root.map(|root| (root, meta.level)).into_iter().collect();
        while let Some((kid, level)) = rest.pop() {
            if level == 0 {
                continue;
            }
            // A node that cannot be read is missing in the spare, too.
            let Ok(inner) = self.inner(&kid) else { continue };
            whole.put(&inner_key(kid.at), &seal(kid.stamp, &encoded(&*inner)?))?;
            rest.extend(inner.kids.iter().filter(|_| level > 1).map(|&kid| (kid, level - 1)));
        }
        whole.put(META, &seal(meta.epoch, &encoded(meta)?))?;
        self.spare.finish(whole, meta.epoch)
    }
}
