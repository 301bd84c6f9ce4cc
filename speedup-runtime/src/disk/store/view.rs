//! Reading a structure and writing nothing: one that is at rest, or the last checkpoint of one that goes on.

use std::path::PathBuf;

use super::super::folder::Lock;
use super::super::joint;
use super::super::journal::Replay;
use super::super::options::Options;
use super::super::pager::{Meta, Pager};
use super::super::superblock::{Kind, Superblock};
use super::super::tree::Tree;
use super::super::{Error, Result};
use super::Store;
use super::open::check;
use crate::sync::Arc;

impl Store {
    /// Opens a structure that is at rest, and writes nothing; others may do so at the same time.
    pub(crate) fn view(options: &Options, kind: Kind, key: u64, value: u64) -> Result<(Self, Option<Replay>)> {
        let folder = options.folder()?;
        let missing = || Error::Missing { path: folder.clone() };
        if !folder.is_dir() {
            return Err(missing());
        }
        let lock = Lock::share(&folder)?;
        let block = Superblock::read(&folder)?.ok_or_else(missing)?;
        check(&folder, &block, kind, key, (value, &options.readable))?;
        let is_whole = block.at_rest && joint::pending(&folder, block.identity)?.is_empty();
        let is_played = match block.home {
            Some(home) => !home.open,
            None => Replay::open(&folder, block.identity, block.journal)?.is_empty(),
        };
        if !is_whole || !is_played {
            return Err(Error::Unfinished { path: folder });
        }
        let (pager, meta) = Pager::view(&folder, &block, options.items(), Arc::new(()))?;
        Ok((Self::viewed(pager, &meta, block, folder, Arc::new(lock)), None))
    }

    /// The state of the last checkpoint, to be read while this goes on; everything must be in it.
    pub(crate) fn snapshot(&self) -> Result<Self> {
        let (pager, meta) = Pager::view(&self.folder, &self.block, self.pager.budget(), self.pager.pin())?;
        Ok(Self::viewed(pager, &meta, self.block, self.folder.clone(), Arc::clone(&self.lock)))
    }

    fn viewed(pager: Pager, meta: &Meta, block: Superblock, folder: PathBuf, lock: Arc<Lock>) -> Self {
        let tree = Tree { root: meta.root, level: meta.level };
        let mut store = Self::over(pager, tree, None, block, (folder, lock));
        (store.seq, store.read_only, store.changed) = (meta.applied, true, false);
        store
    }
}
