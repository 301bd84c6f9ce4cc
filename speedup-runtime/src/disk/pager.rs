//! Pages and directory nodes by reference: cached, written when evicted, published together by `commit`.
//!
//! Nothing the last commit refers to is ever overwritten: a leaf moves to another slot when it first changes in an epoch, and
//! the directory changes in one batch of the engine. So what is on disk is always exactly the last commit.

pub(crate) use self::commit::{Press, Staged};
mod commit;
mod open;
mod read;

use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::cache::Cache;
use super::engine::Engine;
use super::inner::{Inner, Kid};
use super::leaf::{HEADER, Item, Leaf, Val};
use super::page_file::{PageFile, PageKind, SLOT};
use super::scan::Scan;
use super::slots::Slots;
use super::spare::{Recovered, Spare};
use super::superblock::Superblock;
use super::{Error, Result};
use crate::sync::Arc;
use crate::sync::global::{self, AtomicU64, Mutex, lock};

/// Values from this length on live in pages of their own.
const LARGE: usize = 1024;
/// An item of a cached leaf counts as so many bytes at least, so that large keys do not take memory without bound.
const ITEM: usize = 256;
/// How many bytes of the directory are cached, and how many may wait for a commit.
const DIRECTORY: usize = if cfg!(speedup_tight) { 16 << 10 } else { 8 << 20 };
/// How many slots may wait for a commit before one is due (64 MiB); more if more are in use.
const WAITING: u64 = if cfg!(speedup_tight) { 48 } else { (64 << 20) / SLOT as u64 };

/// A reference to a value that lives outside its leaf.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Blob {
    slot: u64,
    slots: u32,
    stamp: u64,
}

/// What the engine holds beside the directory nodes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Meta {
    /// The number of this commit.
    pub(crate) epoch: u64,
    /// The same in every file of one structure.
    pub(crate) identity: u64,
    /// Every operation up to this number is in the tree.
    pub(crate) applied: u64,
    pub(crate) root: Option<Kid>,
    pub(crate) level: u8,
    next_inner: u64,
    map_chunks: u64,
}

/// The pages and nodes of one generation.
pub(crate) struct Pager {
    /// Which one it is of all in this process.
    id: u64,
    file: PageFile,
    source: global::Arc<Mutex<Source>>,
    spare: global::Arc<Mutex<Spare>>,
    slots: Slots,
    /// How many chunks of the map of taken slots are still to be read, before the first slot is taken.
    unread_map: Option<u64>,
    leaves: Cache<Leaf>,
    inners: Cache<Inner>,
    /// Nodes of the commit that is being written: where they will be read, they are not yet.
    leaving: HashMap<u64, (u64, Arc<Inner>)>,
    /// The epoch that is being written; pages of earlier ones are not touched.
    epoch: u64,
    /// How often a page of this epoch was written or given back.
    turn: u64,
    next_inner: u64,
    /// The number of the leaf that was made last, from a random one on.
    born: u64,
    /// Shared with those who read an earlier commit.
    pin: Arc<()>,
    /// Directory nodes to delete at the next commit.
    dropped: Vec<u64>,
    /// How many items of leaves are cached.
    budget: usize,
    /// The memory of a leaf that was put out of the cache: the next one is read into it.
    room: Vec<u8>,
}

/// Where directory nodes are read.
struct Source {
    engine: Box<dyn Engine>,
    /// Where a repair finds nodes that the engine has lost.
    fallback: Option<Recovered>,
}

impl Source {
    /// The node at `kid`; an error that names the page file `path` if it cannot be read.
    fn inner(&mut self, kid: &Kid, path: &Path) -> Result<Inner> {
        let mut found = read_inner(&mut *self.engine, kid);
        if !matches!(found, Ok(Some(_))) && self.engine.turn()? {
            found = read_inner(&mut *self.engine, kid);
        }
        let found = match (found, &mut self.fallback) {
            (Ok(Some(inner)), _) => Some(inner),
            (_, Some(fallback)) => read_inner(fallback, kid)?,
            (found, None) => found?,
        };
        found.ok_or_else(|| Error::damaged(path, format!("node {} of its directory cannot be read", kid.at)))
    }
}

/// Counts pagers.
static PAGERS: AtomicU64 = AtomicU64::new(0);

const META: &[u8] = b"meta";

fn inner_key(number: u64) -> Vec<u8> {
    [b"n".as_slice(), &number.to_be_bytes()].concat()
}

fn map_key(chunk: u64) -> Vec<u8> {
    [b"map".as_slice(), &chunk.to_be_bytes()].concat()
}

/// Puts a sum in front, because the engine's own checks are not relied on.
fn seal(stamp: u64, body: &[u8]) -> Vec<u8> {
    let rest = [&stamp.to_le_bytes(), body].concat();
    [&crc32fast::hash(&rest).to_le_bytes(), rest.as_slice()].concat()
}

fn unseal(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (sum, rest) = bytes.split_first_chunk::<4>()?;
    let (stamp, body) = rest.split_first_chunk::<8>()?;
    (crc32fast::hash(rest) == u32::from_le_bytes(*sum)).then_some((u64::from_le_bytes(*stamp), body))
}

/// What an engine says about its last commit; `None` if it cannot be read.
pub(crate) fn read_meta(engine: &mut dyn Engine) -> Option<Meta> {
    let raw = engine.get(META).ok()??;
    postcard::from_bytes(unseal(&raw)?.1).ok()
}

/// What the spare at `path` holds, if there is one.
pub(crate) fn recover(path: &Path) -> Option<Recovered> {
    Recovered::open(path, META)
}

/// The node at `kid`, as an engine holds it; `None` if it is missing or another one.
fn read_inner(engine: &mut dyn Engine, kid: &Kid) -> Result<Option<Inner>> {
    let Some(raw) = engine.get(&inner_key(kid.at))? else { return Ok(None) };
    let inner = unseal(&raw).filter(|&(stamp, _)| stamp == kid.stamp);
    let inner = inner.and_then(|(_, body)| postcard::from_bytes::<Inner>(body).ok());
    Ok(inner.filter(|inner| inner.is_sound() && inner.count() == kid.count))
}

fn encoded<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    postcard::to_stdvec(value).map_err(|error| Error::codec("encoded", error))
}

/// How much of the budget a leaf takes: its items, or more if they are large.
pub(crate) fn leaf_weight(leaf: &Leaf) -> usize {
    leaf.count().max(leaf.memory() / ITEM).max(1)
}

impl Pager {
    /// What keeps the pages of the last commit from being written over while somebody else has it, too.
    pub(crate) fn pin(&self) -> Arc<()> {
        Arc::clone(&self.pin)
    }

    /// Reads which slots are taken, before that is asked or changed.
    #[inline]
    fn read_map(&mut self) -> Result<()> {
        match self.unread_map {
            Some(chunks) => self.read_chunks(chunks),
            None => Ok(()),
        }
    }

    #[cold]
    fn read_chunks(&mut self, chunks: u64) -> Result<()> {
        let path = self.file.path().to_path_buf();
        let lost =
            || Error::damaged(&path, "a part of its directory, the map of pages, is missing or has a wrong checksum");
        for chunk in 0..chunks {
            let raw = lock(&self.source).engine.get(&map_key(chunk))?;
            let raw = raw.ok_or_else(lost)?;
            let (_, body) = unseal(&raw).ok_or_else(lost)?;
            self.slots.load(body);
        }
        self.unread_map = None;
        Ok(())
    }

    /// Begins another epoch without a commit, and returns it.
    pub(crate) fn turn(&mut self) -> u64 {
        self.epoch += 1;
        self.epoch
    }

    /// What the pages of a dict alone still say, in the order of keys.
    pub(crate) fn scan(&self, block: &Superblock) -> Result<Scan> {
        Scan::of(&self.file, block)
    }

    pub(crate) fn file(&self) -> &PageFile {
        &self.file
    }

    pub(crate) fn budget(&self) -> usize {
        self.budget
    }

    /// The leaf at `kid`; with `keep`, it stays cached.
    #[inline]
    pub(crate) fn leaf(&mut self, kid: &Kid, keep: bool) -> Result<Arc<Leaf>> {
        if let Some(leaf) = self.leaves.get(kid.at, kid.stamp) {
            return Ok(leaf);
        }
        let room = std::mem::take(&mut self.room);
        let leaf = Arc::new(self.read_leaf(kid, room)?);
        if keep {
            self.cache_leaf(kid, Arc::clone(&leaf), false)?;
        }
        Ok(leaf)
    }

    fn cache_leaf(&mut self, kid: &Kid, leaf: Arc<Leaf>, dirty: bool) -> Result<()> {
        let weight = leaf_weight(&leaf);
        self.leaves.put(kid.at, kid.stamp, leaf, weight, dirty);
        while let Some((slot, stamp, leaf, dirty)) = self.leaves.evict(false) {
            if dirty {
                self.file.write(slot, stamp, PageKind::Leaf, leaf.page())?;
            }
            self.room = Leaf::room(leaf);
        }
        Ok(())
    }

    /// Writes items as one leaf, in the place of `old` if there is one; a leaf that is no version of another has `id` 0.
    pub(crate) fn write_leaf(&mut self, old: Option<&Kid>, id: u64, items: &[Item<'_>]) -> Result<(Kid, usize)> {
        let mut leaf = Leaf::build(items);
        leaf.set_id(id);
        self.put_leaf(old, leaf)
    }

    /// Puts a leaf in the place of `old` if there is one; returns where it is and its size.
    pub(crate) fn put_leaf(&mut self, old: Option<&Kid>, mut leaf: Leaf) -> Result<(Kid, usize)> {
        if leaf.id() == 0 {
            self.born = self.born.wrapping_add(1);
            leaf.set_id(self.born << 8);
        }
        self.read_map()?;
        let size = leaf.size();
        let slots = PageFile::slots_for(size);
        let at = match old {
            Some(kid) if kid.stamp == self.epoch && kid.slots == slots => kid.at,
            _ => {
                if let Some(kid) = old {
                    self.free_leaf(kid);
                }
                self.slots.take(slots)?
            }
        };
        let kid = Kid { at, slots, count: leaf.count() as u64, stamp: self.epoch };
        self.turn += 1;
        self.cache_leaf(&kid, Arc::new(leaf), true)?;
        Ok((kid, size))
    }

    /// Gives back the slots of a leaf.
    pub(crate) fn free_leaf(&mut self, kid: &Kid) {
        self.leaves.remove(kid.at);
        self.free_run(kid.at, kid.slots, kid.stamp);
    }

    fn free_run(&mut self, at: u64, slots: u32, stamp: u64) {
        self.turn += 1;
        if stamp == self.epoch {
            self.slots.free(at, slots);
        } else {
            self.slots.retire(at, slots);
        }
    }

    /// The directory node at `kid`.
    #[inline]
    pub(crate) fn inner(&mut self, kid: &Kid) -> Result<Arc<Inner>> {
        if let Some(inner) = self.inners.get(kid.at, kid.stamp) {
            return Ok(inner);
        }
        let inner = match self.leaving_inner(kid) {
            Some(inner) => Arc::clone(inner),
            None => Arc::new(self.read_inner(kid)?),
        };
        self.cache_inner(kid, Arc::clone(&inner), false);
        Ok(inner)
    }

    fn cache_inner(&mut self, kid: &Kid, inner: Arc<Inner>, dirty: bool) {
        let weight = inner.footprint();
        self.inners.put(kid.at, kid.stamp, inner, weight, dirty);
        while self.inners.evict(true).is_some() {}
    }

    /// The node at `kid`, out of the cache, to be changed and written back with [`write_inner`](Self::write_inner).
    pub(crate) fn take_inner(&mut self, kid: &Kid) -> Result<Inner> {
        let inner = self.inner(kid)?;
        self.inners.remove(kid.at);
        Ok(Arc::try_unwrap(inner).unwrap_or_else(|shared| Inner::clone(&shared)))
    }

    /// Writes a node, in the place of `old` if there is one.
    pub(crate) fn write_inner(&mut self, old: Option<&Kid>, inner: Inner) -> Kid {
        let at = old.map_or_else(
            || {
                self.next_inner += 1;
                self.next_inner
            },
            |kid| kid.at,
        );
        let kid = Kid { at, slots: 0, count: inner.count(), stamp: self.epoch };
        self.turn += 1;
        self.cache_inner(&kid, Arc::new(inner), true);
        kid
    }

    /// Deletes a node.
    pub(crate) fn free_inner(&mut self, kid: &Kid) {
        self.inners.remove(kid.at);
        self.dropped.push(kid.at);
    }

    /// Moves a value that is too long for a leaf to pages of its own; `store` receives the reference.
    pub(crate) fn place<'a>(&mut self, bytes: &'a [u8], store: &'a mut Vec<u8>) -> Result<Val<'a>> {
        if bytes.len() < LARGE {
            return Ok(Val { bytes, outside: false });
        }
        self.read_map()?;
        let slots = PageFile::slots_for(HEADER + bytes.len());
        let slot = self.slots.take(slots)?;
        self.file.write_blob(slot, self.epoch, bytes)?;
        let blob = Blob { slot, slots, stamp: self.epoch };
        *store = encoded(&blob)?;
        Ok(Val { bytes: store, outside: true })
    }

    /// Calls `found` with the bytes of a value, wherever they are.
    #[inline]
    pub(crate) fn with_value<R>(&self, val: Val<'_>, found: impl FnOnce(&[u8]) -> Result<R>) -> Result<R> {
        if !val.outside {
            return found(val.bytes);
        }
        let blob = self.blob(val)?;
        let page = self.file.read(blob.slot, blob.slots, blob.stamp, PageKind::Blob, Vec::new())?;
        found(&page[HEADER..])
    }

    /// How many bytes a value has at most, without reading it.
    pub(crate) fn size_bound(&self, val: Val<'_>) -> Result<usize> {
        if val.outside { Ok(self.blob(val)?.slots as usize * SLOT) } else { Ok(val.bytes.len()) }
    }

    /// Whether a value has these bytes; one of another size is not read.
    #[inline]
    pub(crate) fn is_value(&self, val: Val<'_>, bytes: &[u8]) -> Result<bool> {
        if val.outside && self.blob(val)?.slots != PageFile::slots_for(HEADER + bytes.len()) {
            return Ok(false);
        }
        self.with_value(val, |value| Ok(value == bytes))
    }

    /// Gives back the pages of a value that is no longer needed.
    pub(crate) fn free_value(&mut self, val: Val<'_>) -> Result<()> {
        if val.outside {
            let blob = self.blob(val)?;
            self.free_run(blob.slot, blob.slots, blob.stamp);
        }
        Ok(())
    }

    fn blob(&self, val: Val<'_>) -> Result<Blob> {
        postcard::from_bytes(val.bytes)
            .map_err(|_| Error::damaged(self.file.path(), "a reference to a large value cannot be read"))
    }

    /// Whether a commit is due to keep memory and space bounded.
    pub(crate) fn is_crowded(&self) -> bool {
        self.inners.dirty_weight() > DIRECTORY / 2 || self.slots.is_wasteful(WAITING) || self.dropped.len() > 100_000
    }
}
