//! Publishing all changes as one, in three parts: what is in memory is gathered, then written, then it counts.
//!
//! While it is written others read, and where the pager is told so, it goes on changing: in the next epoch, so that no page of this one is touched.

use std::fs::File;
use std::path::PathBuf;

use super::{META, Meta, Pager, Source, encoded, inner_key, map_key, seal};
use crate::disk::Result;
use crate::disk::engine::Change;
use crate::disk::error::At;
use crate::disk::inner::{Inner, Kid};
use crate::disk::page_file::PageKind;
use crate::disk::spare::Spare;
use crate::disk::superblock::Superblock;
use crate::sync::Arc;
use crate::sync::global::{self, Mutex, lock};

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

    /// About how many bytes it takes in memory.
    pub(crate) fn size(&self) -> usize {
        self.changes.iter().chain(&self.maps).map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len)).sum()
    }
}

impl Pager {
    /// Publishes all changes as one; when it returns they survive a power cut.
    pub(crate) fn commit(&mut self, identity: u64, applied: u64, root: Option<Kid>, level: u8) -> Result<Meta> {
        let staged = self.stage(identity, applied, root, level)?;
        self.press().publish(&staged, &|| Ok(()))?;
        self.published()?;
        Ok(staged.meta)
    }

    /// Gathers all changes since the last commit. Until it is [published](Self::published), or [departs](Self::depart), nothing may change.
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
            self.leaving.insert(number, (stamp, inner));
        }
        let maps = self.slots.settle(Arc::strong_count(&self.pin) > 1);
        let maps = maps.into_iter().map(|(chunk, bytes)| (map_key(chunk), Some(seal(self.epoch, &bytes)))).collect();
        let (next_inner, map_chunks) = (self.next_inner, self.slots.chunks());
        let meta = Meta { epoch: self.epoch, identity, applied, root, level, next_inner, map_chunks };
        changes.push((META.to_vec(), Some(seal(self.epoch, &encoded(&meta)?))));
        Ok(Staged { meta, changes, maps })
    }

    /// What writes what was gathered.
    pub(crate) fn press(&self) -> Press {
        Press {
            file: self.file.open_file(),
            path: self.file.path().to_path_buf(),
            source: global::Arc::clone(&self.source),
            spare: global::Arc::clone(&self.spare),
        }
    }

    /// Goes on in the next epoch while what was gathered is written; what it frees is not used before [`arrived`](Self::arrived).
    pub(crate) fn depart(&mut self) {
        self.epoch += 1;
        self.slots.withhold();
    }

    /// What departed is written.
    pub(crate) fn arrived(&mut self) -> Result<()> {
        self.slots.release();
        self.leaving.clear();
        self.file.shrink(self.slots.end())
    }

    /// What was gathered is written, and nothing changed meanwhile.
    pub(crate) fn published(&mut self) -> Result<()> {
        self.depart();
        self.arrived()
    }

    /// Another superblock, which the spare shall hold from the next commit on.
    pub(crate) fn retype(&mut self, block: &Superblock) {
        lock(&self.spare).retype(block);
    }

    /// Returns when the spare, too, survives a power cut.
    pub(crate) fn sync_spare(&self) -> Result<()> {
        lock(&self.spare).sync()
    }
}

/// What writes a commit: it needs nothing of the pager, which may change meanwhile.
pub(crate) struct Press {
    file: global::Arc<File>,
    path: PathBuf,
    source: global::Arc<Mutex<Source>>,
    spare: global::Arc<Mutex<Spare>>,
}

impl Press {
    /// Writes what was gathered; when this returns it survives a power cut. It may be done again.
    ///
    /// `check` refuses where the folder is no longer that of the name, before anything is written by its name.
    pub(crate) fn publish(&self, staged: &Staged, check: &dyn Fn() -> Result<()>) -> Result<()> {
        let Staged { meta, changes, maps } = staged;
        self.file.sync_data().at(&self.path)?;
        check()?;
        let all = {
            let mut spare = lock(&self.spare);
            let all = spare.is_due();
            if !all {
                spare.append(meta.epoch, changes)?;
            }
            all
        };
        // Who reads a node meanwhile reads one that this does not change: the others are in memory.
        let writer = lock(&self.source).engine.writer()?;
        writer.commit(changes.iter().chain(maps).cloned())?;
        check()?;
        lock(&self.source).engine.committed(meta.epoch);
        if all { self.write_spare(meta) } else { Ok(()) }
    }

    /// Returns when the spare, too, survives a power cut.
    pub(crate) fn sync_spare(&self) -> Result<()> {
        lock(&self.spare).sync()
    }

    /// Writes the spare anew; the commit that `meta` stands for is done.
    pub(super) fn write_spare(&self, meta: &Meta) -> Result<()> {
        let inner = |kid: &Kid| -> Result<Inner> { lock(&self.source).inner(kid, &self.path) };
        let mut whole = lock(&self.spare).begin()?;
        let mut rest: Vec<(Kid, u8)> = meta.root.map(|root| (root, meta.level)).into_iter().collect();
        while let Some((kid, level)) = rest.pop() {
            if level == 0 {
                continue;
            }
            // A node that cannot be read is missing in the spare, too.
            let Ok(inner) = inner(&kid) else { continue };
            whole.put(&inner_key(kid.at), &seal(kid.stamp, &encoded(&inner)?))?;
            rest.extend(inner.kids.iter().filter(|_| level > 1).map(|&kid| (kid, level - 1)));
        }
        whole.put(META, &seal(meta.epoch, &encoded(meta)?))?;
        lock(&self.spare).finish(whole, meta.epoch)
    }
}
