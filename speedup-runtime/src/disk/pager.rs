//! Pages and directory nodes by reference: cached, written when evicted, published together by `commit`.
//!
//! Nothing the last commit refers to is ever overwritten: a leaf moves to another slot when it first changes in an epoch, and
//! the directory changes in one batch of the engine. So what is on disk is always exactly the last commit.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::cache::Cache;
use super::engine::{Change, Engine, Sled};
use super::inner::{Inner, Kid};
use super::leaf::{HEADER, Item, Leaf, Plan, Val};
use super::page_file::{PageFile, PageKind, SLOT};
use super::slots::Slots;
use super::{Error, Result};
use crate::sync::Arc;

/// Values from this length on live in pages of their own.
const LARGE: usize = 1024;
/// How many bytes of the directory are cached, and how many may wait for a commit.
const DIRECTORY: usize = 8 << 20;
/// How many slots may wait for a commit before one is due (64 MiB); more if more are in use.
const WAITING: u64 = (64 << 20) / SLOT as u64;

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
    file: PageFile,
    engine: Box<dyn Engine>,
    slots: Slots,
    leaves: Cache<Leaf>,
    inners: Cache<Inner>,
    /// The epoch that is being written; pages of earlier ones are not touched.
    epoch: u64,
    next_inner: u64,
    /// Directory nodes to delete at the next commit.
    dropped: Vec<u64>,
    budget: usize,
}

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

impl Pager {
    /// Makes an empty generation; `items` is how many items of leaves are cached.
    pub(crate) fn create(pages: &Path, directory: &Path, items: usize) -> Result<Self> {
        Ok(Self::start(PageFile::create(pages)?, Box::new(Sled::create(directory)?), items))
    }

    /// Opens a generation and returns what its last commit said.
    pub(crate) fn open(pages: &Path, directory: &Path, items: usize) -> Result<(Self, Meta)> {
        let mut pager = Self::start(PageFile::open(pages)?, Box::new(Sled::open(directory)?), items);
        let lost = |what: &str| Error::damaged(directory, format!("its {what} is missing or has a wrong checksum"));
        let raw = pager.engine.get(META)?.ok_or_else(|| lost("root"))?;
        let (_, body) = unseal(&raw).ok_or_else(|| lost("root"))?;
        let meta: Meta = postcard::from_bytes(body).map_err(|_| lost("root"))?;
        for chunk in 0..meta.map_chunks {
            let raw = pager.engine.get(&map_key(chunk))?.ok_or_else(|| lost("map"))?;
            let (_, body) = unseal(&raw).ok_or_else(|| lost("map"))?;
            pager.slots.load(body);
        }
        pager.epoch = meta.epoch + 1;
        pager.next_inner = meta.next_inner;
        Ok((pager, meta))
    }

    fn start(file: PageFile, engine: Box<dyn Engine>, budget: usize) -> Self {
        Pager {
            file,
            engine,
            slots: Slots::default(),
            leaves: Cache::new(budget),
            inners: Cache::new(DIRECTORY),
            epoch: 1,
            next_inner: 0,
            dropped: Vec::new(),
            budget,
        }
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
        let page = self.file.read(kid.at, kid.slots, kid.stamp, PageKind::Leaf)?;
        let leaf = Leaf::parse(page).filter(|leaf| leaf.count() as u64 == kid.count);
        let leaf = leaf.ok_or_else(|| Error::damaged(self.file.path(), format!("page {} does not add up", kid.at)))?;
        let leaf = Arc::new(leaf);
        if keep {
            self.cache_leaf(kid, Arc::clone(&leaf), false)?;
        }
        Ok(leaf)
    }

    fn cache_leaf(&mut self, kid: &Kid, leaf: Arc<Leaf>, dirty: bool) -> Result<()> {
        let weight = leaf.count().max(1);
        self.leaves.put(kid.at, kid.stamp, leaf, weight, dirty);
        while let Some((slot, stamp, leaf, dirty)) = self.leaves.evict(false) {
            if dirty {
                self.file.write(slot, stamp, PageKind::Leaf, leaf.page())?;
            }
        }
        Ok(())
    }

    /// Writes items as one leaf, in the place of `old` if there is one.
    pub(crate) fn write_leaf(&mut self, old: Option<&Kid>, items: &[Item<'_>]) -> Result<(Kid, usize)> {
        self.put_leaf(old, Leaf::build(items))
    }

    /// Puts a leaf in the place of `old` if there is one; returns where it is and its size.
    pub(crate) fn put_leaf(&mut self, old: Option<&Kid>, leaf: Leaf) -> Result<(Kid, usize)> {
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
        self.cache_leaf(&kid, Arc::new(leaf), true)?;
        Ok((kid, size))
    }

    /// Gives back the slots of a leaf.
    pub(crate) fn free_leaf(&mut self, kid: &Kid) {
        self.leaves.remove(kid.at);
        self.free_run(kid.at, kid.slots, kid.stamp);
    }

    fn free_run(&mut self, at: u64, slots: u32, stamp: u64) {
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
        let lost = || Error::damaged(self.file.path(), format!("node {} of its directory cannot be read", kid.at));
        let raw = self.engine.get(&inner_key(kid.at))?.ok_or_else(lost)?;
        let (stamp, body) = unseal(&raw).ok_or_else(lost)?;
        let inner: Inner = postcard::from_bytes(body).map_err(|_| lost())?;
        let sound = stamp == kid.stamp && inner.is_sound() && inner.count() == kid.count;
        let inner = Arc::new(if sound { inner } else { return Err(lost()) });
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
        let page = [&[0; HEADER], bytes].concat();
        let slots = PageFile::slots_for(page.len());
        let slot = self.slots.take(slots)?;
        self.file.write(slot, self.epoch, PageKind::Blob, &page)?;
        let blob = Blob { slot, slots, stamp: self.epoch };
        *store = postcard::to_stdvec(&blob).map_err(|source| Error::Codec { doing: "encoded", source })?;
        Ok(Val { bytes: store, outside: true })
    }

    /// Calls `found` with the bytes of a value, wherever they are.
    #[inline]
    pub(crate) fn with_value<R>(&self, val: Val<'_>, found: impl FnOnce(&[u8]) -> Result<R>) -> Result<R> {
        if !val.outside {
            return found(val.bytes);
        }
        let blob = self.blob(val)?;
        let page = self.file.read(blob.slot, blob.slots, blob.stamp, PageKind::Blob)?;
        found(&page[HEADER..])
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

    /// Publishes all changes as one; when it returns they survive a power cut.
    pub(crate) fn commit(&mut self, identity: u64, applied: u64, root: Option<Kid>, level: u8) -> Result<Meta> {
        for (slot, stamp, leaf) in self.leaves.clean() {
            self.file.write(slot, stamp, PageKind::Leaf, leaf.page())?;
        }
        self.file.sync()?;
        let mut changes: Vec<Change> = Vec::new();
        for number in std::mem::take(&mut self.dropped) {
            changes.push((inner_key(number), None));
        }
        for (number, stamp, inner) in self.inners.clean() {
            let body = postcard::to_stdvec(&*inner).map_err(|source| Error::Codec { doing: "encoded", source })?;
            changes.push((inner_key(number), Some(seal(stamp, &body))));
        }
        for (chunk, bytes) in self.slots.settle() {
            changes.push((map_key(chunk), Some(seal(self.epoch, &bytes))));
        }
        let (next_inner, map_chunks) = (self.next_inner, self.slots.chunks());
        let meta = Meta { epoch: self.epoch, identity, applied, root, level, next_inner, map_chunks };
        let body = postcard::to_stdvec(&meta).map_err(|source| Error::Codec { doing: "encoded", source })?;
        changes.push((META.to_vec(), Some(seal(self.epoch, &body))));
        self.engine.commit(changes)?;
        self.file.shrink(self.slots.end())?;
        self.epoch += 1;
        Ok(meta)
    }
}

/// Cuts items into runs that each fill a page well: one run if they fit, otherwise runs of about equal weight.
pub(crate) fn runs<'s, 'a>(items: &'s [Item<'a>]) -> impl Iterator<Item = &'s [Item<'a>]> {
    let size = Plan::of(items).size();
    let pieces = if size <= SLOT { 1 } else { size.div_ceil(SLOT - SLOT / 10) };
    let total: usize = items.iter().map(Item::weight).sum();
    let (mut rest, mut weight, mut piece) = (items, 0, 0);
    std::iter::from_fn(move || {
        piece += 1;
        let limit = total * piece / pieces;
        let taken = rest.iter().take_while(|item| {
            let fits = piece == pieces || weight + item.weight() / 2 <= limit;
            weight += if fits { item.weight() } else { 0 };
            fits
        });
        let count = taken.count().max(1).min(rest.len());
        let (run, left) = rest.split_at(count);
        rest = left;
        (!run.is_empty()).then_some(run)
    })
}
