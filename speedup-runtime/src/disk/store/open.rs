//! Opening a structure, and making one.

use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::super::common::{Common, Join};
use super::super::fingerprint::member;
use super::super::folder::{self, Lock};
use super::super::journal::{Journal, Replay};
use super::super::options::Options;
use super::super::pager::Pager;
use super::super::superblock::{Home, Kind, Superblock};
use super::super::tail::Tail;
use super::super::tree::Tree;
use super::super::{Error, Result};
use super::Store;
use crate::sync::Arc;
use crate::sync::global::{self, Mutex};

impl Store {
    /// Opens or makes a structure; what the last process left in its journal is to be replayed by the caller.
    pub(crate) fn open(options: &Options, kind: Kind, key: u64, value: u64) -> Result<(Self, Option<Replay>)> {
        let folder = options.folder()?;
        let common = Self::common_of(options, &folder, if options.joint { Join::Make } else { Join::IfThere })?;
        folder::make(&folder)?;
        let lock = Lock::take(&folder)?;
        match Superblock::read(&folder)? {
            Some(block) => {
                check(&folder, &block, kind, key, (value, &options.readable))?;
                let block = common.as_ref().map_or(block, |common| common.now(&folder, block));
                Self::reopen(folder, lock, block, options.items(), common)
            }
            None if is_damaged(&folder, common.as_ref())? => Err(Error::damaged(&folder, "its superblock is missing")),
            None => Self::create(folder, lock, kind, key, value, (options.items(), common)).map(|store| (store, None)),
        }
    }

    /// The journal of the folder around.
    pub(super) fn common_of(options: &Options, folder: &Path, join: Join) -> Result<Option<global::Arc<Common>>> {
        let location = folder.parent().unwrap_or(folder);
        match Common::join(location, join)? {
            None if options.joint && join == Join::Repair => Common::join(location, Join::Make),
            common => Ok(common),
        }
    }

    pub(super) fn create(
        folder: PathBuf,
        lock: Lock,
        kind: Kind,
        key: u64,
        value: u64,
        (items, common): (usize, Option<global::Arc<Common>>),
    ) -> Result<Self> {
        folder::clean(&folder, None, None)?;
        let identity = RandomState::new().hash_one(std::process::id());
        let mut block = Superblock {
            kind,
            key,
            value,
            identity,
            generation: 0,
            journal: 0,
            epoch: 0,
            applied: 0,
            floor: 0,
            at_rest: true,
            home: common.as_ref().map(|common| common.home(member(&folder, identity), false)),
        };
        let mut pager = Pager::create(&folder, &block, items)?;
        block.epoch = pager.commit(identity, 0, None, 0)?.epoch;
        pager.sync_spare()?;
        let journal = if common.is_some() { None } else { Some(Journal::create(&folder, identity, 0)?) };
        block.write(&folder)?;
        // An earlier process may have been killed right after it made the folder.
        folder::sync_name(&folder)?;
        let mut store = Self::over(pager, Tree::default(), journal, block, (folder, Arc::new(lock)));
        (store.common, store.changed) = (common, false);
        Ok(store)
    }

    pub(super) fn over(
        pager: Pager,
        tree: Tree,
        journal: Option<Journal>,
        block: Superblock,
        (folder, lock): (PathBuf, Arc<Lock>),
    ) -> Self {
        let (tail, seq, changed) = (Tail::default(), block.applied, journal.is_none());
        let member = member(&folder, block.identity);
        Store {
            pager,
            tree,
            tail,
            journal: Mutex::new(journal),
            common: None,
            member,
            adopting: None,
            outdated: false,
            next: Mutex::new(None),
            under_way: None,
            boarding: false,
            deferred: false,
            block,
            seq,
            published: seq,
            noted: 0,
            replay_cost: 0,
            replaying: false,
            changed,
            failed: OnceLock::new(),
            cut: false,
            bare: false,
            folder,
            read_only: false,
            lock,
        }
    }

    fn reopen(
        folder: PathBuf,
        lock: Lock,
        block: Superblock,
        items: usize,
        common: Option<global::Arc<Common>>,
    ) -> Result<(Self, Option<Replay>)> {
        let member = member(&folder, block.identity);
        if block.home.is_some_and(|home| home.open && !is_at(home, common.as_ref(), member)) {
            return Err(Error::Apart { path: folder });
        }
        let journal = if block.home.is_none() { Some(block.journal) } else { None };
        folder::clean(&folder, Some(block.generation), journal)?;
        let directory = folder::directory(&folder, block.generation);
        let (pager, meta) = Pager::open(&folder, &block, items)?;
        if meta.identity != block.identity {
            return Err(Error::damaged(&directory, "it belongs to another structure"));
        }
        if meta.epoch < block.epoch || meta.applied < block.applied {
            return Err(Error::damaged(&directory, "it lost changes that were durable"));
        }
        let tree = Tree { root: meta.root, level: meta.level };
        let lock = Arc::new(lock);
        let (mut store, replay) = match (common, block.home) {
            (Some(common), Some(home)) => {
                let replay = if home.open { Some(common.replay(block.journal, member)?) } else { None };
                common.needs(member, home.open.then_some(block.journal));
                let mut store = Self::over(pager, tree, None, block, (folder, lock));
                store.changed = home.open;
                store.common = Some(common);
                (store, replay)
            }
            (None, Some(_)) => {
                // It was closed, and has left the folder whose journal it shared.
                let block = Superblock { journal: block.journal + 1, home: None, ..block };
                let journal = Journal::create(&folder, block.identity, block.journal)?;
                block.write(&folder)?;
                (Self::over(pager, tree, Some(journal), block, (folder, lock)), None)
            }
            (adopting, None) => {
                let replay = Replay::open(&folder, block.identity, block.journal)?;
                let (journal, replay) = if replay.is_empty() {
                    (Some(Journal::resume(block.identity, block.journal, &replay)?), None)
                } else {
                    // What it holds may be published in parts from here on, so all of it must survive.
                    replay.sync()?;
                    (None, Some(replay))
                };
                let mut store = Self::over(pager, tree, journal, block, (folder, lock));
                store.adopting = adopting;
                (store, replay)
            }
        };
        (store.seq, store.published) = (meta.applied, meta.applied);
        Ok((store, replay))
    }
}

/// Whether a folder without a superblock is one that lost it. One of which a kill left the half is removed first.
pub(super) fn is_damaged(folder: &Path, common: Option<&global::Arc<Common>>) -> Result<bool> {
    folder::end_removal(folder)?;
    Ok(folder::holds_data(folder)? || common.map_or(Ok(false), |common| common.has_noted(folder))?)
}

/// Whether `common` is the journal that a superblock means.
pub(super) fn is_at(home: Home, common: Option<&global::Arc<Common>>, member: u64) -> bool {
    common.is_some_and(|common| common.home(member, home.open) == home)
}

pub(super) fn check(
    folder: &Path,
    block: &Superblock,
    kind: Kind,
    key: u64,
    (value, readable): (u64, &[u64]),
) -> Result<()> {
    let path = folder.to_path_buf();
    if block.kind != kind {
        return Err(Error::WrongKind { path, wanted: kind.name(), found: block.kind.name() });
    }
    if block.key != key {
        return Err(Error::WrongType { path, part: "key", what: String::new() });
    }
    if block.value != value && !readable.contains(&block.value) {
        return Err(Error::WrongType { path, part: "value", what: String::new() });
    }
    Ok(())
}
