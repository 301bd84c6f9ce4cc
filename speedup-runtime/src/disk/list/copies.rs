//! Copies of a list while it is open: one to be read meanwhile, one to be kept.

use std::path::PathBuf;

use super::DiskList;
use super::state::ListState;
use crate::disk::Result;
use crate::disk::error::At;
use crate::disk::handle::Body;
use crate::disk::shared::Shared;
use crate::disk::value::Value;
use crate::disk::view::ReadOnly;

impl<T: Value> DiskList<T> {
    /// The list as it is now, to be read while it changes.
    ///
    /// A snapshot takes no copy of the items: pages that it shows are not written over until it is dropped, so the list takes more space as long as
    /// it changes much. It has pages of its own in memory, waits for nobody, and may be read on another thread. The folder
    /// stays in use until the last snapshot is dropped.
    ///
    /// Complexity: that of saving what changed since the last snapshot or the last opening; then as reading from the list.
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
    /// use speedup_runtime::disk::DiskList;
    ///
    /// let mut numbers = DiskList::<u64>::builder("numbers").location(path).open()?;
    /// numbers.push(10)?;
    /// let before = numbers.snapshot()?;
    /// numbers.push(11)?;
    /// assert_eq!(before.to_vec()?, [10]);
    /// # Ok(()) }
    /// ```
    pub fn snapshot(&self) -> Result<ReadOnly<Self>> {
        let store = self.handle.published(|state| state.seen().snapshot())?;
        ListState::open(store, None).map(|state| ReadOnly::new(Self::over(state, self.codec, self.maxlen)))
    }

    /// Copies the list as it is now into another location, under its name, while it stays open and may change.
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
    /// use speedup_runtime::disk::DiskList;
    ///
    /// let mut numbers = DiskList::<u64>::builder("numbers").location(path).open()?;
    /// numbers.push(10)?;
    /// numbers.backup_to(backups)?;
    /// let copy = DiskList::<u64>::builder("numbers").location(backups).open()?;
    /// assert_eq!(copy.get(0)?, Some(10));
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

impl<T: Value> Shared<DiskList<T>> {
    /// The list as it is now, to be read while others change it; see [`DiskList::snapshot`].
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn snapshot(&self) -> Result<ReadOnly<DiskList<T>>> {
        self.with(|list| list.snapshot())
    }

    /// Copies the list as it is now into another location while others change it; see [`DiskList::backup_to`].
    ///
    /// # Errors
    ///
    /// As [`DiskList::backup_to`].
    pub fn backup_to(&self, location: impl Into<PathBuf>) -> Result<()> {
        self.snapshot()?.backup_to(location)
    }
}
