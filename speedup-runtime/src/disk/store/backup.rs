//! Copying a structure into another folder.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io::ErrorKind;
use std::path::Path;

use super::super::error::At;
use super::super::folder::{self, Lock};
use super::super::journal::Journal;
use super::super::pager::Pager;
use super::super::superblock::Superblock;
use super::super::{Error, Result, place};
use super::Store;
use super::copy::Copy;

impl Store {
    /// Copies everything in order into `target`, which must hold no structure; what cannot be read is an error.
    pub(crate) fn backup(&mut self, target: &Path) -> Result<()> {
        if place::exists(target)? {
            return Err(Error::NotEmpty { path: target.to_path_buf() });
        }
        folder::make(target)?;
        let lock = Lock::take(target)?;
        folder::end_removal(target)?;
        let result = self.copy_to(target);
        if result.is_err() {
            // A part of a copy is of no use; what this does not remove stands in nobody's way.
            let _removed = folder::remove_all(target);
            drop(lock);
            let _removed = fs::remove_dir(target);
        }
        result
    }

    fn copy_to(&mut self, target: &Path) -> Result<()> {
        folder::clean(target, None, None)?;
        let identity = RandomState::new().hash_one(std::process::id());
        let block = Superblock { identity, generation: 0, journal: 0, floor: 0, home: None, ..self.block };
        let mut copy = Copy::into(Pager::create(target, &block, self.pager.budget())?, identity);
        self.tree.walk(&mut self.pager, &mut |pager, _, leaf| {
            let leaf = leaf?;
            copy.leaf(pager, &leaf, 0..leaf.count(), false)
        })?;
        let meta = copy.finish(self.seq)?;
        Journal::create(target, identity, 0)?;
        copy_types(self.folder(), target)?;
        Superblock { epoch: meta.epoch, applied: meta.applied, at_rest: true, ..block }.write(target)?;
        folder::sync_name(target)
    }
}

/// Copies the file that tells of the types, if there is one.
fn copy_types(from: &Path, to: &Path) -> Result<()> {
    let to = to.join("types");
    match fs::copy(from.join("types"), &to) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io(&to, error)),
        Err(_) => Ok(()),
        Ok(_) => fs::File::options().write(true).open(&to).and_then(|file| file.sync_all()).at(&to),
    }
}
