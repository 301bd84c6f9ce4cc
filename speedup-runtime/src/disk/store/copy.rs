//! Copying a structure into a new generation: what `compact` and `repair` do.

use std::ops::Range;

use super::super::engine::sync_folder;
use super::super::leaf::Leaf;
use super::super::pager::{Meta, Pager};
use super::super::superblock::Superblock;
use super::super::tail::Tail;
use super::super::tree::{Edits, Tree};
use super::super::{Result, folder};
use super::{Repaired, Store};

impl Store {
    /// Copies everything in order into a new generation of full pages, and deletes the old one.
    ///
    /// With `salvage`, what cannot be read is left out and counted; otherwise it is an error and nothing changes.
    pub(crate) fn rewrite(&mut self, salvage: bool) -> Result<Repaired> {
        self.check_place()?;
        self.rewrite_as(self.block.value, salvage, None)
    }

    /// As [`rewrite`](Self::rewrite), with every value as `change` makes it; values are then of the type with the fingerprint `value`.
    pub(crate) fn convert(&mut self, value: u64, change: &mut Change<'_>) -> Result<()> {
        self.check_place()?;
        self.rewrite_as(value, false, Some(change)).map(drop)
    }

    fn rewrite_as(&mut self, value: u64, salvage: bool, change: Option<&mut Change<'_>>) -> Result<Repaired> {
        self.land()?;
        let result = self.copy(value, salvage, change);
        let named = Superblock::read(&self.folder).ok().flatten().map(|block| block.generation);
        if named == Some(self.block.generation) {
            // What this does not remove, the next opening will.
            let _later = folder::clean(&self.folder, named, Some(self.block.journal));
            return result;
        }
        // Nobody knows which of the two generations would be opened after a crash.
        self.settle(result)
    }

    fn copy(&mut self, value: u64, salvage: bool, change: Option<&mut Change<'_>>) -> Result<Repaired> {
        folder::clean(&self.folder, Some(self.block.generation), Some(self.block.journal))?;
        let block = Superblock { value, generation: self.block.generation + 1, floor: 0, ..self.block };
        let pager = Pager::create(&self.folder, &block, self.pager.budget())?;
        let mut copy = Copy { change, ..Copy::into(pager, self.block.identity) };
        if self.bare {
            let mut scan = self.pager.scan(&self.block)?;
            let mut take = |leaf: &Leaf, index| copy.leaf(&self.pager, leaf, index..index + 1, salvage);
            while scan.next(self.pager.file(), &mut take)? {}
        }
        self.tree.walk(&mut self.pager, &mut |pager, count, leaf| match leaf {
            Ok(leaf) => copy.leaf(pager, &leaf, 0..leaf.count(), salvage),
            Err(_) if salvage => {
                copy.lost += count;
                Ok(())
            }
            Err(error) => Err(error),
        })?;
        let meta = copy.finish(self.seq)?;
        let block = Superblock { epoch: meta.epoch, applied: meta.applied, at_rest: true, ..block };
        sync_folder(&self.folder)?;
        block.write(&self.folder)?;
        let (kept, lost) = (copy.tree.len() as usize, copy.lost as usize);
        let repaired = Repaired { kept, lost, truncated: self.cut, scanned: self.bare };
        (self.pager, self.tree, self.block, self.bare) = (copy.pager, copy.tree, block, false);
        Ok(repaired)
    }
}

/// Makes another value of an encoded one.
pub(crate) type Change<'a> = dyn FnMut(&[u8]) -> Result<Vec<u8>> + 'a;

/// A generation in the making.
pub(super) struct Copy<'a, 'c> {
    pager: Pager,
    tree: Tree,
    tail: Tail,
    identity: u64,
    lost: u64,
    change: Option<&'a mut Change<'c>>,
}

impl Copy<'_, '_> {
    /// An empty one, of the structure `identity`.
    pub(super) fn into(pager: Pager, identity: u64) -> Self {
        Copy { pager, tree: Tree::default(), tail: Tail::default(), identity, lost: 0, change: None }
    }

    /// Adds some items of a leaf.
    pub(super) fn leaf(&mut self, from: &Pager, leaf: &Leaf, range: Range<usize>, salvage: bool) -> Result<()> {
        let (mut key, mut store) = (Vec::new(), Vec::new());
        for index in range {
            let val = leaf.val(index);
            leaf.key_into(index, &mut key);
            let outside = val.outside.then(|| from.with_value(val, |bytes| Ok(bytes.to_vec())));
            let bytes = match outside.transpose() {
                Ok(bytes) => bytes,
                Err(_) if salvage => {
                    self.lost += 1;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let bytes = match &mut self.change {
                Some(change) => Some(change(bytes.as_deref().unwrap_or(val.bytes))?),
                None => bytes,
            };
            let val = match &bytes {
                Some(bytes) => self.pager.place(bytes, &mut store)?,
                None => val,
            };
            if self.tail.is_full(&key, val) {
                self.tree.edit(&mut self.pager, &Edits::Append(&self.tail.items(), 0))?;
                self.tail.clear();
            }
            self.tail.insert(self.tail.len(), &key, val);
        }
        if self.pager.is_crowded() {
            self.pager.commit(self.identity, 0, self.tree.root, self.tree.level)?;
        }
        Ok(())
    }

    /// Publishes it as the state after operation `applied`, durably.
    pub(super) fn finish(&mut self, applied: u64) -> Result<Meta> {
        if !self.tail.is_empty() {
            self.tree.edit(&mut self.pager, &Edits::Append(&self.tail.items(), 0))?;
            self.tail.clear();
        }
        let meta = self.pager.commit(self.identity, applied, self.tree.root, self.tree.level)?;
        self.pager.sync_spare()?;
        Ok(meta)
    }
}
