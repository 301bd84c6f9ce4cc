//! [`DiskDict`]: a sorted map on disk.

mod append;
mod batch;
mod builder;
mod copies;
mod entry;
mod iter;
mod join;
mod look;
mod many;
mod ordered;
mod shared;
pub(crate) mod state;
mod whole;

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Bound, RangeBounds};
use std::path::PathBuf;

use rayon::iter::{ParallelBridge, ParallelIterator};

pub use self::append::Append;
pub use self::batch::Batch;
pub use self::builder::DictBuilder;
pub use self::entry::Entry;
use self::iter::Runs;
pub use self::iter::{Iter, Keys, Range, Values};
use self::ordered::{Span, after};
use self::state::DictState;
use super::body::Body;
use super::handle::Handle;
use super::key::{EncodeKey, Key};
use super::shared::Shared;
use super::store::Repaired;
use super::value::{Codec, Value};
use super::value_mut::{Keeper, Place, ValueMut};
use super::{Error, Result};

/// A sorted map that lives on disk and takes a bounded amount of memory.
///
/// It behaves like a [`BTreeMap`], except that every access can fail. After [`flush`](Self::flush) returns, everything done
/// before survives a power cut; without it, a kill loses at most the last half second, and what is left is always the state
/// after some earlier operation. Dropping the dict saves everything, too; [`close`](Self::close) also reports errors.
///
/// Complexity: reads and writes take O(log n), iteration O(1) an item; appending keys in ascending order is fastest.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), speedup_runtime::disk::Error> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path();
/// use speedup_runtime::disk::DiskDict;
///
/// let mut ages = DiskDict::<String, u32>::builder("ages").location(path).open()?;
/// ages.insert("Ada".into(), 36)?;
/// ages.insert("Grace".into(), 85)?;
/// ages.close()?;
///
/// let ages = DiskDict::<String, u32>::builder("ages").location(path).open()?;
/// assert_eq!(ages.get("Ada")?, Some(36));
/// assert_eq!(ages.len(), 2);
/// # Ok(()) }
/// ```
#[doc(alias = "shelve")]
pub struct DiskDict<K, V> {
    handle: Handle<DictState>,
    codec: Codec,
    /// Where keys and values are encoded.
    scratch: (Vec<u8>, Vec<u8>),
    /// An error that nobody was there to take, when a changed value was dropped.
    unsaved: Option<Error>,
    types: PhantomData<fn() -> (K, V)>,
}

/// How much memory is kept for the next value to be encoded.
const SCRATCH: usize = 64 << 10;

fn encoded<Q: EncodeKey + ?Sized>(key: &Q) -> Vec<u8> {
    let mut out = Vec::with_capacity(16);
    key.encode_key(&mut out);
    out
}

/// The encoded keys that lie in a range.
fn span<Q: EncodeKey + ?Sized>(range: &impl RangeBounds<Q>) -> Span {
    let low = match range.start_bound() {
        Bound::Included(key) => encoded(key),
        Bound::Excluded(key) => after(encoded(key)),
        Bound::Unbounded => Vec::new(),
    };
    let high = match range.end_bound() {
        Bound::Included(key) => Some(after(encoded(key))),
        Bound::Excluded(key) => Some(encoded(key)),
        Bound::Unbounded => None,
    };
    Span { low, high }
}

impl<K: Key, V: Value> DiskDict<K, V> {
    /// Opens the dict of this name in the user's data folder, or makes it.
    ///
    /// # Errors
    ///
    /// See [`Error`]; nothing on disk is touched when it is not what was asked for.
    pub fn open(name: impl Into<String>) -> Result<Self> {
        Self::builder(name).open()
    }

    /// Says more about the dict before it is opened.
    pub fn builder(name: impl Into<String>) -> DictBuilder<K, V> {
        DictBuilder::new(name.into())
    }

    fn over(state: DictState, codec: Codec) -> Self {
        DiskDict { handle: Handle::new(state), codec, scratch: Default::default(), unsaved: None, types: PhantomData }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.handle.look(|state| state.len() as usize).unwrap_or(0)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The folder that holds the dict.
    pub fn path(&self) -> PathBuf {
        self.handle.look(|state| state.seen().folder().to_path_buf()).unwrap_or_default()
    }

    /// How many bytes the dict takes on disk.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read.
    pub fn size_on_disk(&self) -> Result<u64> {
        self.handle.read(|state| state.seen().size_on_disk())
    }

    /// Puts a value and returns the one it replaces.
    ///
    /// # Errors
    ///
    /// When the disk fails, or key or value is too large to store.
    pub fn insert(&mut self, key: K, value: V) -> Result<Option<V>> {
        self.report()?;
        let codec = self.codec;
        let (raw_key, raw_value) = &mut self.scratch;
        raw_key.clear();
        key.encode_key(raw_key);
        codec.write(value, raw_value)?;
        let result = self.handle.change(|state| state.put(raw_key, raw_value, |old| codec.decode(old)));
        self.tidy();
        result
    }

    /// Puts a value without reading the one it replaces.
    ///
    /// # Errors
    ///
    /// As [`insert`](Self::insert).
    pub fn put(&mut self, key: K, value: V) -> Result<()> {
        self.report()?;
        let (raw_key, raw_value) = &mut self.scratch;
        raw_key.clear();
        key.encode_key(raw_key);
        self.codec.write(value, raw_value)?;
        let result = self.handle.change(|state| state.put_blind(raw_key, raw_value));
        self.tidy();
        result
    }

    /// Stores a value that somebody still needs.
    fn store(&mut self, raw_key: &[u8], value: &V) -> Result<()> {
        self.codec.write_ref(value, &mut self.scratch.1)?;
        let result = self.handle.change(|state| state.put_blind(raw_key, &self.scratch.1));
        self.tidy();
        result
    }

    /// The value of an encoded key.
    fn value(&self, raw_key: &[u8]) -> Result<Option<V>> {
        whole::value_of(&self.handle, self.codec, raw_key)
    }

    /// Returns the error that nobody has taken yet.
    #[inline]
    fn report(&mut self) -> Result<()> {
        self.unsaved.take().map_or(Ok(()), Err)
    }

    /// A huge key or value must not stay in memory.
    fn tidy(&mut self) {
        for scratch in [&mut self.scratch.0, &mut self.scratch.1] {
            scratch.clear();
            scratch.shrink_to(SCRATCH);
        }
    }

    /// The value of a key.
    ///
    /// # Errors
    ///
    /// When the disk fails or holds something else than was written.
    pub fn get<Q>(&self, key: &Q) -> Result<Option<V>>
    where
        K: Borrow<Q>,
        Q: EncodeKey + ?Sized,
    {
        self.value(&encoded(key))
    }

    /// Whether a key is there.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    #[doc(alias = "contains")]
    pub fn contains_key<Q>(&self, key: &Q) -> Result<bool>
    where
        K: Borrow<Q>,
        Q: EncodeKey + ?Sized,
    {
        let raw = encoded(key);
        self.handle.see(|state, view| state.look().contains(view, &raw))
    }

    /// Removes a key and returns its value.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get), and when the disk cannot be written.
    pub fn remove<Q>(&mut self, key: &Q) -> Result<Option<V>>
    where
        K: Borrow<Q>,
        Q: EncodeKey + ?Sized,
    {
        self.report()?;
        let raw = encoded(key);
        self.handle.change(|state| state.remove(&raw, |old| self.codec.decode(old)))
    }

    /// Changes a value in place and returns what `change` returned; `None` if the key is not there.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get) and [`insert`](Self::insert).
    pub fn update<Q, R>(&mut self, key: &Q, change: impl FnOnce(&mut V) -> R) -> Result<Option<R>>
    where
        K: Borrow<Q>,
        Q: EncodeKey + ?Sized,
    {
        let Some(mut value) = self.get(key)? else { return Ok(None) };
        let result = change(&mut value);
        let raw = encoded(key);
        self.codec.write(value, &mut self.scratch.1)?;
        let stored = self.handle.change(|state| state.put_blind(&raw, &self.scratch.1));
        self.tidy();
        stored.map(|()| Some(result))
    }

    /// The value of a key, if it is there; what is changed through it is stored.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn get_mut<Q>(&mut self, key: &Q) -> Result<Option<ValueMut<'_, V>>>
    where
        K: Borrow<Q>,
        Q: EncodeKey + ?Sized,
    {
        let raw = encoded(key);
        let value = self.value(&raw)?;
        Ok(value.map(|value| ValueMut::new(self, Place::Key(raw), value)))
    }

    /// The entry of a key, there or not.
    #[doc(alias = "setdefault")]
    pub fn entry(&mut self, key: K) -> Entry<'_, K, V> {
        Entry::new(self, key)
    }

    /// The value of a key, after inserting what `make` returns if it is not there; what is changed through it is stored.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get) and [`insert`](Self::insert).
    pub fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> Result<ValueMut<'_, V>> {
        self.entry(key).or_insert_with(make)
    }

    /// All entries in the order of their keys, from either end.
    ///
    /// A page that cannot be read yields its error once; the iterator then goes on with the next one.
    #[doc(alias = "items")]
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter::new(Runs::new(&self.handle, Span::default()), self.codec)
    }

    /// The entries whose keys lie in a range, in order, from either end.
    ///
    /// A range that starts after its end is empty.
    pub fn range<Q, R>(&self, range: R) -> Range<'_, K, V>
    where
        K: Borrow<Q>,
        Q: EncodeKey + ?Sized,
        R: RangeBounds<Q>,
    {
        Iter::new(Runs::new(&self.handle, span(&range)), self.codec)
    }

    /// All keys in order.
    pub fn keys(&self) -> Keys<'_, K, V> {
        Keys(self.iter())
    }

    /// All values in the order of their keys.
    pub fn values(&self) -> Values<'_, K, V> {
        Values(self.iter())
    }

    /// All entries in no order, decoded on all threads of rayon's pool.
    pub fn par_iter(&self) -> impl ParallelIterator<Item = Result<(K, V)>> + '_
    where
        K: Send,
        V: Send,
    {
        let runs = Runs::new(&self.handle, Span::default());
        let (handle, codec) = (&self.handle, self.codec);
        runs.par_bridge().flat_map_iter(move |run| iter::decode_run(handle, codec, run))
    }

    /// Inserts all entries of an iterator.
    ///
    /// # Errors
    ///
    /// As [`insert`](Self::insert); the entries before the failing one are in.
    #[doc(alias = "update")]
    pub fn extend(&mut self, entries: impl IntoIterator<Item = (K, V)>) -> Result<()> {
        entries.into_iter().try_for_each(|(key, value)| self.put(key, value))
    }

    /// Removes all entries.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn clear(&mut self) -> Result<()> {
        self.handle.change(DictState::clear)
    }

    /// A copy of all entries in memory.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    #[doc(alias = "snapshot")]
    pub fn to_map(&self) -> Result<BTreeMap<K, V>>
    where
        K: Ord,
    {
        self.iter().collect()
    }

    /// Returns when everything done so far survives a power cut.
    ///
    /// # Errors
    ///
    /// When the disk fails; the dict can then only be opened again.
    #[doc(alias = "sync")]
    pub fn flush(&mut self) -> Result<()> {
        self.report()?;
        self.handle.flush()
    }

    /// Copies everything in order into full pages and gives the rest of the space back.
    ///
    /// # Errors
    ///
    /// When the disk fails or has no room for the copy; the dict is then as it was.
    pub fn compact(&mut self) -> Result<()> {
        self.handle.change(|state| state.rewrite(false)).map(drop)
    }

    /// Keeps what can be read and lets go of damaged pages; says how much each was.
    ///
    /// For a dict that does not open any more there is [`DictBuilder::repair`].
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn repair(&mut self) -> Result<Repaired> {
        self.handle.change(|state| state.rewrite(true))
    }

    /// Saves everything and lets go of the folder.
    ///
    /// # Errors
    ///
    /// When the disk fails; what was flushed is safe.
    pub fn close(mut self) -> Result<()> {
        let closed = self.handle.close();
        closed.and(self.report())
    }

    /// A handle that can be cloned and used from several threads.
    pub fn shared(self) -> Shared<Self> {
        Shared::new(self)
    }
}

impl<K, V> fmt::Debug for DiskDict<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, len) =
            self.handle.look(|state| (state.seen().folder().to_path_buf(), state.len())).unwrap_or_default();
        f.debug_struct("DiskDict").field("path", &path).field("len", &len).finish()
    }
}

impl<K: Key, V: Value> Keeper<V> for DiskDict<K, V> {
    fn keep(&mut self, place: &Place, value: &V) -> Result<()> {
        match place {
            Place::Key(raw) => self.store(raw, value),
            Place::Index(_) => Ok(()),
        }
    }

    fn remember(&mut self, error: Error) {
        self.unsaved.get_or_insert(error);
    }
}

impl<'a, K: Key, V: Value> IntoIterator for &'a DiskDict<K, V> {
    type Item = Result<(K, V), Error>;
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Iter<'a, K, V> {
        self.iter()
    }
}
