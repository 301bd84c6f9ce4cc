//! What a cache has, as a file to take elsewhere.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use serde::{Serialize, de::DeserializeOwned};

use super::record::{self, Found, Kind, PREFIX, Record};
use crate::cache::{AsyncCache, AsyncPolicyCache, Cache, Fault, Key, Output, PolicyCache};
use crate::store::{Error, Result, codec::Codec, handle::typed};

/// What tells a file of one function and its types from others.
fn identity(name: &str, fingerprint: u64) -> String {
    format!("shipped 2\n{name}\n{fingerprint:016x}")
}

/// What ends a file, in the place of a record: how many there are before it. A file that was cut behind a record has none.
fn last(count: usize) -> [u8; PREFIX] {
    let mut bytes = [0; PREFIX];
    bytes[4..].copy_from_slice(&(count as u64).to_le_bytes());
    bytes
}

/// The file is there, and is not what it should be.
fn no_export(path: &Path, reason: impl ToString) -> Error {
    Error::NoExport { path: path.to_owned(), reason: reason.to_string() }
}

fn failed(path: &Path, error: io::Error) -> Error {
    Error::other(path.display().to_string(), error)
}

/// What is told of each value behind a cache; returns whether to go on.
type Each<'a, K, R> = &'a mut dyn FnMut(K, R) -> bool;

/// The parts of a cache that are shipped.
struct Shipped<'a, K, R> {
    name: &'static str,
    in_memory: Vec<(K, R)>,
    /// Calls its argument for the values in the store, until it returns false.
    behind: &'a dyn Fn(Each<'_, K, R>) -> Result<()>,
}

fn export<K, R>(cache: Shipped<'_, K, R>, path: &Path) -> Result<usize>
where
    K: Serialize + DeserializeOwned,
    R: Serialize + DeserializeOwned,
{
    let codec = Codec::<K, R>::new();
    let failed = |error| failed(path, error);
    let (beside, file) = Beside::create(path).map_err(failed)?;
    let mut out = BufWriter::new(file);
    out.write_all(&record::head(&identity(cache.name, codec.fingerprint()))).map_err(failed)?;
    let (mut count, mut bytes) = (0, Vec::new());
    let mut write = |key: &[u8], value: &R| -> Result<()> {
        bytes.clear();
        let value = codec.encode(value)?;
        if !(Record { kind: Kind::Put, end: 0, key, value: &value }).append(&mut bytes) {
            let (store, bytes) = (path.display().to_string(), key.len() + value.len());
            return Err(Error::TooLarge { store, bytes, longest: record::LONGEST });
        }
        count += 1;
        out.write_all(&bytes).map_err(failed)
    };
    let mut written = HashSet::new();
    for (key, value) in &cache.in_memory {
        let key = codec.encode_key(key)?;
        write(&key, value)?;
        written.insert(key);
    }
    let mut fault = Ok(());
    let mut each = |key: K, value: R| {
        let key = codec.encode_key(&key);
        fault = key.and_then(|key| if written.contains(&key) { Ok(()) } else { write(&key, &value) });
        fault.is_ok()
    };
    (cache.behind)(&mut each)?;
    fault?;
    out.write_all(&last(count)).map_err(failed)?;
    let file = out.into_inner().map_err(|error| failed(error.into_error()))?;
    file.sync_all().and_then(|()| fs::rename(&beside.0, path)).map_err(failed)?;
    Ok(count)
}

fn import<K, R>(name: &str, path: &Path, take_in: impl Fn(K, R) -> bool) -> Result<usize>
where
    K: Serialize + DeserializeOwned,
    R: Serialize + DeserializeOwned,
{
    let codec = Codec::<K, R>::new();
    let file = File::open(path).map_err(|error| failed(path, error))?;
    let mut input = BufReader::new(file);
    let head = record::head(&identity(name, codec.fingerprint()));
    let mut found = Vec::with_capacity(head.len());
    input.by_ref().take(head.len() as u64).read_to_end(&mut found).map_err(|error| failed(path, error))?;
    if found != head {
        return Err(no_export(path, format!("it does not begin as one of `{name}` with these types does")));
    }
    let mut entries = Vec::new();
    loop {
        let bytes = next(&mut input, path)?;
        if bytes == last(entries.len()) && next(&mut input, path)?.is_empty() {
            break;
        }
        let Found::Record(record @ Record { kind: Kind::Put, .. }, _) = record::read(&bytes) else {
            return Err(no_export(path, "it is cut or changed"));
        };
        let key = codec.decode_key(record.key).map_err(|error| no_export(path, error))?;
        entries.push((key, codec.decode(record.value).map_err(|error| no_export(path, error))?));
    }
    Ok(entries.into_iter().map(|(key, value)| usize::from(take_in(key, value))).sum())
}

impl<K, R> Cache<K, R>
where
    K: Key + Serialize + DeserializeOwned,
    R: Output + Serialize + DeserializeOwned,
{
    /// Writes all values, those in memory and those in the store, to a file that [`import`](Self::import) reads: a warmed cache to be shipped with a program.
    ///
    /// Returns how many there are. The file is written beside and then takes the place of the old one, so nobody sees half of it.
    ///
    /// # Errors
    /// If the file cannot be written, a value cannot be, or the store fails.
    ///
    /// # Examples
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("squares");
    /// use speedup_runtime::Cache;
    ///
    /// let squares = Cache::from_fn(|n: u64| n * n);
    /// squares.get_all((0..100).map(|n| (n,)));
    /// assert_eq!(squares.export(&path)?, 100);
    ///
    /// let elsewhere = Cache::from_fn(|n: u64| n * n);
    /// assert_eq!(elsewhere.import(&path)?, 100);
    /// assert_eq!((elsewhere.get((7,)), elsewhere.stats().misses), (49, 0));
    /// # Ok::<(), speedup_runtime::store::Error>(())
    /// ```
    pub fn export(&self, path: impl AsRef<Path>) -> Result<usize> {
        let behind = |each: Each<'_, K, R>| listed(self.behind().map(|behind| behind.entries(each)));
        export(Shipped { name: self.name(), in_memory: self.keys_and_values(), behind: &behind }, path.as_ref())
    }

    /// Puts in the values of a file that [`export`](Self::export) has written. Returns how many were new; those that are there already stay.
    ///
    /// The values are taken as they are: that they come from the same source is up to whoever ships them.
    ///
    /// # Errors
    /// If the file cannot be read; [`Error::NoExport`] if it is damaged or cut, or is one of another function or of other types. Nothing is put in then.
    pub fn import(&self, path: impl AsRef<Path>) -> Result<usize> {
        import(self.name(), path.as_ref(), |key, value| self.take_in(key, value))
    }
}

/// What has come of listing what lies behind a cache, if anything does. What cannot be listed is left out.
fn listed(found: Option<std::result::Result<bool, Fault>>) -> Result<()> {
    found.unwrap_or(Ok(false)).map(drop).map_err(typed)
}

/// The same for the other types of caches.
macro_rules! ships {
    ($($cache:ident: $values:ident),*) => {$(
        impl<K, R> $cache<K, R>
        where
            K: Key + Serialize + DeserializeOwned,
            R: Output + Serialize + DeserializeOwned,
        {
            /// As [`Cache::export`]: what is there and fresh. How old it is is not told.
            ///
            /// # Errors
            /// As [`Cache::export`].
            pub fn export(&self, path: impl AsRef<Path>) -> Result<usize> {
                let behind = |each: Each<'_, K, R>| ships!(@each $values self each);
                export(Shipped { name: ships!(@$values self).name(), in_memory: self.entries(), behind: &behind }, path.as_ref())
            }

            /// As [`Cache::import`]. Where values have ages, these begin anew.
            ///
            /// # Errors
            /// As [`Cache::import`].
            pub fn import(&self, path: impl AsRef<Path>) -> Result<usize> {
                import(ships!(@$values self).name(), path.as_ref(), |key, value| self.take_in(key, value))
            }
        }
    )*};
    (@plain $self:ident) => { $self };
    (@aged $self:ident) => { $self.values() };
    (@each plain $self:ident $each:ident) => { listed($self.behind().map(|behind| behind.entries($each))) };
    (@each aged $self:ident $each:ident) => {
        listed($self.values().behind().map(|behind| {
            behind.entries(&mut |key, value| value.has_ended() || $each(key.0, value.into_value()))
        }))
    };
}

ships!(PolicyCache: aged, AsyncCache: plain, AsyncPolicyCache: aged);

/// A file beside another, which takes the place of that one, or goes. Its name is nobody else's, so that two may write at the same time.
struct Beside(PathBuf);

impl Beside {
    /// Makes a file that was not there: two machines may give processes the same number.
    fn create(path: &Path) -> io::Result<(Self, File)> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let beside = path.with_added_extension(format!("{}-{number}.new", std::process::id()));
            match File::create_new(&beside) {
                Ok(file) => return Ok((Beside(beside), file)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // It is not there any more where it has taken the place of the other.
        drop(fs::remove_file(&self.0));
    }
}

/// The bytes of the next record, as far as they are there; those of what ends the file; none behind that.
fn next(input: &mut impl Read, path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut read = |most: usize, bytes: &mut Vec<u8>| {
        input.by_ref().take(most as u64).read_to_end(bytes).map_err(|error| failed(path, error))
    };
    read(PREFIX, &mut bytes)?;
    let len = bytes.first_chunk().and_then(record::length);
    read(len.unwrap_or(0), &mut bytes)?;
    Ok(bytes)
}
