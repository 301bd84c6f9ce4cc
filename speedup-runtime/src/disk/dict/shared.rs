//! What a dict does without a guard when it is shared.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use super::DiskDict;
use crate::disk::Result;
use crate::disk::key::{EncodeKey, Key};
use crate::disk::shared::{Shared, Structure};
use crate::disk::value::Value;

impl<K, V> Structure for DiskDict<K, V> {
    fn close_now(&mut self) -> Result<()> {
        let closed = self.handle.close();
        closed.and(self.unsaved.take().map_or(Ok(()), Err))
    }
}

/// Each method is one step, and waits while another thread has a guard or does a step.
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
        self.with(|dict| dict.handle.read(|state| Ok(state.len() as usize)))
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
        self.with(|dict| dict.get(key))
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
        self.with(|dict| dict.contains_key(key))
    }

    /// Puts a value and returns the one it replaces; see [`DiskDict::insert`].
    ///
    /// # Errors
    ///
    /// As [`DiskDict::insert`].
    pub fn insert(&self, key: K, value: V) -> Result<Option<V>> {
        self.with(|dict| dict.insert(key, value))
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
        self.with(|dict| dict.first())
    }

    /// The last entry; see [`DiskDict::last`].
    ///
    /// # Errors
    ///
    /// As [`DiskDict::last`].
    pub fn last(&self) -> Result<Option<(K, V)>> {
        self.with(|dict| dict.last())
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
