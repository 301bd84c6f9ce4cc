//! A structure on disk without its meaning: the tree, its open end, the journal, and how they are opened and made durable.
//!
//! What is on disk is the last checkpoint and a journal of all operations since. A checkpoint publishes the pages as one,
//! then the superblock names an empty journal; until then the old journal, whose operations are numbered, still counts.

mod arrival;
mod backup;
mod begin;
mod board;
mod checkpoint;
mod copy;
mod in_common;
mod noting;
mod open;
mod passage;
mod rescue;
mod under_way;
mod view;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use self::arrival::UnderWay;
pub(crate) use self::checkpoint::{Extent, Staged};
pub(crate) use self::copy::Change;
pub(crate) use self::under_way::Departed;
use super::common::Common;
use super::error::At;
use super::folder::Lock;
use super::journal::{Journal, Op, Replay};
use super::leaf::Val;
use super::next::Next;
use super::options::Options;
use super::pager::Pager;
use super::superblock::{Kind, Superblock};
use super::tail::Tail;
use super::tree::{Edits, Tree};
use super::{Error, Result};
use crate::sync::Arc;
use crate::sync::global::{self, Mutex, lock};

/// The longest encoded key: a page of two such keys still splits well.
pub(crate) const LONGEST_KEY: usize = 16 << 10;
/// The longest encoded value.
pub(crate) const LONGEST_VALUE: usize = 1 << 30;
/// The most bytes that one batch may have.
pub(crate) const LONGEST_BATCH: usize = 1 << 30;
/// How long the journal may get before a checkpoint.
pub(crate) const LONG_JOURNAL: u64 = if cfg!(speedup_tight) { 192 << 10 } else { 64 << 20 };
/// How many nanoseconds playing the journal may take, about, before a checkpoint.
pub(crate) const LONG_REPLAY: u64 = 700_000_000;

/// What `repair` kept and what it could not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repaired {
    /// How many items are there now.
    pub kept: usize,
    /// How many items could not be read and are gone.
    pub lost: usize,
    /// Whether the journal was damaged, too, so that operations since the last checkpoint are gone.
    pub truncated: bool,
    /// Whether all that was left of a dict was its pages: an entry in a damaged page is gone or has an older value, and entries
    /// that were removed may be back.
    pub scanned: bool,
}

/// How a structure is opened: [`Store::open`] or [`Store::rescue`]; the numbers are the fingerprints of key and value.
pub(crate) type Opening = fn(&Options, Kind, u64, u64) -> Result<(Store, Option<Replay>)>;

/// The state of an open structure.
pub(crate) struct Store {
    pub(crate) pager: Pager,
    pub(crate) tree: Tree,
    /// Items after those of the tree.
    pub(crate) tail: Tail,
    /// Absent while the journal of a crashed process is replayed.
    journal: Mutex<Option<Journal>>,
    /// The journal of the folder around, if operations are noted there and in none of its own.
    common: Option<global::Arc<Common>>,
    /// By what it is known there.
    member: u64,
    /// That journal, once there is nothing left in one of its own.
    adopting: Option<global::Arc<Common>>,
    /// Whether a checkpoint must come before the first change, because what is in the journal of the folder cannot be played again.
    outdated: bool,
    /// The journal that goes on after the next checkpoint, if it was begun.
    next: Mutex<Option<Next>>,
    /// What is being published while changes go on.
    under_way: Option<UnderWay>,
    /// Whether the next publication of everything waits for those of other structures.
    boarding: bool,
    /// Whether what becomes due is left to whoever tends the structure.
    deferred: bool,
    block: Superblock,
    /// The number of the last operation.
    seq: u64,
    /// Every operation up to this number is in what was published last.
    published: u64,
    /// How many operations that come next are in the journal already; no checkpoint may come between them.
    noted: usize,
    /// About how many nanoseconds it takes to play the journal.
    replay_cost: u64,
    /// Whether the journal of an earlier process is being played: then it stays, whatever is published on the way.
    replaying: bool,
    /// Something differs from the last checkpoint.
    changed: bool,
    /// Set when a change failed half-way: memory is then not to be trusted, the disk is.
    failed: OnceLock<String>,
    folder: PathBuf,
    /// Whether a repair left operations of the journal out.
    cut: bool,
    /// Whether nothing but the pages themselves can be read, and the tree is empty for that reason only.
    bare: bool,
    /// Whether nothing may change.
    read_only: bool,
    /// Declared last: given up when everything else is closed.
    lock: Arc<Lock>,
}

impl Store {
    /// Hands the operations that the last checkpoint does not hold to `apply`, in order; then the journal goes on.
    ///
    /// What becomes due on the way is published, and the journal stays: a crash plays it again from there.
    pub(crate) fn replay<S>(
        state: &mut S,
        store: impl Fn(&mut S) -> &mut Store,
        mut replay: Replay,
        mut apply: impl FnMut(&mut S, Op<'_>) -> Result<()>,
    ) -> Result<()> {
        let applied = store(state).seq;
        store(state).replaying = true;
        let (mut gap, mut last, mut is_empty) = (false, applied, true);
        while let Some(frame) = replay.next_frame()? {
            let sound = frame.for_each(|seq, op| {
                (last, is_empty) = (last.max(seq), is_empty && seq <= applied);
                gap |= seq > applied && seq > store(state).seq + 1;
                if seq > applied && !gap {
                    // `apply` notes the operation, unless there is nothing to do, and may end in a checkpoint that must count it.
                    store(state).seq = seq - 1;
                    apply(state, op)?;
                    store(state).seq = seq;
                }
                Ok(())
            })?;
            if gap && replay.place().is_some() {
                // What others noted goes on, and nothing of it may come back.
                replay.refuse_gap()?;
            } else if gap {
                replay.give_up()?;
                break;
            }
            if !sound {
                replay.give_up()?;
            }
        }
        let store = store(state);
        store.replaying = false;
        store.cut |= replay.cut || gap;
        if store.common.is_some() {
            store.outdated |= gap;
            // Of what has not changed since it was published nothing need be published again.
            store.changed &= !(is_empty && store.block.at_rest) || store.outdated || store.cut;
            store.seq = store.seq.max(last);
        } else if !replay.cut {
            *store.journal() = Some(Journal::resume(store.block.identity, store.block.journal, &replay)?);
        }
        Ok(())
    }

    /// Whether the journal of an earlier process is being played.
    pub(crate) fn is_replaying(&self) -> bool {
        self.replaying
    }

    /// Whether there is no journal to go on with, so that a checkpoint must come before the first change.
    pub(crate) fn is_recovering(&self) -> bool {
        let journal = self.common.is_none() && lock(&self.journal).is_none();
        (journal || self.outdated) && !self.read_only
    }

    /// Refuses when an earlier change failed half-way.
    #[inline]
    pub(crate) fn check(&self) -> Result<()> {
        match self.failed.get() {
            None => Ok(()),
            Some(cause) => Err(Error::Failed { cause: cause.clone() }),
        }
    }

    /// Whether nothing may change.
    pub(crate) fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Refuses to change what is only read, and what an earlier change left half-way.
    #[inline]
    pub(crate) fn check_change(&self) -> Result<()> {
        if self.read_only {
            return Err(Error::ReadOnly { path: self.folder.clone() });
        }
        self.check()
    }

    /// Remembers that a change failed half-way; one that was only not published, because the folder is elsewhere, is whole in memory.
    #[inline]
    pub(crate) fn settle<T>(&self, result: Result<T>) -> Result<T> {
        if let Err(error) = &result
            && !matches!(error, Error::Replaced { .. })
        {
            // The first failure counts.
            let _later = self.failed.set(error.to_string());
        }
        result
    }

    /// Refuses when the folder was renamed or replaced, before anything in it is touched by its name.
    ///
    /// The journal is an open file, so what was done is safe where the folder is now.
    pub(crate) fn check_place(&self) -> Result<()> {
        let place = self.lock.check(&self.folder);
        if place.is_err() {
            let result = self.flush_journal();
            self.settle(result)?;
        }
        place
    }

    /// The error behind an error: what is missing where the folder was may be there where it is now.
    #[cold]
    pub(crate) fn explain(&self, error: Error) -> Error {
        self.lock.check(&self.folder).err().unwrap_or(error)
    }

    /// Adds an item after all others; its value must have been placed.
    pub(crate) fn append(&mut self, key: &[u8], val: Val<'_>) -> Result<()> {
        if self.tail.is_full(key, val) {
            self.seal()?;
        }
        self.tail.insert(self.tail.len(), key, val);
        Ok(())
    }

    /// Moves the open end into the tree.
    pub(crate) fn seal(&mut self) -> Result<()> {
        if !self.tail.is_empty() {
            self.tree.edit(&mut self.pager, &Edits::Append(&self.tail.items(), self.tail.id()))?;
            self.tail.clear();
        }
        Ok(())
    }

    /// Moves the last leaf out of the tree into the empty open end; unless `any` will do, only one with room.
    pub(crate) fn unseal(&mut self, any: bool) -> Result<()> {
        if let Some(leaf) = self.tree.detach_last(&mut self.pager, any)? {
            self.changed = true;
            self.tail.load(&leaf);
        }
        Ok(())
    }

    /// Takes everything out of the tree and the open end, what cannot be read included.
    pub(crate) fn empty(&mut self) -> Result<()> {
        (0..self.tail.len()).try_for_each(|index| self.pager.free_value(self.tail.val(index)))?;
        self.tail.clear();
        std::mem::take(&mut self.tree).free(&mut self.pager)?;
        self.block.floor = self.pager.turn();
        Ok(())
    }

    /// Lets the superblock say that values are of the type with this fingerprint.
    pub(crate) fn retype(&mut self, value: u64) -> Result<()> {
        if self.block.value != value {
            self.land()?;
            let block = Superblock { value, ..self.block };
            block.write(&self.folder)?;
            self.pager.retype(&block);
            // The spare is told by the next checkpoint.
            (self.block, self.changed) = (block, true);
        }
        Ok(())
    }

    /// What is read, apart from each other.
    pub(crate) fn parts(&mut self) -> (&Tree, &Tail, &Path, &mut Pager) {
        (&self.tree, &self.tail, &self.folder, &mut self.pager)
    }

    /// What no other structure has, but a copy.
    pub(crate) fn identity(&self) -> u64 {
        self.block.identity
    }

    /// The folder of the structure.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Bytes on disk, all files together.
    pub(crate) fn size_on_disk(&self) -> Result<u64> {
        self.check_place()?;
        size_of(&self.folder)
    }
}

fn size_of(folder: &Path) -> Result<u64> {
    let mut total = 0;
    for entry in fs::read_dir(folder).at(folder)? {
        let path = entry.at(folder)?.path();
        let about = match fs::metadata(&path) {
            Ok(about) => about,
            Err(gone) if gone.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Error::io(&path, error)),
        };
        total += if about.is_dir() { size_of(&path)? } else { about.len() };
    }
    Ok(total)
}
