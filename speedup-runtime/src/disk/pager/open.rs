//! How the pager of a generation is made, opened, viewed and rescued.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};

use super::{DIRECTORY, Meta, PAGERS, Pager, Source, read_meta, recover};
use crate::disk::cache::Cache;
use crate::disk::engine::{Engine, Sled};
use crate::disk::page_file::PageFile;
use crate::disk::rest::Directory;
use crate::disk::slots::Slots;
use crate::disk::spare::{Recovered, Spare};
use crate::disk::superblock::Superblock;
use crate::disk::{Error, Result, folder};
use crate::sync::Arc;
use crate::sync::global::{self, Mutex, Ordering, lock};

/// Where the directory of a generation and its spare are.
fn paths(folder: &Path, block: &Superblock) -> (PathBuf, PathBuf) {
    (folder::directory(folder, block.generation), folder::spare(folder, block.generation))
}

impl Pager {
    /// Makes an empty generation; `items` is how many items of leaves are cached.
    pub(crate) fn create(folder: &Path, block: &Superblock, items: usize) -> Result<Self> {
        let (directory, spare) = paths(folder, block);
        let sled = Sled::create(&directory)?;
        let file = PageFile::create(&folder::pages(folder, block.generation))?;
        let kept = Spare::of(spare.clone(), block, 0);
        Ok(Self::start(file, Box::new(Directory::of(sled, directory, spare, block.identity, 0)), kept, items))
    }

    /// Opens a generation and returns what its last commit said.
    pub(crate) fn open(folder: &Path, block: &Superblock, items: usize) -> Result<(Self, Meta)> {
        let (directory, spare) = paths(folder, block);
        let file = PageFile::open(&folder::pages(folder, block.generation))?;
        let mut engine = if block.at_rest {
            Directory::resting(directory.clone(), spare.clone(), block.identity, block.epoch)?
        } else {
            let mut sled = Sled::open(&directory)?;
            let epoch = read_meta(&mut sled).map_or(0, |meta| meta.epoch);
            Directory::of(sled, directory.clone(), spare.clone(), block.identity, epoch)
        };
        let lost = || Error::damaged(&directory, "its root is missing or has a wrong checksum");
        let meta = read_meta(&mut engine).ok_or_else(lost)?;
        let spare = Spare::of(spare, block, meta.epoch);
        let mut pager = Self::start(file, Box::new(engine), spare, items);
        pager.unread_map = Some(meta.map_chunks);
        // What a killed process wrote and did not publish has an epoch in between: that of a commit on its way, or the one after it.
        pager.epoch = meta.epoch + 3;
        pager.next_inner = meta.next_inner;
        if lock(&pager.spare).is_ahead() {
            pager.press().write_spare(&meta)?;
        }
        Ok((pager, meta))
    }

    /// Opens a generation that is at rest to read it, while nobody writes it or `pin` keeps what it refers to.
    pub(crate) fn view(folder: &Path, block: &Superblock, items: usize, pin: Arc<()>) -> Result<(Self, Meta)> {
        let (_, spare) = paths(folder, block);
        let file = PageFile::open_to_read(&folder::pages(folder, block.generation))?;
        let lost = || Error::damaged(&spare, "it cannot be read, and nothing else can without being written to");
        let mut recovered = recover(&spare).ok_or_else(lost)?;
        let is_last = |meta: &Meta| (meta.identity, meta.epoch) == (block.identity, block.epoch);
        let meta = read_meta(&mut recovered).filter(is_last).ok_or_else(lost)?;
        let kept = Spare::of(spare, block, u64::MAX);
        let mut pager = Self::start(file, Box::new(recovered), kept, items);
        // No page is of the epoch that would be written next.
        (pager.epoch, pager.pin) = (meta.epoch + 1, pin);
        Ok((pager, meta))
    }

    /// Opens a generation for reading what its directory or its spare still know of.
    pub(crate) fn rescue(folder: &Path, block: &Superblock, items: usize) -> Result<(Self, Meta)> {
        let path = folder::spare(folder, block.generation);
        let of_this = |engine: &mut dyn Engine| read_meta(engine).filter(|meta| meta.identity == block.identity);
        let mut recovered = recover(&path);
        let in_spare = recovered.as_mut().and_then(|spare| of_this(spare));
        let recovered = recovered.filter(|_| in_spare.is_some());
        let mut sled = match Sled::open(&folder::directory(folder, block.generation)) {
            Ok(sled) => Some(sled),
            Err(Error::Damaged { .. }) => None,
            Err(error) => return Err(error),
        };
        let in_sled = sled.as_mut().and_then(|sled| of_this(sled));
        let meta = [in_sled, in_spare].into_iter().flatten().max_by_key(|meta| meta.epoch);
        let lost = || Error::damaged(folder, "neither its directory nor the spare of it can be read");
        let meta = meta.ok_or_else(lost)?;
        let file = PageFile::open(&folder::pages(folder, block.generation))?;
        let (engine, fallback): (Box<dyn Engine>, _) = match (sled, recovered) {
            (Some(sled), recovered) => (Box::new(sled), recovered),
            (None, Some(recovered)) => (Box::new(recovered), None),
            (None, None) => return Err(lost()),
        };
        let pager = Self::start(file, engine, Spare::of(path, block, meta.epoch), items);
        lock(&pager.source).fallback = fallback;
        Ok((pager, meta))
    }

    /// Opens the page file of a generation, and nothing else.
    pub(crate) fn bare(folder: &Path, block: &Superblock, items: usize) -> Result<Self> {
        let file = PageFile::open(&folder::pages(folder, block.generation))?;
        let path = folder::spare(folder, block.generation);
        let nothing = Box::new(Recovered::nothing(&path));
        Ok(Self::start(file, nothing, Spare::of(path, block, u64::MAX), items))
    }

    fn start(file: PageFile, engine: Box<dyn Engine>, spare: Spare, budget: usize) -> Self {
        Pager {
            // Relaxed: it is only to be another one.
            id: PAGERS.fetch_add(1, Ordering::Relaxed) + 1,
            file,
            source: global::Arc::new(Mutex::new(Source { engine, fallback: None })),
            spare: global::Arc::new(Mutex::new(spare)),
            slots: Slots::default(),
            unread_map: None,
            leaves: Cache::new(budget),
            inners: Cache::new(DIRECTORY),
            leaving: HashMap::new(),
            epoch: 1,
            turn: 0,
            next_inner: 0,
            born: RandomState::new().hash_one(0),
            pin: Arc::new(()),
            dropped: Vec::new(),
            budget,
            room: Vec::new(),
        }
    }
}
