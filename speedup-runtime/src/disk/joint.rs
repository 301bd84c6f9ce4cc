//! Changes of several structures that are made as one: written down whole, before the first of them is made.
//!
//! A file in `<location>/.batches` holds the changes of each structure, and a byte for each that says whether it has made them: magic (8 bytes), the sum of all
//! behind the marks (`u32`), how many marks there are (`u32`), the marks, then the parts. Whoever writes it has it locked. From the moment it is durable all changes are made:
//! by who wrote it, or by who opens a structure next. Making them again changes nothing.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::At;
use super::folder;
use super::superblock::Superblock;
use super::{Error, Result};

const MAGIC: &[u8; 8] = b"SPDBATC1";
const FRONT: usize = 16;
/// The folder, in that of the structures, in which the files are.
const FOLDER: &str = ".batches";

/// One change.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Step {
    Put(Vec<u8>, Vec<u8>),
    Remove(Vec<u8>),
    Push(Vec<u8>),
    /// The changes that follow come after so many operations: a list that has come further has made them.
    Since(u64),
    Insert(u64, Vec<u8>),
    Set(u64, Vec<u8>),
    Cut(u64, u64),
}

impl Step {
    /// How many bytes of keys and values it holds.
    pub(crate) fn size(&self) -> usize {
        match self {
            Step::Put(key, value) => key.len() + value.len(),
            Step::Remove(bytes) | Step::Push(bytes) | Step::Insert(_, bytes) | Step::Set(_, bytes) => bytes.len(),
            Step::Since(_) | Step::Cut(..) => 0,
        }
    }
}

/// The changes of one structure.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Part {
    /// The name of its folder.
    pub(crate) folder: String,
    pub(crate) identity: u64,
    /// How many items it has before.
    pub(crate) len: u64,
    pub(crate) steps: Vec<Step>,
}

/// What was written down and is not made yet.
#[derive(Debug)]
pub(crate) struct Intent {
    path: PathBuf,
    /// Keeps it locked.
    _file: Option<File>,
}

impl Intent {
    /// Writes down what is to be made of structures in `location`; when this returns, it will be.
    ///
    /// The error says whether it surely will not be.
    pub(crate) fn write(location: &Path, parts: &[Part]) -> std::result::Result<Self, (Error, bool)> {
        let place = location.join(FOLDER);
        folder::make(&place).map_err(|error| (error, true))?;
        loop {
            let path = place.join(format!("{:016x}", RandomState::new().hash_one(std::process::id())));
            let written = Self::write_at(&path, parts).map_err(|error| {
                let gone = match fs::remove_file(&path) {
                    Err(error) if error.kind() != ErrorKind::NotFound => false,
                    _ => folder::sync_name(&path).is_ok(),
                };
                (error, gone)
            });
            if let Some(intent) = written? {
                return Ok(intent);
            }
        }
    }

    /// `None` if somebody who opens a structure took the file, of which nothing was written yet, for one that a crash has left.
    fn write_at(path: &Path, parts: &[Part]) -> Result<Option<Self>> {
        let body = postcard::to_stdvec(parts).map_err(|error| Error::codec("encoded", error))?;
        let mut front = MAGIC.to_vec();
        front.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
        front.extend_from_slice(&(parts.len() as u32).to_le_bytes());
        front.resize(FRONT + parts.len(), 0);
        let mut file = OpenOptions::new().write(true).create_new(true).open(path).at(path)?;
        // Where files cannot be locked, nobody sweeps.
        if matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock)) || !path.exists() {
            return Ok(None);
        }
        file.write_all(&front).and_then(|()| file.write_all(&body)).and_then(|()| file.sync_all()).at(path)?;
        folder::sync_name(path)?;
        Ok(Some(Intent { path: path.to_path_buf(), _file: Some(file) }))
    }

    /// Everything is made and durable; when this returns, nobody will make it again.
    pub(crate) fn remove(self) -> Result<()> {
        remove(&self.path)
    }
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io(path, error)),
        _ => folder::sync_name(path),
    }
}

/// What somebody wrote down for one structure and did not make.
#[derive(Debug)]
pub(crate) struct Pending {
    path: PathBuf,
    index: usize,
    parts: Vec<Part>,
}

impl Pending {
    pub(crate) fn part(&self) -> &Part {
        &self.parts[self.index]
    }

    /// This structure has made its changes, and they are durable.
    pub(crate) fn done(self) -> Result<()> {
        let path = &self.path;
        let mut file = OpenOptions::new().read(true).write(true).open(path).at(path)?;
        file.seek(SeekFrom::Start((FRONT + self.index) as u64)).at(path)?;
        file.write_all(&[1]).and_then(|()| file.sync_all()).at(path)?;
        let mut marks = vec![0; self.parts.len()];
        file.seek(SeekFrom::Start(FRONT as u64)).and_then(|_| file.read_exact(&mut marks)).at(path)?;
        let location = path.parent().and_then(Path::parent).unwrap_or(path);
        // A structure that is gone, or another one of its name, makes no changes.
        let is_made = |(mark, part): (&u8, &Part)| {
            let there = Superblock::read(&location.join(&part.folder));
            *mark == 1 || there.is_ok_and(|block| block.is_none_or(|block| block.identity != part.identity))
        };
        if marks.iter().zip(&self.parts).all(is_made) { remove(path) } else { Ok(()) }
    }
}

/// What is written down for the structure in `folder`, which the caller has locked.
pub(crate) fn pending(folder: &Path, identity: u64) -> Result<Vec<Pending>> {
    let place = folder.parent().unwrap_or(folder).join(FOLDER);
    let entries = match fs::read_dir(&place) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io(&place, error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.at(&place)?.path();
        let Some((marks, parts)) = read(&path)? else {
            sweep(&path)?;
            continue;
        };
        let mine = |(mark, part): (&u8, &Part)| *mark == 0 && part.identity == identity;
        if let Some(index) = marks.iter().zip(&parts).position(mine) {
            found.push(Pending { path, index, parts });
        }
    }
    Ok(found)
}

/// Removes what a crash left half-written, unless somebody is writing it.
fn sweep(path: &Path) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_ours = name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let Some(file) = is_ours.then(|| File::open(path).ok()).flatten() else { return Ok(()) };
    // Whoever had it may have ended it since.
    if file.try_lock().is_ok() && read(path)?.is_none() { remove(path) } else { Ok(()) }
}

/// The marks and parts of a file; `None` if it is not ours, or was never whole.
fn read(path: &Path) -> Result<Option<(Vec<u8>, Vec<Part>)>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        // Another one has just removed it.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io(path, error)),
    };
    let word = |at: usize| bytes.get(at..at + 4).map(|raw| u32::from_le_bytes([raw[0], raw[1], raw[2], raw[3]]));
    let (Some(sum), Some(count), true) = (word(8), word(12), bytes.starts_with(MAGIC)) else { return Ok(None) };
    let Some((marks, body)) = bytes[FRONT..].split_at_checked(count as usize) else { return Ok(None) };
    let parts = (crc32fast::hash(body) == sum).then(|| postcard::from_bytes::<Vec<Part>>(body).ok()).flatten();
    Ok(parts.filter(|parts| parts.len() == marks.len()).map(|parts| (marks.to_vec(), parts)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::global::{AtomicBool, Ordering};

    #[test]
    fn who_opens_structures_meanwhile_is_not_in_the_way() {
        let location = tempfile::tempdir().unwrap();
        let part = Part { folder: "a.speedup".into(), identity: 1, len: 0, steps: vec![Step::Remove(vec![1])] };
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        pending(&location.path().join("b.speedup"), 2).unwrap();
                    }
                });
            }
            let results: Vec<_> = (0..300)
                .map(|_| {
                    let intent = Intent::write(location.path(), std::slice::from_ref(&part))?;
                    intent.remove().map_err(|error| (error, false))
                })
                .collect();
            done.store(true, Ordering::Relaxed);
            results.into_iter().for_each(|result| result.unwrap());
        });
    }
}
