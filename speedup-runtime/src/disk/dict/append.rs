//! Values that can be appended to without being read.

use std::collections::VecDeque;

use serde::Serialize;

use super::DiskDict;
use crate::disk::journal::take_number;
use crate::disk::key::Key;
use crate::disk::value::{Codec, Value};
use crate::disk::{Error, Result};

/// A value to which [`DiskDict::append`] can add: a `Vec`, a `VecDeque` or a `String`.
pub trait Append: Value {
    /// What is added: a slice or a `str`.
    type Part: Serialize + ?Sized;
}

impl<T> Append for Vec<T>
where
    Vec<T>: Value,
    T: Serialize,
{
    type Part = [T];
}

impl<T> Append for VecDeque<T>
where
    VecDeque<T>: Value,
    T: Serialize,
{
    type Part = [T];
}

impl Append for String {
    type Part = str;
}

impl<K: Key, V: Append> DiskDict<K, V> {
    /// Adds to the end of the value of a key, without reading it; a key that is not there gets `part` as its value.
    ///
    /// What is added waits in the write buffer, and all that waits for a value is added to it at once when the buffer is merged: building
    /// an inverted index word by word takes about as long as in batches. Reading in order merges first.
    ///
    /// Complexity: that of [`put`](Self::put), whatever the length of the value.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put), and [`Error::Unfit`] in a dict that is `self_describing()`.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), speedup_runtime::disk::Error> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// use speedup_runtime::disk::DiskDict;
    ///
    /// let mut index = DiskDict::<String, Vec<u32>>::builder("index").location(folder.path()).open()?;
    /// for (place, word) in "to be or not to be".split(' ').enumerate() {
    ///     index.append(word.into(), &[place as u32])?;
    /// }
    /// assert_eq!(index.get("be")?, Some(vec![1, 5]));
    /// # Ok(()) }
    /// ```
    pub fn append(&mut self, key: K, part: &V::Part) -> Result<()> {
        self.report()?;
        let Codec::Compact { sure } = self.codec else {
            return Err(Error::unfit::<V>("only the compact codec can append"));
        };
        let (raw, parts) = &mut self.scratch;
        raw.clear();
        key.encode_key(raw);
        parts.clear();
        self.codec.encode_part(part, parts)?;
        if !sure {
            self.codec.verify::<V>(parts)?;
        }
        let mut body = parts.as_slice();
        let count = take_number(&mut body).unwrap_or(0);
        let result = self.handle.change(|state| state.append(raw, count, body));
        self.tidy();
        result
    }
}
