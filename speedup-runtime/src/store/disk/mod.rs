//! Results on disk, for the next run: [`DiskStore`].
//!
//! ```text
//! DiskStore, its builder     keys and values as bytes, names and identities as folders
//!   log                      records are appended, an index finds the last of each key
//!     index, scan            which record of a key is the last; what is found when a log is opened
//!     batch, blocks          what is appended together; what was read lately
//!     scratch                bytes that a call needs for a moment
//!     record, positioned     the format; reading and writing at a place
//!   origin                   which function results are those of
//!   place                    folders, and what is deleted after a time
//! ship                       a cache as a file to take elsewhere
//! ```

mod batch;
mod blocks;
mod index;
mod log;
mod origin;
mod place;
mod positioned;
mod record;
mod scan;
mod scratch;
mod ship;

use std::{
    fmt, io,
    marker::PhantomData,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};

pub use self::origin::{Origin, on_disk};
use self::{
    batch::Batch,
    log::{Log, Mode},
    record::Kind,
};
use super::{Condition, Error, Result, Store, Timed, codec::Codec};

/// A [`Store`] in a folder: results are there in the next run.
///
/// # Guarantees
/// - What was put survives the end of the process in any way, kill and abort included; after [`flush`](Store::flush) it also survives a power cut.
/// - One process writes. Another one that opens the same results at the same time reads what was there, and what it puts is forgotten; it waits for nobody, and
///   nothing fails ([`Condition::ReadOnly`]).
/// - Every record has a checksum. What is damaged is set aside in a file `results.damaged`, and the store begins anew ([`Condition::BegunAnew`]); what a crash has cut off at
///   the end is left out.
/// - Results beyond a bound (`capacity` in bytes, `entries`) go, the oldest first; after their time to live ([`put`](Store::put), `ttl`) they are not returned. Both
///   give their room back when they are half of the file, and more than 1 MiB of it.
/// - Values of other types, or of another version, lie in another folder: they are never read. Results that nobody has opened in 30 days are deleted, and of those that another version of the
///   same name has taken the place of, the oldest beyond 1 GiB in one location.
///
/// # Complexity
/// O(1) for each call: a lookup in memory and one read; writes are appended. Opening reads the log once; 24 bytes a key stay in memory, and 4 MiB of what was read lately.
///
/// # Examples
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path();
/// use speedup_runtime::store::{DiskStore, Store};
///
/// let squares = DiskStore::<(u64,), u64>::builder("squares").location(path).open()?;
/// squares.put(&(7,), &49, None)?;
/// drop(squares);
///
/// let squares = DiskStore::<(u64,), u64>::builder("squares").location(path).open()?;
/// assert_eq!(squares.get(&(7,))?, Some(49));
/// # Ok::<(), speedup_runtime::store::Error>(())
/// ```
pub struct DiskStore<K, V> {
    log: Log,
    ttl: Option<Duration>,
    codec: Codec<K, V>,
}

/// Says how a [`DiskStore`] is opened; made by [`DiskStore::builder`].
#[must_use = "nothing happens before `open()`"]
pub struct DiskStoreBuilder<K, V> {
    name: String,
    version: String,
    location: Option<PathBuf>,
    capacity: u64,
    entries: usize,
    ttl: Option<Duration>,
    types: PhantomData<fn(K) -> V>,
}

impl<K, V> fmt::Debug for DiskStoreBuilder<K, V> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("DiskStoreBuilder").field("name", &self.name).field("location", &self.location).finish()
    }
}

impl<K: Serialize + DeserializeOwned, V: Serialize + DeserializeOwned> DiskStoreBuilder<K, V> {
    /// The folder in which the results lie, by default `speedup` in the user's data folder; relative to the current folder.
    pub fn location(mut self, location: impl Into<PathBuf>) -> Self {
        self.location = Some(location.into());
        self
    }

    /// Results of another version are not read.
    pub fn version(mut self, version: impl fmt::Display) -> Self {
        self.version = version.to_string();
        self
    }

    /// How many bytes the results may take on disk, by default 4 GiB; beyond, the oldest quarter goes.
    pub fn capacity(mut self, bytes: u64) -> Self {
        self.capacity = bytes.max(1 << 12);
        self
    }

    /// How many results are kept, by default as many as there is room for; beyond, the oldest quarter goes. See [`Store::bound`].
    pub fn entries(mut self, most: usize) -> Self {
        self.entries = most;
        self
    }

    /// The time to live of results that are put without one; for ever.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Opens the store, or makes it.
    ///
    /// # Errors
    /// If the folder cannot be made, read or written.
    pub fn open(self) -> Result<DiskStore<K, V>> {
        let codec = Codec::new();
        let identity = format!("{}\n{}\n{:016x}", self.name, self.version, codec.fingerprint());
        let location = match self.location {
            Some(location) => location,
            None => crate::disk::default_location().map_err(|error| Error::other("the user's data folder", error))?,
        };
        let failed = |error: io::Error| Error::unreachable(format!("the folder {}", location.display()), error);
        let absolute = std::path::absolute(&location).map_err(failed)?;
        let folder = place::folder(&absolute, &self.name, &identity);
        let log = Log::open(&folder, &identity, self.capacity).map_err(failed)?;
        log.bound(self.entries);
        place::clean(&absolute);
        Ok(DiskStore { log, ttl: self.ttl, codec })
    }
}

impl<K: Serialize + DeserializeOwned, V: Serialize + DeserializeOwned> DiskStore<K, V> {
    /// Opens the results of this name in the default folder, or makes them.
    ///
    /// # Errors
    /// If the folder cannot be made, read or written.
    pub fn open(name: impl Into<String>) -> Result<Self> {
        Self::builder(name).open()
    }

    /// Says how a store of this name is opened.
    pub fn builder(name: impl Into<String>) -> DiskStoreBuilder<K, V> {
        DiskStoreBuilder {
            name: name.into(),
            version: String::new(),
            location: None,
            capacity: 4 << 30,
            entries: usize::MAX,
            ttl: None,
            types: PhantomData,
        }
    }

    /// The folder in which the results lie.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.log.folder()
    }

    /// What a caller is told: in which folder it happened.
    fn failed(&self, error: io::Error) -> Error {
        let store = format!("the results in {}", self.path().display());
        match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => Error::damaged(store, error),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Error::Refused { store, reason: error.to_string() }
            }
            _ => Error::other(store, error),
        }
    }

    /// What `read` makes of the value of a key and the end of its time.
    fn look_up<T>(&self, key: &K, read: impl FnOnce(V, u64) -> T) -> Result<Option<T>> {
        scratch::with(|bytes| {
            self.codec.append_key(key, bytes)?;
            let found = self.log.get(bytes, |value, end| Ok(read(self.codec.decode(value)?, end)));
            found.map_err(|error| self.failed(error))?.transpose()
        })
    }

    /// Appends a record without a value; without a key, too, if there is none.
    fn append(&self, kind: Kind, key: Option<&K>) -> Result<()> {
        scratch::with(|bytes| {
            let mut batch = Batch::new(bytes, 1);
            let key = |out: &mut Vec<u8>| key.map_or(Ok(()), |key| self.codec.append_key(key, out));
            batch.add((kind, 0), key, |_| Ok(()))?;
            self.log.append(&batch).map_err(|error| self.failed(error))
        })
    }
}

impl<K, V> fmt::Debug for DiskStore<K, V> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("DiskStore").field("path", &self.log.folder()).finish_non_exhaustive()
    }
}

impl<K: Serialize + DeserializeOwned, V: Serialize + DeserializeOwned> Store<K, V> for DiskStore<K, V> {
    fn get(&self, key: &K) -> Result<Option<V>> {
        self.look_up(key, |value, _| value)
    }

    fn get_with_time_left(&self, keys: &[&K]) -> Result<Vec<Option<Timed<V>>>> {
        let now = log::now();
        let left = |end: u64| (end > 0).then(|| Duration::from_millis(end.saturating_sub(now)));
        keys.iter().map(|key| self.look_up(key, |value, end| (value, left(end)))).collect()
    }

    fn put(&self, key: &K, value: &V, ttl: Option<Duration>) -> Result<()> {
        self.put_many(&[(key, value)], ttl)
    }

    fn remove(&self, key: &K) -> Result<()> {
        self.append(Kind::Remove, Some(key))
    }

    fn clear(&self) -> Result<()> {
        self.append(Kind::Clear, None)
    }

    fn put_many(&self, entries: &[(&K, &V)], ttl: Option<Duration>) -> Result<()> {
        let end = ttl
            .or(self.ttl)
            .map_or(0, |ttl| log::now().saturating_add(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX)));
        scratch::with(|bytes| {
            let mut refused = None;
            let mut batch = Batch::new(bytes, entries.len());
            for (key, value) in entries {
                let written = batch.add(
                    (Kind::Put, end),
                    |out| self.codec.append_key(key, out),
                    |out| self.codec.append(value, out),
                );
                // The others are kept all the same.
                refused = written.err().or(refused);
            }
            self.log.append(&batch).map_err(|error| self.failed(error))?;
            refused.map_or(Ok(()), Err)
        })
    }

    fn flush(&self) -> Result<()> {
        self.log.sync().map_err(|error| self.failed(error))
    }

    fn is_near(&self) -> bool {
        true
    }

    fn bound(&self, entries: usize) {
        self.log.bound(entries);
    }

    fn entries(&self, each: &mut dyn FnMut(K, V) -> bool) -> Result<bool> {
        let mut fault = None;
        let listed = self.log.entries(&mut |record| {
            let both = self.codec.decode_key(record.key).and_then(|key| Ok((key, self.codec.decode(record.value)?)));
            match both {
                Ok((key, value)) => each(key, value),
                Err(error) => {
                    fault = Some(error);
                    false
                }
            }
        });
        listed.map_err(|error| self.failed(error))?;
        fault.map_or(Ok(true), Err)
    }

    fn condition(&self) -> Condition {
        match self.log.mode() {
            Mode::Writes => Condition::Sound,
            Mode::Reads => Condition::ReadOnly,
            Mode::BegunAnew => Condition::BegunAnew,
        }
    }
}
