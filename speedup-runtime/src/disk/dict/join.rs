//! Appending to values without reading them: parts wait in the write buffer and meet their value when it is merged.
//!
//! A value that can be appended to is encoded as how many parts it has and the parts one after the other. An appended part is replayed exactly once,
//! so a tree into which parts were merged is published only together with all operations.

use super::state::DictState;
use crate::disk::journal::{Op, put_number, take_number};
use crate::disk::leaf::Val;
use crate::disk::store::{LONGEST_VALUE, Store};
use crate::disk::write_buffer::{Base, Known, Pieces, WriteBuffer};
use crate::disk::{Error, Result};

/// How much room the number of parts takes at most.
const NUMBER: usize = 10;

impl DictState {
    /// Adds `count` encoded parts at the end of the value of a key, which is there afterwards.
    pub(super) fn append(&mut self, key: &[u8], count: u64, parts: &[u8]) -> Result<()> {
        Self::check(key, parts)?;
        let before = match self.buffer.get(key) {
            Some(Known::Append(piece)) => Some(piece.size),
            _ => self.with_val(key, |store, val| store.pager.size_bound(val))?,
        };
        let size = before.unwrap_or(0) + parts.len() + NUMBER;
        if size > LONGEST_VALUE {
            return Err(Error::ValueTooLarge { size, limit: LONGEST_VALUE });
        }
        let result = self.apply_append((key, count, parts), size, before.is_none());
        self.store.settle(result)
    }

    fn apply_append(&mut self, (key, count, parts): (&[u8], u64, &[u8]), size: usize, fresh: bool) -> Result<()> {
        self.store.note(Op::Append { key, count, parts })?;
        self.end_merge()?;
        if !self.store.tail.is_empty() && self.store.tail.key(0) <= key {
            // The open end has no place for parts that wait.
            self.seal()?;
        }
        self.raise(key);
        self.buffer.append(key, count, parts, size);
        if fresh {
            self.added(key)?;
        }
        self.keep_bounded()
    }

    /// The value of a key to which parts wait to be appended; `None` if there is no such part.
    pub(super) fn joined(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        join(&mut self.store, &self.buffer, key)
    }
}

/// The value of a key with the parts that wait for it.
fn join(store: &mut Store, buffer: &WriteBuffer, key: &[u8]) -> Result<Option<Vec<u8>>> {
    let Some(Pieces { base, parts, count }) = buffer.pieces(key) else { return Ok(None) };
    let copy = |bytes: &[u8]| Ok(bytes.to_vec());
    let base = match base {
        Base::Put(val) => Some(store.pager.with_value(val, copy)?),
        Base::Removed => None,
        Base::Tree => match store.tree.get(&mut store.pager, key)? {
            Some((leaf, index)) => Some(store.pager.with_value(leaf.val(index), copy)?),
            None => None,
        },
    };
    let mut body = base.as_deref().unwrap_or(&[0]);
    let wrong = || Error::damaged(store.folder(), "a value that was appended to has no number of parts");
    let total = take_number(&mut body).ok_or_else(wrong)? + count;
    let mut out = Vec::with_capacity(NUMBER + body.len() + parts.iter().map(|part| part.len()).sum::<usize>());
    put_number(&mut out, total);
    out.extend_from_slice(body);
    parts.iter().rev().for_each(|part| out.extend_from_slice(part));
    Ok(Some(out))
}

/// The value that a key shall have in the tree, placed there, if parts wait for it; what it was put together from is given back.
pub(super) fn settled(store: &mut Store, buffer: &WriteBuffer, key: &[u8]) -> Result<Option<(Vec<u8>, bool)>> {
    let Some(value) = join(store, buffer, key)? else { return Ok(None) };
    if let Some(Pieces { base: Base::Put(old), .. }) = buffer.pieces(key) {
        store.pager.free_value(old)?;
    }
    let mut place = Vec::new();
    let Val { bytes, outside } = store.pager.place(&value, &mut place)?;
    Ok(Some((bytes.to_vec(), outside)))
}
