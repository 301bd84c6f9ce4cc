//! A folder of structures: what is there, and taking it away.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::dict::{DictBuilder, DiskDict};
use super::error::At;
use super::folder::{self, Lock};
use super::folder_batch::FolderBatch;
use super::key::Key;
use super::list::{DiskList, ListBuilder};
use super::superblock::Superblock;
use super::value::Value;
use super::{Error, Result};

/// A folder that holds dicts and lists by name, with one journal for all of them.
///
/// The process that has one of them open to change it has the folder: for other processes all of them are [`Error::InUse`] until the last is closed, but those that are closed can be
/// [read](DictBuilder::open_read_only). A flush of one makes durable what was done with all of them, and after a crash they are together as they were after some operation. A
/// structure that is opened by its path alone has the same journal. One that was not closed is opened again in this folder and under its name only ([`Error::Apart`]).
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), speedup_runtime::disk::Error> {
/// # let place = tempfile::tempdir().unwrap();
/// # let path = place.path();
/// use speedup_runtime::disk::Folder;
///
/// let folder = Folder::open(path)?;
/// folder.dict::<String, u32>("ages")?.insert("Ada".into(), 36)?;
/// folder.list::<u64>("primes")?.extend([2, 3, 5])?;
/// assert_eq!(folder.names()?, ["ages", "primes"]);
/// assert!(folder.exists("ages")?);
/// assert!(folder.delete("ages")?);
/// assert_eq!(folder.names()?, ["primes"]);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    path: PathBuf,
    /// Whether its structures share a journal.
    joint: bool,
}

impl Folder {
    /// The folder at `path`, which is made if it does not exist.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let path = if path.as_os_str().is_empty() { PathBuf::from(".") } else { path };
        let path = std::path::absolute(&path).at(&path)?;
        folder::make(&path)?;
        Ok(Folder { path, joint: true })
    }

    /// The folder in which structures are when nothing else is said: the user's data folder.
    ///
    /// All programs of the user share it, so its structures have a journal and a lock each.
    ///
    /// # Errors
    ///
    /// [`Error::NoDataFolder`] where there is none.
    pub fn of_user() -> Result<Self> {
        Self::apart(folder::default_location()?)
    }

    /// As [`open`](Self::open), with structures that have a journal each.
    pub(crate) fn apart(path: impl Into<PathBuf>) -> Result<Self> {
        Ok(Folder { joint: false, ..Self::open(path)? })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the dict of this name, or makes it; more can be said with [`dict_builder`](Self::dict_builder).
    ///
    /// # Errors
    ///
    /// As [`DictBuilder::open`].
    pub fn dict<K: Key, V: Value>(&self, name: impl Into<String>) -> Result<DiskDict<K, V>> {
        self.dict_builder(name).open()
    }

    /// Says more about the dict of this name before it is opened.
    pub fn dict_builder<K: Key, V: Value>(&self, name: impl Into<String>) -> DictBuilder<K, V> {
        DiskDict::builder(name).location(&self.path).joint(self.joint)
    }

    /// Opens the list of this name, or makes it; more can be said with [`list_builder`](Self::list_builder).
    ///
    /// # Errors
    ///
    /// As [`ListBuilder::open`].
    pub fn list<T: Value>(&self, name: impl Into<String>) -> Result<DiskList<T>> {
        self.list_builder(name).open()
    }

    /// Says more about the list of this name before it is opened.
    pub fn list_builder<T: Value>(&self, name: impl Into<String>) -> ListBuilder<T> {
        DiskList::builder(name).location(&self.path).joint(self.joint)
    }

    /// Begins changes of several structures of this folder that are made as one.
    pub fn batch<'a>(&self) -> FolderBatch<'a> {
        FolderBatch::new(&self.path)
    }

    /// The names of all structures, sorted.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read.
    pub fn names(&self) -> Result<Vec<String>> {
        names(&self.path)
    }

    /// Whether there is a structure of this name.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read.
    pub fn exists(&self, name: &str) -> Result<bool> {
        exists(&self.path.join(folder::folder_name(name)?))
    }

    /// Deletes the structure of this name, whatever it holds; false if there is none.
    ///
    /// Files of others in its folder stay. What a crash leaves of a structure that is being deleted is damaged; deleting it again removes it.
    ///
    /// # Errors
    ///
    /// [`Error::InUse`] if somebody has it open; otherwise when the disk fails.
    pub fn delete(&self, name: &str) -> Result<bool> {
        delete(&self.path.join(folder::folder_name(name)?))
    }
}

/// The names of all structures in a location, sorted; see [`Folder::names`].
///
/// # Errors
///
/// When the location is no folder, or cannot be read.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), speedup_runtime::disk::Error> {
/// # let place = tempfile::tempdir().unwrap();
/// # let path = place.path();
/// use speedup_runtime::disk::{self, DiskList};
///
/// DiskList::<u64>::builder("primes").location(path).open()?.push(2)?;
/// assert_eq!(disk::list(path)?, ["primes"]);
/// # Ok(()) }
/// ```
pub fn list(location: impl AsRef<Path>) -> Result<Vec<String>> {
    names(location.as_ref())
}

fn names(location: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(location).at(location)? {
        let entry = entry.at(location)?;
        if let Some(name) = entry.file_name().to_str().and_then(folder::name_of)
            && exists(&entry.path())?
        {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Whether a folder holds a structure, sound or not.
pub(crate) fn exists(folder: &Path) -> Result<bool> {
    let is_there = || Ok(!folder::is_going(folder)? && folder::holds_data(folder)?);
    Ok(folder.is_dir() && (Superblock::is_there(folder)? || is_there()?))
}

/// Deletes the structure in a folder; false if there is none.
pub(crate) fn delete(folder: &Path) -> Result<bool> {
    let exists = exists(folder)?;
    if !exists && !folder::is_going(folder)? {
        return Ok(false);
    }
    let lock = Lock::take(folder)?;
    folder::remove_all(folder)?;
    drop(lock);
    // Somebody may have put a link to a folder elsewhere in its place.
    let is_link = fs::symlink_metadata(folder).is_ok_and(|there| there.is_symlink());
    match if is_link { fs::remove_file(folder) } else { fs::remove_dir(folder) } {
        // Files of others are in it.
        Err(error) if error.kind() != ErrorKind::DirectoryNotEmpty => Err(Error::io(folder, error)),
        _ => folder::sync_name(folder).map(|()| exists),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::journal::bytes_read;
    use crate::disk::testing::copy_all;

    /// What is changed in each structure.
    const CHANGES: u64 = if cfg!(speedup_tight) { 8 } else { 400 };

    type Dicts = Vec<DiskDict<u64, Vec<u8>>>;

    fn open(folder: &Folder) -> (Dicts, Vec<DiskList<u64>>) {
        let dicts = (0..6).map(|n| folder.dict(format!("dict {n}")).unwrap()).collect();
        (dicts, (0..6).map(|n| folder.list(format!("list {n}")).unwrap()).collect())
    }

    #[test]
    fn after_a_kill_the_journal_is_read_once_for_all_structures() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        let (mut dicts, mut lists) = open(&folder);
        for n in 0..CHANGES {
            dicts.iter_mut().for_each(|dict| dict.put(n, vec![n as u8; 100]).unwrap());
            lists.iter_mut().for_each(|list| list.push(n).unwrap());
        }
        dicts[0].flush().unwrap();
        let killed = tempfile::tempdir().unwrap();
        copy_all(place.path(), killed.path());
        let len = fs::metadata(killed.path().join(".journal/journal.0")).unwrap().len();
        assert!(len > CHANGES * 6 * 100);
        let before = bytes_read();
        let (mut dicts, lists) = open(&Folder::open(killed.path()).unwrap());
        let read = bytes_read() - before;
        assert!(read < len + len / 10, "{read} bytes of {len}");
        for dict in &dicts {
            assert!(dict.iter().map(Result::unwrap).eq((0..CHANGES).map(|n| (n, vec![n as u8; 100]))));
        }
        assert!(lists.iter().all(|list| list.iter().map(Result::unwrap).eq(0..CHANGES)));
        // What comes after is read again where it must be.
        dicts[0].put(7, vec![]).unwrap();
        dicts[0].flush().unwrap();
        let killed_again = tempfile::tempdir().unwrap();
        copy_all(killed.path(), killed_again.path());
        let (dicts, _) = open(&Folder::open(killed_again.path()).unwrap());
        assert_eq!((dicts[0].get(&7).unwrap(), dicts[0].len() as u64), (Some(vec![]), CHANGES));
    }

    #[test]
    fn a_deletion_that_a_kill_cut_off_is_ended_by_whoever_comes_next() {
        let place = tempfile::tempdir().unwrap();
        let open = |place: &Path| DiskDict::<u64, Vec<u8>>::builder("d").location(place).open();
        let mut dict = open(place.path()).unwrap();
        (0..500).for_each(|n| dict.put(n * 7919 % 503, vec![1; 100]).unwrap());
        dict.compact().unwrap();
        drop(dict);
        let parts = fs::read_dir(place.path().join("d.speedup")).unwrap().count();
        for removed in 0..parts {
            let killed = tempfile::tempdir().unwrap();
            copy_all(place.path(), killed.path());
            let folder = killed.path().join("d.speedup");
            fs::rename(folder.join("superblock"), folder.join("superblock.gone")).unwrap();
            let rest = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
            let rest = rest.filter(|path| !path.ends_with("superblock.gone")).take(removed);
            rest.for_each(|path| if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap());
            assert!(list(killed.path()).unwrap().is_empty());
            match removed % 3 {
                0 => assert!(!super::delete(&folder).unwrap() && !folder.exists()),
                1 => {
                    let (dict, _) = DiskDict::<u64, Vec<u8>>::builder("d").location(killed.path()).repair().unwrap();
                    assert!(dict.is_empty());
                }
                _ => {}
            }
            let mut dict = open(killed.path()).unwrap();
            assert!(dict.is_empty());
            dict.put(1, vec![2]).unwrap();
            dict.close().unwrap();
            assert_eq!(open(killed.path()).unwrap().get(&1).unwrap(), Some(vec![2]));
        }
        assert!(super::delete(&place.path().join("d.speedup")).unwrap());
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }
}
