//! Reading while nothing changes, one of several at a time.

use super::Pager;
use crate::disk::inner::{Inner, Kid};
use crate::disk::leaf::Leaf;
use crate::disk::page_file::PageKind;
use crate::disk::{Error, Result};
use crate::sync::Arc;
use crate::sync::global::lock;

impl Pager {
    /// Which pager it is of all in this process; never 0.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// What tells the page at `kid` from any other that is or was there.
    #[inline]
    pub(crate) fn version(&self, kid: &Kid) -> u64 {
        // A page of this epoch may be written over where it is.
        if kid.stamp == self.epoch { u64::MAX - self.turn } else { kid.stamp }
    }

    /// The leaf at `kid`, if it is in the cache.
    pub(crate) fn cached_leaf(&self, kid: &Kid) -> Option<&Arc<Leaf>> {
        self.leaves.peek(kid.at, kid.stamp)
    }

    /// The directory node at `kid`, if it is in the cache.
    pub(crate) fn cached_inner(&self, kid: &Kid) -> Option<&Arc<Inner>> {
        self.inners.peek(kid.at, kid.stamp).or_else(|| self.leaving_inner(kid))
    }

    /// The directory node at `kid`, if it is on its way to the engine.
    pub(super) fn leaving_inner(&self, kid: &Kid) -> Option<&Arc<Inner>> {
        self.leaving.get(&kid.at).filter(|(stamp, _)| *stamp == kid.stamp).map(|(_, inner)| inner)
    }

    /// The leaf at `kid` as the file has it, in the memory of an earlier one.
    pub(crate) fn read_leaf(&self, kid: &Kid, room: Vec<u8>) -> Result<Leaf> {
        let page = self.file.read(kid.at, kid.slots, kid.stamp, PageKind::Leaf, room)?;
        let leaf = Leaf::parse(page).filter(|leaf| leaf.count() as u64 == kid.count);
        leaf.ok_or_else(|| Error::damaged(self.file.path(), format!("page {} does not add up", kid.at)))
    }

    /// The directory node at `kid` as the engine has it.
    pub(crate) fn read_inner(&self, kid: &Kid) -> Result<Inner> {
        lock(&self.source).inner(kid, self.file.path())
    }

    /// How many slots are taken, as far as that was asked for.
    #[cfg(test)]
    pub(crate) fn taken(&self) -> u64 {
        self.slots.taken()
    }

    /// How often a page of this epoch was written or given back.
    #[cfg(test)]
    pub(crate) fn writes(&self) -> u64 {
        self.turn
    }
}
