//! Several changes of a dict as one step.

use std::borrow::Borrow;
use std::marker::PhantomData;
use std::ops::Range;

use super::DiskDict;
use super::state::{DictState, Step};
use crate::disk::handle::Access;
use crate::disk::joint;
use crate::disk::key::{EncodeKey, Key};
use crate::disk::shared::Shared;
use crate::disk::value::{Codec, Value};
use crate::disk::{Error, Result};

/// Changes that are made as one; filled by the closure of [`DiskDict::batch`].
pub struct Batch<K, V> {
    /// Keys and values, encoded, one after the other.
    bytes: Vec<u8>,
    /// Where key and value of each change are; `None` removes the key.
    steps: Vec<(Range<usize>, Option<Range<usize>>)>,
    codec: Codec,
    /// Where a value is encoded.
    scratch: Vec<u8>,
    /// The first value that could not be encoded.
    error: Option<Error>,
    types: PhantomData<fn(K, V)>,
}

impl<K: Key, V: Value> Batch<K, V> {
    fn new(codec: Codec) -> Self {
        Batch { bytes: Vec::new(), steps: Vec::new(), codec, scratch: Vec::new(), error: None, types: PhantomData }
    }

    /// Puts a value. One that cannot be encoded, or would not come back, is reported by [`DiskDict::batch`], which then changes nothing.
    pub fn insert(&mut self, key: K, value: V) {
        let key = self.key(&key);
        match self.codec.write(value, &mut self.scratch) {
            Ok(()) => {
                self.bytes.extend_from_slice(&self.scratch);
                self.steps.push((key.clone(), Some(key.end..self.bytes.len())));
            }
            Err(error) => {
                self.error.get_or_insert(error);
            }
        }
    }

    /// Removes a key, there or not.
    pub fn remove<Q>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
        Q: EncodeKey + ?Sized,
    {
        let key = self.key(key);
        self.steps.push((key, None));
    }

    fn key<Q: EncodeKey + ?Sized>(&mut self, key: &Q) -> Range<usize> {
        let from = self.bytes.len();
        key.encode_key(&mut self.bytes);
        from..self.bytes.len()
    }
}

impl<K, V> std::fmt::Debug for Batch<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch").field("len", &self.steps.len()).finish_non_exhaustive()
    }
}

impl<K: Key, V: Value> DiskDict<K, V> {
    /// Makes several changes as one: after a crash all of them are there or none, and nobody sees a part of them.
    ///
    /// The changes are gathered in memory while `fill` runs and made in their order when it returns; what it returns is passed on. If it panics, nothing
    /// changes.
    ///
    /// # Errors
    ///
    /// As [`insert`](Self::insert), and [`Error::BatchTooLarge`] beyond 1 GiB; nothing has changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), speedup_runtime::disk::Error> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path();
    /// use speedup_runtime::disk::DiskDict;
    ///
    /// let mut accounts = DiskDict::<String, i64>::builder("accounts").location(path).open()?;
    /// accounts.insert("Ada".into(), 100)?;
    /// accounts.batch(|batch| {
    ///     batch.insert("Ada".into(), 70);
    ///     batch.insert("Grace".into(), 30);
    ///     batch.remove("nobody");
    /// })?;
    /// assert_eq!(accounts.get("Grace")?, Some(30));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "transaction")]
    #[doc(alias = "apply_batch")]
    pub fn batch<R>(&mut self, fill: impl FnOnce(&mut Batch<K, V>) -> R) -> Result<R> {
        let (batch, result) = self.filled(fill)?;
        let bytes = |range: &Range<usize>| &batch.bytes[range.clone()];
        let steps: Vec<Step<'_>> = batch.steps.iter().map(|(key, val)| (bytes(key), val.as_ref().map(bytes))).collect();
        self.handle.change(|state| state.batch(&steps))?;
        Ok(result)
    }
}

impl<K: Key, V: Value> DiskDict<K, V> {
    fn filled<R>(&mut self, fill: impl FnOnce(&mut Batch<K, V>) -> R) -> Result<(Batch<K, V>, R)> {
        self.report()?;
        let mut batch = Batch::new(self.codec);
        let result = fill(&mut batch);
        batch.error.take().map_or(Ok((batch, result)), Err)
    }

    /// The changes that `fill` makes, encoded, for a batch of several structures.
    pub(crate) fn gather_batch<R>(
        &mut self,
        fill: impl FnOnce(&mut Batch<K, V>) -> R,
    ) -> Result<(Vec<joint::Step>, R)> {
        let (batch, result) = self.filled(fill)?;
        let bytes = |range: &Range<usize>| batch.bytes[range.clone()].to_vec();
        let step = |(key, val): &(Range<usize>, Option<Range<usize>>)| match val {
            Some(val) => joint::Step::Put(bytes(key), bytes(val)),
            None => joint::Step::Remove(bytes(key)),
        };
        Ok((batch.steps.iter().map(step).collect(), result))
    }

    pub(crate) fn access(&self) -> &Access<DictState> {
        &self.handle
    }
}

impl<K: Key, V: Value> Shared<DiskDict<K, V>> {
    /// Makes several changes as one; see [`DiskDict::batch`].
    ///
    /// # Errors
    ///
    /// As [`DiskDict::batch`].
    pub fn batch<R>(&self, fill: impl FnOnce(&mut Batch<K, V>) -> R) -> Result<R> {
        self.with(|dict| dict.batch(fill))
    }
}
