//! Opening what does not open any more: what the superblock, the directory or the journal no longer say is taken from the
//! spare, or left out.

use std::path::{Path, PathBuf};

use super::super::common::{Common, Join};
use super::super::error::At;
use super::super::fingerprint::member;
use super::super::folder::{self, Lock};
use super::super::journal::{self, Replay};
use super::super::options::Options;
use super::super::pager::{self, Pager};
use super::super::superblock::{Kind, Superblock};
use super::super::tree::Tree;
use super::super::{Error, Result};
use super::Store;
use super::open::{check, is_at, is_damaged};
use crate::sync::{Arc, global};

impl Store {
    /// Opens a structure as far as it can be read; it must be [rewritten](Self::rewrite) before it is used.
    pub(crate) fn rescue(options: &Options, kind: Kind, key: u64, value: u64) -> Result<(Self, Option<Replay>)> {
        let folder = options.folder()?;
        let common = Self::common_of(options, &folder, Join::Repair)?;
        folder::make(&folder)?;
        let lock = Lock::take(&folder)?;
        let block = match Superblock::read(&folder) {
            Ok(Some(block)) => block,
            Ok(None) if !is_damaged(&folder, common.as_ref())? => {
                let store = Self::create(folder, lock, kind, key, value, (options.items(), common))?;
                return Ok((store, None));
            }
            Ok(None) | Err(Error::Damaged { .. }) => find_block(&folder, common.as_deref())?,
            Err(error) => return Err(error),
        };
        check(&folder, &block, kind, key, (value, &options.readable))?;
        let block = common.as_ref().map_or(block, |common| common.now(&folder, block));
        let mut journals = Journals::of(&folder, &block, common)?;
        let (mut store, replay) = Self::read(folder, lock, block, options.items(), &mut journals)?;
        journals.give(&mut store);
        Ok((store, replay))
    }

    fn read(
        folder: PathBuf,
        lock: Lock,
        block: Superblock,
        items: usize,
        journals: &mut Journals,
    ) -> Result<(Self, Option<Replay>)> {
        let own = if block.home.is_none() { Some(block.journal) } else { None };
        folder::clean(&folder, Some(block.generation), own)?;
        let (pager, meta) = match Pager::rescue(&folder, &block, items) {
            // The pages of a dict say enough; whatever they hold, the journal goes on from the last checkpoint.
            Err(Error::Damaged { .. }) if block.kind == Kind::Dict => {
                return Self::bare(folder, lock, block, items, journals);
            }
            rescued => rescued?,
        };
        let replay = journals.replay.take();
        let tree = Tree { root: meta.root, level: meta.level };
        let mut store = Self::over(pager, tree, None, block, (folder, Arc::new(lock)));
        (store.seq, store.published, store.cut) = (meta.applied, meta.applied, journals.cut);
        Ok((store, replay))
    }

    /// Opens a dict of which neither the directory nor the spare can be read.
    fn bare(
        folder: PathBuf,
        lock: Lock,
        block: Superblock,
        items: usize,
        journals: &mut Journals,
    ) -> Result<(Self, Option<Replay>)> {
        let pager = Pager::bare(&folder, &block, items)?;
        let replay = journals.replay.take();
        let mut store = Self::over(pager, Tree::default(), None, block, (folder, Arc::new(lock)));
        (store.bare, store.cut) = (true, journals.cut);
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

/// Where the operations of a structure are that is repaired.
struct Journals {
    /// What is to be played.
    replay: Option<Replay>,
    /// Whether some of them are lost.
    cut: bool,
    /// The journal of the folder around, and whether the structure has its operations there.
    common: Option<global::Arc<Common>>,
    is_home: bool,
}

impl Journals {
    fn of(folder: &Path, block: &Superblock, common: Option<global::Arc<Common>>) -> Result<Self> {
        let member = member(folder, block.identity);
        let (replay, cut, is_home) = match (block.home, &common) {
            (None, _) => {
                let replay = replay(folder, block)?;
                let cut = replay.is_none();
                (replay, cut, false)
            }
            (Some(home), Some(there)) if home.open && is_at(home, common.as_ref(), member) => {
                // What a repair has cut off was in the files that are missing.
                let first = there.first()?;
                let replay = there.read(block.journal.clamp(first, there.number()), member)?.forgive();
                (Some(replay), there.is_cut() || block.journal < first, true)
            }
            // What was in the journal of another folder is lost.
            (Some(home), _) => (None, home.open, common.is_some()),
        };
        Ok(Journals { replay, cut, common, is_home })
    }

    /// Says where operations are noted from then on.
    fn give(self, store: &mut Store) {
        if self.is_home {
            // What is there may not be played in full again.
            store.outdated = true;
            store.common = self.common;
        } else {
            store.adopting = self.common;
        }
    }
}

/// The superblock that was lost, put together from the spares and journals of the folder.
fn find_block(folder: &Path, common: Option<&Common>) -> Result<Superblock> {
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
    let own = find_journal(folder, block.identity, applied)?;
    match (own, common) {
        (Some(journal), _) => Ok(Superblock { journal, home: None, ..block }),
        (None, None) => Ok(Superblock { journal: 0, home: None, ..block }),
        (None, Some(common)) => {
            let home = Some(common.home(member(folder, block.identity), true));
            Ok(Superblock { journal: common.first()?, home, ..block })
        }
    }
}

/// The journal that counts: the first that holds operations after `applied`, or else the last. One that a crash left in the making holds none, and says
/// nothing of those before it.
fn find_journal(folder: &Path, identity: u64, applied: u64) -> Result<Option<u64>> {
    let mut last = None;
    for number in folder::numbers(folder, "journal")? {
        if last.is_some() && is_in_the_making(folder, number)? {
            continue;
        }
        last = Some(number);
        let Ok(replay) = Replay::open(folder, identity, number) else { continue };
        if journal::last_operation(replay.forgive())?.is_some_and(|seq| seq > applied) {
            break;
        }
    }
    Ok(last)
}

/// Whether a crash came between the making of a journal and the writing of its header.
fn is_in_the_making(folder: &Path, number: u64) -> Result<bool> {
    let path = folder.join(journal::file_name(number));
    Ok(std::fs::metadata(&path).at(&path)?.len() == 0)
}
