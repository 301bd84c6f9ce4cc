//! How a dict is opened.

use std::marker::PhantomData;
use std::path::PathBuf;

use super::DiskDict;
use super::state::DictState;
use crate::disk::body::Body;
use crate::disk::journal::Replay;
use crate::disk::key::Key;
use crate::disk::options::Options;
use crate::disk::store::{Opening, Repaired, Store};
use crate::disk::superblock::Kind;
use crate::disk::types::Types;
use crate::disk::value::Value;
use crate::disk::view::ReadOnly;
use crate::disk::{Error, Result, fingerprint, place};

/// Says how a [`DiskDict`] is opened; made by [`DiskDict::builder`].
#[derive(Clone, Debug)]
#[must_use = "nothing happens before `open()`"]
pub struct DictBuilder<K, V> {
    options: Options,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K: Key, V: Value> DictBuilder<K, V> {
    pub(super) fn new(name: String) -> Self {
        DictBuilder { options: Options::new(name), types: PhantomData }
    }

    /// The folder in which the folder of the dict lies; empty for the current one, by default the user's data folder.
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

    /// How many bytes of scattered changes are gathered in memory, by default 12 MiB.
    ///
    /// More makes random inserts into a large dict faster.
    pub fn write_buffer(mut self, bytes: usize) -> Self {
        self.options.write_buffer = bytes.clamp(1 << 12, 1 << 30);
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
        let mut types = Types::of::<V>(self.options.named)?;
        types.look(&mut self.options)?;
        let opened = open(&self.options, Kind::Dict, fingerprint::of_key::<K>(), types.fingerprint);
        let (mut store, replay) = opened.map_err(|error| types.explain(error))?;
        if !store.is_read_only() {
            types.keep(&mut store)?;
        }
        Ok((store, replay, types))
    }

    /// Opens the dict, or makes it if the folder does not exist.
    ///
    /// # Errors
    ///
    /// See [`Error`]; nothing on disk is touched when it is not what was asked for.
    pub fn open(mut self) -> Result<DiskDict<K, V>> {
        let (store, replay, types) = self.store(Store::open)?;
        DictState::open(store, replay, self.options.write_buffer).map(|state| DiskDict::over(state, types.codec))
    }

    /// Opens a dict that may still hold values of an older type: each of them is replaced by what `change` makes of it.
    ///
    /// A dict that holds `V` already, or that is new, is opened as by [`open`](Self::open), so the call may stay in the program. The values are
    /// converted one at a time into a copy, which takes the place of the original in one step: a crash leaves one of the two.
    ///
    /// Additions need less: a variant at the end of an enum is accepted by [`open`](Self::open).
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open) and as `compact()`; nothing has changed then. [`Error::WrongType`] if the values are neither `Old` nor `V`.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), speedup_runtime::disk::Error> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path();
    /// use speedup_runtime::disk::DiskDict;
    ///
    /// let mut ages = DiskDict::<String, u8>::builder("ages").location(path).open()?;
    /// ages.insert("Ada".into(), 36)?;
    /// ages.close()?;
    ///
    /// let ages = DiskDict::<String, (u8, bool)>::builder("ages").location(path).migrate(|age: u8| (age, false))?;
    /// assert_eq!(ages.get("Ada")?, Some((36, false)));
    /// # Ok(()) }
    /// ```
    pub fn migrate<Old: Value>(mut self, mut change: impl FnMut(Old) -> V) -> Result<DiskDict<K, V>> {
        let (store, replay, types) = match self.store(Store::open) {
            Err(Error::WrongType { part: "value", .. }) => self.convert(&mut change)?,
            opened => opened?,
        };
        DictState::open(store, replay, self.options.write_buffer).map(|state| DiskDict::over(state, types.codec))
    }

    fn convert<Old: Value>(&self, change: &mut impl FnMut(Old) -> V) -> Result<(Store, Option<Replay>, Types)> {
        let types = Types::of::<V>(self.options.named)?;
        let (store, replay, old) = Types::open_old::<Old>(&self.options, Kind::Dict, fingerprint::of_key::<K>())?;
        let mut state = DictState::open(store, replay, self.options.write_buffer)?;
        types.write(state.store().folder())?;
        let mut scratch = Vec::new();
        let store = state.convert(types.fingerprint, &mut |bytes| {
            types.codec.write(change(old.decode(bytes)?), &mut scratch)?;
            Ok(std::mem::take(&mut scratch))
        })?;
        Ok((store, None, types))
    }

    /// Opens the dict, which must exist.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] if it does not; otherwise as [`open`](Self::open).
    pub fn open_existing(self) -> Result<DiskDict<K, V>> {
        if self.exists()? { self.open() } else { Err(Error::Missing { path: self.options.folder()? }) }
    }

    /// Opens the dict to read it, and writes nothing: several processes can do so at the same time, on a full disk and on one
    /// that may not be written, too.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] if it does not exist, [`Error::InUse`] while somebody has it open for writing, [`Error::Unfinished`] if it was not
    /// closed or an early version wrote it; otherwise as [`open`](Self::open).
    pub fn open_read_only(mut self) -> Result<ReadOnly<DiskDict<K, V>>> {
        let (store, replay, types) = self.store(Store::view)?;
        let state = DictState::open(store, replay, self.options.write_buffer)?;
        Ok(ReadOnly::new(DiskDict::over(state, types.codec)))
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

    /// Makes a new dict that holds the given entries.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and [`Error::NotEmpty`] if there is one that holds entries.
    pub fn from_iter(self, entries: impl IntoIterator<Item = (K, V)>) -> Result<DiskDict<K, V>> {
        let mut dict = self.open()?;
        if !dict.is_empty() {
            return Err(Error::NotEmpty { path: dict.path() });
        }
        dict.extend(entries)?;
        Ok(dict)
    }

    /// Opens a dict that is damaged: keeps what can be read and says how much that was.
    ///
    /// A lost superblock or directory is put together from the spare of both, and a damaged journal ends where the damage starts. Where
    /// the directory and its spare are both lost, the pages themselves are looked through; see [`Repaired::scanned`].
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); where the page file is missing, there is nothing to keep.
    pub fn repair(mut self) -> Result<(DiskDict<K, V>, Repaired)> {
        let (mut store, replay, types) = self.store(Store::rescue)?;
        let mut repaired = store.rewrite(true)?;
        let mut state = DictState::open(store, replay, self.options.write_buffer)?;
        repaired.kept = state.len() as usize;
        repaired.truncated = state.store().is_cut();
        Ok((DiskDict::over(state, types.codec), repaired))
    }
}
