//! What concerns the ends of a dict, or many entries at once.

use std::borrow::Borrow;
use std::ops::RangeBounds;

use super::iter::Runs;
use super::many::{Change, Cursor, FEW};
use super::ordered::Span;
use super::state::DictState;
use super::{DiskDict, Iter, encoded, span};
use crate::disk::handle::Access;
use crate::disk::key::{self, EncodeKey, Key};
use crate::disk::prefix::KeyPrefix;
use crate::disk::value::{Codec, Value};
use crate::disk::{Error, Result};

/// The value of an encoded key.
pub(super) fn value_of<V: Value>(access: &Access<DictState>, codec: Codec, raw_key: &[u8]) -> Result<Option<V>> {
    access.see(|state, view| state.look().with(view, raw_key, |bytes| codec.decode(bytes)))
}

/// The values of encoded keys, all as they are at one moment.
pub(super) fn many_of<V: Value>(
    access: &Access<DictState>,
    codec: Codec,
    keys: impl Iterator<Item = Vec<u8>>,
) -> Result<Vec<Option<V>>> {
    let mut wanted: Vec<(Vec<u8>, usize)> = keys.enumerate().map(|(index, key)| (key, index)).collect();
    wanted.sort_unstable();
    let mut found: Vec<Option<V>> = wanted.iter().map(|_| None).collect();
    access.see(|state, view| {
        for (raw, index) in &wanted {
            found[*index] = state.look().with(view, raw, |bytes| codec.decode(bytes))?;
        }
        Ok(())
    })?;
    Ok(found)
}

/// The entry at an end.
pub(super) fn entry_at_end<K: Key, V: Value>(
    access: &Access<DictState>,
    codec: Codec,
    front: bool,
) -> Result<Option<(K, V)>> {
    let decode = |raw: &[u8], value: &[u8]| Ok((key::decode(raw)?, codec.decode(value)?));
    let seen = access.see(|state, view| {
        let look = state.look();
        if look.is_ready() { look.peek(view, front, decode).map(Some) } else { Ok(None) }
    })?;
    let found = match seen {
        Some(found) => found,
        None => access.read(|state| state.peek(front, decode))?,
    };
    Ok(found.map(|(_, entry)| entry))
}

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
        many_of(&self.handle, self.codec, keys.into_iter().map(encoded))
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
        entry_at_end(&self.handle, self.codec, front)
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
    /// A crash leaves the dict as it was or as it shall be; so does a panic of `keep`.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get) and [`insert`](Self::insert); the dict is then as it was.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) -> Result<()> {
        self.report()?;
        let codec = self.codec;
        let mut decide = |raw: &[u8], before: &[u8]| -> Result<Option<Change>> {
            let (key, mut value) = (key::decode(raw)?, codec.decode(before)?);
            let mut after = Vec::new();
            if !keep(&key, &mut value) {
                return Ok(Some((raw.to_vec(), None)));
            }
            codec.write(value, &mut after)?;
            Ok((after != before).then(|| (raw.to_vec(), Some(after))))
        };
        let (mut changes, mut bytes) = (Vec::new(), 0);
        let mut cursor = Cursor::new(Span::default());
        while bytes < FEW {
            let Some((raw, before)) = self.handle.read(|state| cursor.next(state))? else {
                return self.handle.change(|state| state.apply_few(&changes));
            };
            if let Some(change) = decide(&raw, &before)? {
                bytes += change.0.len() + change.1.as_ref().map_or(0, Vec::len) + 32;
                changes.push(change);
            }
        }
        // More than one frame of the journal holds: the dict is written anew, and what is decided already is not asked again.
        let mut decided = changes.into_iter().peekable();
        let mut cursor = Cursor::new(Span::default());
        let mut asked = decided.peek().is_none();
        self.handle.change(|state| {
            state.replace(|state| {
                while let Some((raw, before)) = cursor.next(state)? {
                    let change = if asked { decide(&raw, &before)? } else { decided.next_if(|(key, _)| *key == raw) };
                    asked |= decided.peek().is_none();
                    match change {
                        None => return Ok(Some((raw, before))),
                        Some((raw, Some(after))) => return Ok(Some((raw, after))),
                        Some((_, None)) => {}
                    }
                }
                Ok(None)
            })
        })
    }

    /// Removes the entries whose keys lie in a range, as one step, and returns how many there were.
    ///
    /// Complexity: O(log n), and the pages that go.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn remove_range<Q, R>(&mut self, range: R) -> Result<usize>
    where
        K: Borrow<Q>,
        Q: EncodeKey + ?Sized,
        R: RangeBounds<Q>,
    {
        self.report()?;
        self.handle.change(|state| state.remove_span(&span(&range))).map(|count| count as usize)
    }

    /// The entries whose keys start with `prefix`, in order, from either end: a part of a text, or the first parts of a tuple.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), speedup_runtime::disk::Error> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path();
    /// use speedup_runtime::disk::DiskDict;
    ///
    /// let mut names = DiskDict::<String, u32>::builder("names").location(path).open()?;
    /// names.extend([("user:1".into(), 1), ("user:2".into(), 2), ("used".into(), 3)])?;
    /// assert_eq!(names.prefix("user:").count(), 2);
    ///
    /// let mut days = DiskDict::<(u16, u8, u8), f64>::builder("days").location(path).open()?;
    /// days.extend([((2026, 11, 28), 0.5), ((2026, 11, 29), 1.5), ((2026, 12, 1), 2.5)])?;
    /// assert_eq!(days.prefix(&(2026, 11)).count(), 2);
    /// # Ok(()) }
    /// ```
    pub fn prefix<P: KeyPrefix<K> + ?Sized>(&self, prefix: &P) -> Iter<'_, K, V> {
        Iter::new(Runs::new(&self.handle, Span::of_prefix(prefix)), self.codec)
    }

    /// Moves the entries from `key` on into another dict, which must be empty.
    ///
    /// Each of the two dicts changes in one step, the other one first: after a kill in between, both hold the entries, and none is lost.
    ///
    /// # Errors
    ///
    /// [`Error::NotEmpty`]; otherwise as [`get`](Self::get) and [`insert`](Self::insert).
    pub fn split_off<Q>(&mut self, key: &Q, into: &mut Self) -> Result<()>
    where
        K: Borrow<Q>,
        Q: EncodeKey + ?Sized,
    {
        self.report()?;
        if !into.is_empty() {
            return Err(Error::NotEmpty { path: into.path() });
        }
        let part = Span { low: encoded(key), high: None };
        let mut cursor = Cursor::new(part.clone());
        let (from, to) = (self.codec, into.codec);
        into.handle.change(|state| {
            state.replace(|_| {
                let Some((key, value)) = self.handle.read(|state| cursor.next(state))? else { return Ok(None) };
                if from == to {
                    return Ok(Some((key, value)));
                }
                let mut raw = Vec::new();
                to.write::<V>(from.decode(&value)?, &mut raw)?;
                Ok(Some((key, raw)))
            })
        })?;
        // The copy is safe before the original goes.
        self.handle.change(|state| state.remove_span(&part)).map(drop)
    }

    /// Puts `new` in the place of a value, or takes it out if that is `None`, if it is `current`; otherwise returns what is there.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get) and [`insert`](Self::insert).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), speedup_runtime::disk::Error> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let mut states = speedup_runtime::disk::DiskDict::<u32, String>::builder("s").location(folder.path()).open()?;
    /// assert_eq!(states.compare_and_swap(1, None, Some("new".into()))?, Ok(()));
    /// assert_eq!(states.compare_and_swap(1, Some(&"old".into()), None)?, Err(Some("new".into())));
    /// # Ok(()) }
    /// ```
    pub fn compare_and_swap(&mut self, key: K, current: Option<&V>, new: Option<V>) -> Result<Result<(), Option<V>>>
    where
        V: PartialEq,
    {
        let raw = encoded(&key);
        let found = self.value(&raw)?;
        if found.as_ref() != current {
            return Ok(Err(found));
        }
        match new {
            Some(new) => self.put(key, new)?,
            None => self.handle.change(|state| state.remove(&raw, |_| Ok(()))).map(drop)?,
        }
        Ok(Ok(()))
    }
}
