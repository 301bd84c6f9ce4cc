//! Copies of a dict while it is open: one to be read meanwhile, one to be kept.

use std::path::PathBuf;

use super::DiskDict;
use super::state::DictState;
use crate::disk::Result;
use crate::disk::error::At;
use crate::disk::handle::Body;
use crate::disk::key::Key;
use crate::disk::shared::Shared;
use crate::disk::value::Value;
use crate::disk::view::ReadOnly;

impl<K: Key, V: Value> DiskDict<K, V> {
    /// The dict as it is now, to be read while it changes.
    ///
    /// A snapshot takes no copy of the items: pages that it shows are not written over until it is dropped, so the dict takes more space as long as
    /// it changes much. It has pages of its own in memory, waits for nobody, and may be read on another thread. The folder
    /// stays in use until the last snapshot is dropped.
    ///
    /// Complexity: that of saving what changed since the last snapshot or the last opening; then as reading from the dict.
    ///
    /// # Errors
    ///
    /// When the disk fails, and of what is a snapshot itself or was opened to be read.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), speedup_runtime::disk::Error> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path();
    /// use speedup_runtime::disk::DiskDict;
    ///
    /// let mut numbers = DiskDict::<u64, u64>::builder("numbers").location(path).open()?;
    /// numbers.insert(1, 10)?;
    /// let before = numbers.snapshot()?;
    /// numbers.insert(1, 11)?;
    /// assert_eq!(before.get(&1)?, Some(10));
    /// # Ok(()) }
    /// ```
    pub fn snapshot(&self) -> Result<ReadOnly<Self>> {
        let store = self.handle.published(|state| state.seen().snapshot())?;
        DictState::open(store, None, 1 << 12).map(|state| ReadOnly::new(Self::over(state, self.codec)))
    }

    /// Copies the dict as it is now into another location, under its name, while it stays open and may change.
    ///
    /// The copy is durable when this returns, and as small as after `compact()`. Every page is checked on the way.
    ///
    /// # Errors
    ///
    /// [`Error::NotEmpty`](crate::disk::Error::NotEmpty) if there is a structure of this name; when a page is damaged or the disk fails.
    /// Then there is no copy.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), speedup_runtime::disk::Error> {
    /// # let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    /// # let (path, backups) = (folder.path(), other.path());
    /// use speedup_runtime::disk::DiskDict;
    ///
    /// let mut numbers = DiskDict::<u64, u64>::builder("numbers").location(path).open()?;
    /// numbers.insert(1, 10)?;
    /// numbers.backup_to(backups)?;
    /// let copy = DiskDict::<u64, u64>::builder("numbers").location(backups).open()?;
    /// assert_eq!(copy.get(&1)?, Some(10));
    /// # Ok(()) }
    /// ```
    pub fn backup_to(&self, location: impl Into<PathBuf>) -> Result<()> {
        if self.handle.read(|state| Ok(state.seen().is_read_only()))? {
            self.copy_to(location.into())
        } else {
            self.snapshot()?.copy_to(location.into())
        }
    }

    fn copy_to(&self, location: PathBuf) -> Result<()> {
        let location = std::path::absolute(&location).at(&location)?;
        let name = self.path().file_name().map(PathBuf::from).unwrap_or_default();
        self.handle.read(|state| state.store().backup(&location.join(name)))
    }
}

impl<K: Key, V: Value> Shared<DiskDict<K, V>> {
    /// The dict as it is now, to be read while others change it; see [`DiskDict::snapshot`].
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn snapshot(&self) -> Result<ReadOnly<DiskDict<K, V>>> {
        self.with(|dict| dict.snapshot())
    }

    /// Copies the dict as it is now into another location while others change it; see [`DiskDict::backup_to`].
    ///
    /// # Errors
    ///
    /// As [`DiskDict::backup_to`].
    pub fn backup_to(&self, location: impl Into<PathBuf>) -> Result<()> {
        self.snapshot()?.backup_to(location)
    }
}
