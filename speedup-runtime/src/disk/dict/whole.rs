//! What concerns the ends of a dict, or many entries at once.

use std::borrow::Borrow;

use super::iter::Runs;
use super::ordered::{Span, after};
use super::{DiskDict, Iter, encoded};
use crate::disk::Result;
use crate::disk::key::{self, EncodeKey, Key};
use crate::disk::value::Value;

/// How many changes `retain` gathers before it applies them.
const BATCH: usize = 4096;

impl<K: Key, V: Value> DiskDict<K, V> {
    /// The values of many keys, in the order of the keys; they are read in the order of the disk.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn get_many<'q, Q>(&self, keys: impl IntoIterator<Item = &'q Q>) -> Result<Vec<Option<V>>>
    where
        K: Borrow<Q>,
        Q: EncodeKey + ?Sized + 'q,
    {
        let mut wanted: Vec<(Vec<u8>, usize)> =
            keys.into_iter().enumerate().map(|(index, key)| (encoded(key), index)).collect();
        wanted.sort_unstable();
        let mut found: Vec<Option<V>> = wanted.iter().map(|_| None).collect();
        self.handle.read(|state| {
            for (raw, index) in &wanted {
                found[*index] = state.with(raw, |bytes| self.codec.decode(bytes))?;
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// The first entry.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    #[doc(alias = "first_key_value")]
    pub fn first(&self) -> Result<Option<(K, V)>> {
        self.end(true)
    }

    /// The last entry.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    #[doc(alias = "last_key_value")]
    pub fn last(&self) -> Result<Option<(K, V)>> {
        self.end(false)
    }

    fn end(&self, front: bool) -> Result<Option<(K, V)>> {
        self.handle.read(|state| {
            state
                .peek(front, |raw, value| Ok((key::decode(raw)?, self.codec.decode(value)?)))
                .map(|found| found.map(|(_, entry)| entry))
        })
    }

    /// Removes and returns the first entry.
    ///
    /// # Errors
    ///
    /// As [`remove`](Self::remove).
    pub fn pop_first(&mut self) -> Result<Option<(K, V)>> {
        self.pop(true)
    }

    /// Removes and returns the last entry.
    ///
    /// # Errors
    ///
    /// As [`remove`](Self::remove).
    #[doc(alias = "popitem")]
    pub fn pop_last(&mut self) -> Result<Option<(K, V)>> {
        self.pop(false)
    }

    fn pop(&mut self, front: bool) -> Result<Option<(K, V)>> {
        self.report()?;
        let codec = self.codec;
        self.handle.change(|state| state.pop(front, |raw, value| Ok((key::decode(raw)?, codec.decode(value)?))))
    }

    /// Keeps the entries for which `keep` returns true, with the values as it leaves them.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get) and [`insert`](Self::insert).
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) -> Result<()> {
        let mut low = Vec::new();
        loop {
            let mut changes: Vec<(Vec<u8>, Option<Vec<u8>>)> = Vec::new();
            let mut last = None;
            let entries: Iter<'_, K, V> = Iter::new(Runs::new(&self.handle, Span { low, high: None }), self.codec);
            for entry in entries {
                let (key, mut value) = entry?;
                let (mut before, mut after) = (Vec::new(), Vec::new());
                self.codec.encode(&value, &mut before)?;
                let kept = keep(&key, &mut value);
                self.codec.encode(&value, &mut after)?;
                if !kept {
                    changes.push((encoded(&key), None));
                } else if before != after {
                    changes.push((encoded(&key), Some(after)));
                }
                if changes.len() == BATCH {
                    last = Some(encoded(&key));
                    break;
                }
            }
            for (key, value) in changes {
                self.handle.change(|state| match value {
                    Some(value) => state.put_blind(&key, &value),
                    None => state.remove(&key, |_| Ok(())).map(drop),
                })?;
            }
            match last {
                Some(key) => low = after(key),
                None => return Ok(()),
            }
        }
    }
}
