//! What a dict does without a guard when it is shared.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::ops::RangeBounds;

use super::append::Append;
use super::iter::{Iter, Keys, Range, Runs, Values};
use super::ordered::Span;
use super::state::DictState;
use super::whole::{entry_at_end, many_of, value_of};
use super::{DiskDict, encoded, span};
use crate::disk::Result;
use crate::disk::handle::Access;
use crate::disk::key::{EncodeKey, Key};
use crate::disk::prefix::KeyPrefix;
use crate::disk::shared::{Parts, Shared, Structure};
use crate::disk::value::{Codec, Value};

impl<K, V> Structure for DiskDict<K, V> {}

impl<K, V> Parts for DiskDict<K, V> {
    type Body = DictState;

    fn close_now(&mut self) -> Result<()> {
        let closed = self.handle.close();
        closed.and(self.unsaved.take().map_or(Ok(()), Err))
    }

    fn reader(&self) -> (Access<DictState>, Codec) {
        (self.handle.outside(), self.codec)
    }
}

/// Each method is one step, and waits while another thread has a guard. Those that read go on side by side; those that change take turns.
///
/// # Errors
///
/// As the method of [`DiskDict`] of the same name, and [`Error::Held`](crate::disk::Error::Held) if this thread has a guard.
impl<K: Key, V: Value> Shared<DiskDict<K, V>> {
    /// How many entries there are.
    ///
    /// # Errors
    ///
    /// If the dict is closed, or this thread has a guard.
    pub fn len(&self) -> Result<usize> {
        self.see(|access, _| access.see(|state, _| Ok(state.len() as usize)))
    }

    /// Whether there are none.
    ///
    /// # Errors
    ///
    /// As [`len`](Self::len).
    pub fn is_empty(&self) -> Result<bool> {
        self.len().map(|len| len == 0)
    }

    /// The value of a key; see [`DiskDict::get`].
    ///
    /// # Errors
    ///
    /// As [`DiskDict::get`].
    pub fn get<Q>(&self, key: &Q) -> Result<Option<V>>
    where
        K: Borrow<Q>,
        Q: EncodeKey + ?Sized,
    {
        self.see(|access, codec| value_of(access, codec, &encoded(key)))
    }

    /// The values of many keys as they are at one moment, in the order of the keys; see [`DiskDict::get_many`].
    ///
    /// # Errors
    ///
    /// As [`DiskDict::get_many`].
    pub fn get_many<'q, Q>(&self, keys: impl IntoIterator<Item = &'q Q>) -> Result<Vec<Option<V>>>
    where
        K: Borrow<Q>,
        Q: EncodeKey + ?Sized + 'q,
    {
        self.see(|access, codec| many_of(access, codec, keys.into_iter().map(encoded)))
    }

    /// Whether a key is there; see [`DiskDict::contains_key`].
    ///
    /// # Errors
    ///
    /// As [`DiskDict::contains_key`].
    pub fn contains_key<Q>(&self, key: &Q) -> Result<bool>
    where
        K: Borrow<Q>,
        Q: EncodeKey + ?Sized,
    {
        let raw = encoded(key);
        self.see(|access, _| access.see(|state, view| state.look().contains(view, &raw)))
    }

    /// Puts a value and returns the one it replaces; see [`DiskDict::insert`].
    ///
    /// # Errors
    ///
    /// As [`DiskDict::insert`].
    pub fn insert(&self, key: K, value: V) -> Result<Option<V>> {
        self.with(|dict| dict.insert(key, value))
    }

    /// Puts a value without reading the one it replaces; see [`DiskDict::put`].
    ///
    /// # Errors
    ///
    /// As [`DiskDict::put`].
    pub fn put(&self, key: K, value: V) -> Result<()> {
        self.with(|dict| dict.put(key, value))
    }

    /// Puts or removes a value if the current one is what the caller thinks; see [`DiskDict::compare_and_swap`].
    ///
    /// # Errors
    ///
    /// As [`DiskDict::compare_and_swap`].
    pub fn compare_and_swap(&self, key: K, current: Option<&V>, new: Option<V>) -> Result<Result<(), Option<V>>>
    where
        V: PartialEq,
    {
        self.with(|dict| dict.compare_and_swap(key, current, new))
    }

    /// Removes a key and returns its value; see [`DiskDict::remove`].
    ///
    /// # Errors
    ///
    /// As [`DiskDict::remove`].
    pub fn remove<Q>(&self, key: &Q) -> Result<Option<V>>
    where
        K: Borrow<Q>,
        Q: EncodeKey + ?Sized,
    {
        self.with(|dict| dict.remove(key))
    }

    /// Changes a value in place; see [`DiskDict::update`].
    ///
    /// # Errors
    ///
    /// As [`DiskDict::update`].
    pub fn update<Q, R>(&self, key: &Q, change: impl FnOnce(&mut V) -> R) -> Result<Option<R>>
    where
        K: Borrow<Q>,
        Q: EncodeKey + ?Sized,
    {
        self.with(|dict| dict.update(key, change))
    }

    /// The value of a key, after inserting what `make` returns if it is not there; no other thread comes between.
    ///
    /// # Errors
    ///
    /// As [`DiskDict::get`] and [`DiskDict::insert`].
    pub fn get_or_insert_with(&self, key: K, make: impl FnOnce() -> V) -> Result<V>
    where
        V: Clone,
    {
        self.with(|dict| {
            if let Some(found) = dict.get(&key)? {
                return Ok(found);
            }
            let value = make();
            dict.insert(key, value.clone())?;
            Ok(value)
        })
    }

    /// The first entry; see [`DiskDict::first`].
    ///
    /// # Errors
    ///
    /// As [`DiskDict::first`].
    pub fn first(&self) -> Result<Option<(K, V)>> {
        self.see(|access, codec| entry_at_end(access, codec, true))
    }

    /// The last entry; see [`DiskDict::last`].
    ///
    /// # Errors
    ///
    /// As [`DiskDict::last`].
    pub fn last(&self) -> Result<Option<(K, V)>> {
        self.see(|access, codec| entry_at_end(access, codec, false))
    }

    /// All entries in the order of their keys, from either end, while others change the dict.
    ///
    /// Each key comes at most once and in order. What others put or remove meanwhile may be seen or not: a few hundred entries at a time
    /// are read as they are at one moment, and nobody waits in between. All of one moment are in a [`snapshot`](Self::snapshot). The thread that has a guard
    /// gets [`Error::Held`](crate::disk::Error::Held) from it, and others wait for the guard.
    pub fn iter(&self) -> Iter<'_, K, V> {
        let (access, codec) = self.reader();
        Iter::new(Runs::beside(access, Span::default()), codec)
    }

    /// The entries whose keys lie in a range, as [`iter`](Self::iter).
    pub fn range<Q, R>(&self, range: R) -> Range<'_, K, V>
    where
        K: Borrow<Q>,
        Q: EncodeKey + ?Sized,
        R: RangeBounds<Q>,
    {
        let (access, codec) = self.reader();
        Iter::new(Runs::beside(access, span(&range)), codec)
    }

    /// The entries whose keys begin with a prefix, as [`iter`](Self::iter); see [`DiskDict::prefix`].
    pub fn prefix<P: KeyPrefix<K> + ?Sized>(&self, prefix: &P) -> Iter<'_, K, V> {
        let (access, codec) = self.reader();
        Iter::new(Runs::beside(access, Span::of_prefix(prefix)), codec)
    }

    /// All keys in order, as [`iter`](Self::iter); no values are read.
    pub fn keys(&self) -> Keys<'_, K, V> {
        Keys(self.iter())
    }

    /// All values in the order of their keys, as [`iter`](Self::iter).
    pub fn values(&self) -> Values<'_, K, V> {
        Values(self.iter())
    }

    /// Adds to the end of the value of a key, without reading it; see [`DiskDict::append`].
    ///
    /// # Errors
    ///
    /// As [`DiskDict::append`].
    pub fn append(&self, key: K, part: &V::Part) -> Result<()>
    where
        V: Append,
    {
        self.with(|dict| dict.append(key, part))
    }

    /// Removes the entries whose keys lie in a range, and returns how many there were; see [`DiskDict::remove_range`].
    ///
    /// # Errors
    ///
    /// As [`DiskDict::remove_range`].
    pub fn remove_range<Q, R>(&self, range: R) -> Result<usize>
    where
        K: Borrow<Q>,
        Q: EncodeKey + ?Sized,
        R: RangeBounds<Q>,
    {
        self.with(|dict| dict.remove_range(range))
    }

    /// Removes and returns the first entry; see [`DiskDict::pop_first`].
    ///
    /// # Errors
    ///
    /// As [`DiskDict::pop_first`].
    pub fn pop_first(&self) -> Result<Option<(K, V)>> {
        self.with(DiskDict::pop_first)
    }

    /// Removes and returns the last entry; see [`DiskDict::pop_last`].
    ///
    /// # Errors
    ///
    /// As [`DiskDict::pop_last`].
    pub fn pop_last(&self) -> Result<Option<(K, V)>> {
        self.with(DiskDict::pop_last)
    }

    /// Inserts all entries of an iterator, each as one step: other threads come between.
    ///
    /// # Errors
    ///
    /// As [`DiskDict::insert`]; the entries before the failing one are in.
    pub fn extend(&self, entries: impl IntoIterator<Item = (K, V)>) -> Result<()> {
        entries.into_iter().try_for_each(|(key, value)| self.insert(key, value).map(drop))
    }

    /// Removes all entries; see [`DiskDict::clear`].
    ///
    /// # Errors
    ///
    /// As [`DiskDict::clear`].
    pub fn clear(&self) -> Result<()> {
        self.with(DiskDict::clear)
    }

    /// A copy of all entries in memory, as they are at one moment.
    ///
    /// # Errors
    ///
    /// As [`DiskDict::get`].
    pub fn to_map(&self) -> Result<BTreeMap<K, V>>
    where
        K: Ord,
    {
        self.with(|dict| dict.to_map())
    }

    /// Returns when everything done so far, by whichever thread, survives a power cut.
    ///
    /// # Errors
    ///
    /// As [`DiskDict::flush`].
    pub fn flush(&self) -> Result<()> {
        self.with(DiskDict::flush)
    }
}
