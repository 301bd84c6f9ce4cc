//! A value that is stored again when it was changed.

use std::fmt;
use std::ops::{Deref, DerefMut};

use super::{Error, Result};

/// Where a value stands.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Key(Vec<u8>),
    Index(u64),
}

/// A structure that can store a value of its own again.
pub(crate) trait Keeper<V> {
    /// Stores a value.
    fn keep(&mut self, place: &Place, value: &V) -> Result<()>;

    /// Remembers an error that nobody was there to take.
    fn remember(&mut self, error: Error);
}

/// A value of a dict or an item of a list, read into memory; what is changed through it is stored when it is dropped.
///
/// [`save`](Self::save) stores it at once and reports errors. One that is met while dropping is returned by the next `insert`, `remove`, `push`,
/// `flush` or `close` of the structure, and the value is then as it was.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), speedup_runtime::disk::Error> {
/// # let folder = tempfile::tempdir().unwrap();
/// use speedup_runtime::disk::DiskDict;
///
/// let mut index = DiskDict::<String, Vec<u32>>::builder("index").location(folder.path()).open()?;
/// index.entry("word".into()).or_default()?.push(1);
/// index.entry("word".into()).or_default()?.push(2);
/// assert_eq!(index.get("word")?, Some(vec![1, 2]));
/// # Ok(()) }
/// ```
pub struct ValueMut<'a, V> {
    owner: &'a mut (dyn Keeper<V> + 'a),
    place: Place,
    value: V,
    /// It was borrowed to be changed since it was last stored.
    changed: bool,
}

impl<'a, V> ValueMut<'a, V> {
    pub(crate) fn new(owner: &'a mut (dyn Keeper<V> + 'a), place: Place, value: V) -> Self {
        ValueMut { owner, place, value, changed: false }
    }

    /// Stores the value now, if it was changed.
    ///
    /// # Errors
    ///
    /// When the disk fails or the value cannot be stored; it is then as it was before.
    pub fn save(mut self) -> Result<()> {
        self.store()
    }

    fn store(&mut self) -> Result<()> {
        if std::mem::take(&mut self.changed) { self.owner.keep(&self.place, &self.value) } else { Ok(()) }
    }
}

impl<V> Deref for ValueMut<'_, V> {
    type Target = V;

    fn deref(&self) -> &V {
        &self.value
    }
}

impl<V> DerefMut for ValueMut<'_, V> {
    fn deref_mut(&mut self) -> &mut V {
        self.changed = true;
        &mut self.value
    }
}

impl<V> Drop for ValueMut<'_, V> {
    fn drop(&mut self) {
        // A panic may have left the value half changed.
        if std::thread::panicking() {
            return;
        }
        if let Err(error) = self.store() {
            self.owner.remember(error);
        }
    }
}

impl<V: PartialEq> PartialEq<V> for ValueMut<'_, V> {
    fn eq(&self, other: &V) -> bool {
        self.value == *other
    }
}

impl<V: fmt::Debug> fmt::Debug for ValueMut<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<V: fmt::Display> fmt::Display for ValueMut<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
