//! The entry of a key, there or not.

use super::{DiskDict, encoded};
use crate::disk::Result;
use crate::disk::key::Key;
use crate::disk::value::Value;
use crate::disk::value_mut::{Place, ValueMut};

/// The entry of a key in a [`DiskDict`]; made by [`DiskDict::entry`].
///
/// Errors on the way are returned by the call that ends the chain.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), speedup_runtime::disk::Error> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let mut words = speedup_runtime::disk::DiskDict::<String, u32>::builder("w").location(folder.path()).open()?;
/// for word in ["to", "be", "or", "not", "to", "be"] {
///     words.entry(word.into()).and_modify(|count| *count += 1).or_insert(1)?;
/// }
/// assert_eq!(words.get("be")?, Some(2));
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "an entry does nothing before it is ended by `or_insert` or the like"]
pub struct Entry<'a, K, V> {
    dict: &'a mut DiskDict<K, V>,
    key: K,
    raw: Vec<u8>,
    found: Result<Option<V>>,
    changed: bool,
}

impl<'a, K: Key, V: Value> Entry<'a, K, V> {
    pub(super) fn new(dict: &'a mut DiskDict<K, V>, key: K) -> Self {
        let raw = encoded(&key);
        let found = dict.value(&raw);
        Entry { dict, key, raw, found, changed: false }
    }

    /// The key of the entry.
    pub fn key(&self) -> &K {
        &self.key
    }

    /// Changes the value if it is there; stored when the chain ends.
    pub fn and_modify(mut self, change: impl FnOnce(&mut V)) -> Self {
        if let Ok(Some(value)) = &mut self.found {
            change(value);
            self.changed = true;
        }
        self
    }

    /// The value, after inserting `default` if it is not there; what is changed through it is stored.
    ///
    /// # Errors
    ///
    /// As [`DiskDict::get`] and [`DiskDict::insert`].
    pub fn or_insert(self, default: V) -> Result<ValueMut<'a, V>> {
        self.or_insert_with(|| default)
    }

    /// The value, after inserting what `make` returns if it is not there; what is changed through it is stored.
    ///
    /// # Errors
    ///
    /// As [`DiskDict::get`] and [`DiskDict::insert`].
    pub fn or_insert_with(self, make: impl FnOnce() -> V) -> Result<ValueMut<'a, V>> {
        let found = self.found?;
        let store = self.changed || found.is_none();
        let value = found.unwrap_or_else(make);
        if store {
            self.dict.store(&self.raw, &value)?;
        }
        Ok(ValueMut::new(self.dict, Place::Key(self.raw), value))
    }

    /// The value, after inserting the default one if it is not there; what is changed through it is stored.
    ///
    /// # Errors
    ///
    /// As [`DiskDict::get`] and [`DiskDict::insert`].
    pub fn or_default(self) -> Result<ValueMut<'a, V>>
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }

    /// Stores what [`and_modify`](Self::and_modify) changed, and inserts nothing; returns the value if it is there.
    ///
    /// # Errors
    ///
    /// As [`DiskDict::get`] and [`DiskDict::insert`].
    pub fn finish(self) -> Result<Option<V>> {
        let found = self.found?;
        if let (Some(value), true) = (&found, self.changed) {
            self.dict.store(&self.raw, value)?;
        }
        Ok(found)
    }
}
