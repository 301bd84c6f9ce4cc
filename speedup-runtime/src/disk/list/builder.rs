//! How a list is opened.

use std::marker::PhantomData;
use std::path::PathBuf;

use super::DiskList;
use super::state::ListState;
use crate::disk::body::Body;
use crate::disk::journal::Replay;
use crate::disk::options::Options;
use crate::disk::store::{Opening, Repaired, Store};
use crate::disk::superblock::Kind;
use crate::disk::types::Types;
use crate::disk::value::Value;
use crate::disk::view::ReadOnly;
use crate::disk::{Error, Result, place};

/// Says how a [`DiskList`] is opened; made by [`DiskList::builder`].
#[derive(Clone, Debug)]
#[must_use = "nothing happens before `open()`"]
pub struct ListBuilder<T> {
    options: Options,
    maxlen: Option<usize>,
    types: PhantomData<fn() -> T>,
}

impl<T: Value> ListBuilder<T> {
    pub(super) fn new(name: String) -> Self {
        ListBuilder { options: Options::new(name), maxlen: None, types: PhantomData }
    }

    /// The folder in which the folder of the list lies; empty for the current one, by default the user's data folder.
    pub fn location(mut self, location: impl Into<PathBuf>) -> Self {
        self.options.set_location(location.into());
        self
    }

    /// Its operations go to the journal of the folder.
    pub(crate) fn joint(mut self, joint: bool) -> Self {
        self.options.joint = joint;
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

    /// How many items the list may hold: `push` then lets go of the first, `push_front` of the last, and `insert` is refused.
    ///
    /// It is not stored; a list that is longer when it is opened is cut at the next `push`.
    pub fn maxlen(mut self, items: usize) -> Self {
        self.maxlen = Some(items);
        self
    }

    /// Writes values with the names of their fields and variants (as MessagePack), for types that cannot be read back otherwise: `untagged` and
    /// `tag = ..` enums, `skip_serializing_if`, `flatten`, `serde_json::Value`.
    ///
    /// They take more space. What the types may become is up to serde: fields with `#[serde(default)]` may be added and variants may be
    /// added, and a value that does not fit is an error when it is read. Every opening must say the same.
    pub fn self_describing(mut self) -> Self {
        self.options.named = true;
        self
    }

    fn store(&mut self, open: Opening) -> Result<(Store, Option<Replay>, Types)> {
        let mut types = Types::of::<T>(self.options.named)?;
        types.look(&mut self.options)?;
        let opened = open(&self.options, Kind::List, 0, types.fingerprint);
        let (mut store, replay) = opened.map_err(|error| types.explain(error))?;
        if !store.is_read_only() {
            types.keep(&mut store)?;
        }
        Ok((store, replay, types))
    }

    /// Opens the list, or makes it if the folder does not exist.
    ///
    /// # Errors
    ///
    /// See [`Error`]; nothing on disk is touched when it is not what was asked for.
    pub fn open(mut self) -> Result<DiskList<T>> {
        let (store, replay, types) = self.store(Store::open)?;
        ListState::open(store, replay).map(|state| DiskList::over(state, types.codec, self.maxlen))
    }

    /// Opens a list that may still hold values of an older type: each of them is replaced by what `change` makes of it.
    ///
    /// A list that holds `T` already, or that is new, is opened as by [`open`](Self::open), so the call may stay in the program. The values are
    /// converted one at a time into a copy, which takes the place of the original in one step: a crash leaves one of the two.
    ///
    /// Additions need less: a variant at the end of an enum is accepted by [`open`](Self::open).
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open) and as `compact()`; nothing has changed then. [`Error::WrongType`] if the values are neither `Old` nor `T`.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), speedup_runtime::disk::Error> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path();
    /// use speedup_runtime::disk::DiskList;
    ///
    /// let mut ages = DiskList::<u8>::builder("ages").location(path).open()?;
    /// ages.push(36)?;
    /// ages.close()?;
    ///
    /// let ages = DiskList::<(u8, bool)>::builder("ages").location(path).migrate(|age: u8| (age, false))?;
    /// assert_eq!(ages.get(0)?, Some((36, false)));
    /// # Ok(()) }
    /// ```
    pub fn migrate<Old: Value>(mut self, mut change: impl FnMut(Old) -> T) -> Result<DiskList<T>> {
        let (store, replay, types) = match self.store(Store::open) {
            Err(Error::WrongType { part: "value", .. }) => self.convert(&mut change)?,
            opened => opened?,
        };
        ListState::open(store, replay).map(|state| DiskList::over(state, types.codec, self.maxlen))
    }

    fn convert<Old: Value>(&self, change: &mut impl FnMut(Old) -> T) -> Result<(Store, Option<Replay>, Types)> {
        let types = Types::of::<T>(self.options.named)?;
        let (store, replay, old) = Types::open_old::<Old>(&self.options, Kind::List, 0)?;
        let mut state = ListState::open(store, replay)?;
        types.write(state.store().folder())?;
        let mut scratch = Vec::new();
        let store = state.convert(types.fingerprint, &mut |bytes| {
            types.codec.write(change(old.decode(bytes)?), &mut scratch)?;
            Ok(std::mem::take(&mut scratch))
        })?;
        Ok((store, None, types))
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
    pub fn open_read_only(mut self) -> Result<ReadOnly<DiskList<T>>> {
        let (store, replay, types) = self.store(Store::view)?;
        let state = ListState::open(store, replay)?;
        Ok(ReadOnly::new(DiskList::over(state, types.codec, self.maxlen)))
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
    pub fn repair(mut self) -> Result<(DiskList<T>, Repaired)> {
        let (mut store, replay, types) = self.store(Store::rescue)?;
        let mut repaired = store.rewrite(true)?;
        let mut state = ListState::open(store, replay)?;
        repaired.kept = state.len() as usize;
        repaired.truncated = state.store().is_cut();
        Ok((DiskList::over(state, types.codec, self.maxlen), repaired))
    }
}
