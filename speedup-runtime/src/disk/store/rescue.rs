//! Opening what does not open any more: what the superblock, the directory or the journal no longer say is taken from the
//! spare, or left out.

use std::path::{Path, PathBuf};

use super::super::folder::{self, Lock};
use super::super::journal::{self, Replay};
use super::super::options::Options;
use super::super::pager::{self, Pager};
use super::super::superblock::{Kind, Superblock};
use super::super::tree::Tree;
use super::super::{Error, Result};
use super::{Store, check};
use crate::sync::Arc;

impl Store {
    /// Opens a structure as far as it can be read; it must be [rewritten](Self::rewrite) before it is used.
    pub(crate) fn rescue(options: &Options, kind: Kind, key: u64, value: u64) -> Result<(Self, Option<Replay>)> {
        let folder = options.folder()?;
        folder::make(&folder)?;
        let lock = Lock::take(&folder)?;
        let block = match Superblock::read(&folder) {
            Ok(Some(block)) => block,
            Ok(None) if !folder::holds_data(&folder)? => {
                let store = Self::create(folder, lock, kind, key, value, options.items())?;
                return Ok((store, None));
            }
            Ok(None) | Err(Error::Damaged { .. }) => find_block(&folder)?,
            Err(error) => return Err(error),
        };
        check(&folder, &block, kind, key, (value, &options.readable))?;
        Self::read(folder, lock, block, options.items())
    }

    fn read(folder: PathBuf, lock: Lock, block: Superblock, items: usize) -> Result<(Self, Option<Replay>)> {
        folder::clean(&folder, Some(block.generation), Some(block.journal))?;
        let (pager, meta) = match Pager::rescue(&folder, &block, items) {
            // The pages of a dict say enough; whatever they hold, the journal goes on from the last checkpoint.
            Err(Error::Damaged { .. }) if block.kind == Kind::Dict => {
                return Self::bare(folder, lock, block, items);
            }
            rescued => rescued?,
        };
        let replay = replay(&folder, &block)?;
        let tree = Tree { root: meta.root, level: meta.level };
        let mut store = Self::over(pager, tree, None, block, (folder, Arc::new(lock)));
        (store.seq, store.published, store.cut) = (meta.applied, meta.applied, replay.is_none());
        Ok((store, replay))
    }

    /// Opens a dict of which neither the directory nor the spare can be read.
    fn bare(folder: PathBuf, lock: Lock, block: Superblock, items: usize) -> Result<(Self, Option<Replay>)> {
        let pager = Pager::bare(&folder, &block, items)?;
        let replay = replay(&folder, &block)?;
        let mut store = Self::over(pager, Tree::default(), None, block, (folder, Arc::new(lock)));
        (store.bare, store.cut) = (true, replay.is_none());
        Ok((store, replay))
    }

    /// Whether a repair left operations of the journal out.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut
    }
}

/// The journal as far as it is sound; `None` if there is none.
fn replay(folder: &Path, block: &Superblock) -> Result<Option<Replay>> {
    match Replay::open(folder, block.identity, block.journal) {
        Ok(replay) => Ok(Some(replay.forgive())),
        Err(Error::Damaged { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The superblock that was lost, put together from the spares and journals of the folder.
fn find_block(folder: &Path) -> Result<Superblock> {
    let mut best: Option<(u64, Superblock)> = None;
    for generation in folder::numbers(folder, "spare")? {
        let Some(mut spare) = pager::recover(&folder::spare(folder, generation)) else { continue };
        let Some(block) = spare.block else { continue };
        // A generation that was still being made when a crash came knows of no operation.
        let applied = pager::read_meta(&mut spare).map_or(0, |meta| meta.applied);
        if best.is_none_or(|(most, _)| applied >= most) {
            best = Some((applied, Superblock { generation, epoch: 0, applied: 0, at_rest: false, ..block }));
        }
    }
    let lost = || Error::damaged(folder, "its superblock is lost, and no spare of it can be read");
    let (applied, block) = best.ok_or_else(lost)?;
    Ok(Superblock { journal: find_journal(folder, block.identity, applied)?, ..block })
}

/// The journal that counts: the first that holds operations after `applied`, or else the last.
fn find_journal(folder: &Path, identity: u64, applied: u64) -> Result<u64> {
    let mut last = 0;
    for number in folder::numbers(folder, "journal")? {
        last = number;
        let Ok(replay) = Replay::open(folder, identity, number) else { continue };
        if journal::last_operation(replay.forgive())?.is_some_and(|seq| seq > applied) {
            break;
        }
    }
    Ok(last)
}
