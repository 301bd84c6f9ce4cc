//! How a list is opened.

use std::marker::PhantomData;
use std::path::PathBuf;

use super::DiskList;
use super::state::ListState;
use crate::disk::handle::Body;
use crate::disk::journal::Replay;
use crate::disk::options::Options;
use crate::disk::store::{Opening, Repaired, Store};
use crate::disk::superblock::Kind;
use crate::disk::value::Value;
use crate::disk::view::ReadOnly;
use crate::disk::{Error, Result, fingerprint, place};

/// Says how a [`DiskList`] is opened; made by [`DiskList::builder`].
#[derive(Clone, Debug)]
#[must_use = "nothing happens before `open()`"]
pub struct ListBuilder<T> {
    options: Options,
    types: PhantomData<fn() -> T>,
}

impl<T: Value> ListBuilder<T> {
    pub(super) fn new(name: String) -> Self {
        ListBuilder { options: Options::new(name), types: PhantomData }
    }

    /// The folder in which the folder of the list lies; empty for the current one, by default the user's data folder.
    pub fn location(mut self, location: impl Into<PathBuf>) -> Self {
        self.options.set_location(location.into());
        self
    }

    /// How many items a page in memory holds, by default 1024; it may differ from one opening to the next.
    pub fn page_size(mut self, items: usize) -> Self {
        self.options.page_size = items;
        self
    }

    /// How many pages are held in memory, by default 16; it may differ from one opening to the next.
    pub fn max_pages(mut self, pages: usize) -> Self {
        self.options.max_pages = pages;
        self
    }

    fn store(&self, open: Opening) -> Result<(Store, Option<Replay>)> {
        open(&self.options, Kind::List, 0, fingerprint::of_value::<T>())
    }

    /// Opens the list, or makes it if the folder does not exist.
    ///
    /// # Errors
    ///
    /// See [`Error`]; nothing on disk is touched when it is not what was asked for.
    pub fn open(self) -> Result<DiskList<T>> {
        let (store, replay) = self.store(Store::open)?;
        ListState::open(store, replay).map(DiskList::over)
    }

    /// Opens the list, which must exist.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] if it does not; otherwise as [`open`](Self::open).
    pub fn open_existing(self) -> Result<DiskList<T>> {
        if self.exists()? { self.open() } else { Err(Error::Missing { path: self.options.folder()? }) }
    }

    /// Opens the list to read it, and writes nothing: several processes can do so at the same time, on a full disk and on one
    /// that may not be written, too.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] if it does not exist, [`Error::InUse`] while somebody has it open for writing, [`Error::Unfinished`] if it was not
    /// closed or an early version wrote it; otherwise as [`open`](Self::open).
    pub fn open_read_only(self) -> Result<ReadOnly<DiskList<T>>> {
        let (store, replay) = self.store(Store::view)?;
        ListState::open(store, replay).map(DiskList::over).map(ReadOnly::new)
    }

    /// Whether there is a structure of this name.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read.
    pub fn exists(&self) -> Result<bool> {
        place::exists(&self.options.folder()?)
    }

    /// Deletes the structure of this name, whatever it holds; false if there is none.
    ///
    /// # Errors
    ///
    /// As [`Folder::delete`](crate::disk::Folder::delete).
    pub fn delete(self) -> Result<bool> {
        place::delete(&self.options.folder()?)
    }

    /// Makes a new list that holds the given items.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and [`Error::NotEmpty`] if there is one that holds items.
    pub fn from_iter(self, items: impl IntoIterator<Item = T>) -> Result<DiskList<T>> {
        let mut list = self.open()?;
        if !list.is_empty() {
            return Err(Error::NotEmpty { path: list.path() });
        }
        list.extend(items)?;
        Ok(list)
    }

    /// Opens a list that is damaged: keeps what can be read and says how much that was.
    ///
    /// A lost superblock or directory is put together from the spare of both, and a damaged journal ends where the damage starts.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); where the directory and its spare are both lost, or the page file is missing, there is nothing to keep.
    pub fn repair(self) -> Result<(DiskList<T>, Repaired)> {
        let (mut store, replay) = self.store(Store::rescue)?;
        let mut repaired = store.rewrite(true)?;
        let mut state = ListState::open(store, replay)?;
        repaired.kept = state.len() as usize;
        repaired.truncated = state.store().is_cut();
        Ok((DiskList::over(state), repaired))
    }
}
