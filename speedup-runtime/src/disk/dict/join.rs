//! Appending to values without reading them: parts wait in the write buffer and meet their value when it is merged.
//!
//! A value that can be appended to is encoded as how many parts it has and the parts one after the other. An appended part is replayed exactly once,
//! so a tree into which parts were merged is published only together with all operations.

use super::look::{NUMBER, join};
use super::state::DictState;
use crate::disk::journal::Op;
use crate::disk::store::{LONGEST_VALUE, Store};
use crate::disk::tree::Ahead;
use crate::disk::write_buffer::{Base, Known, WriteBuffer};
use crate::disk::{Error, Result};

impl DictState {
    /// Adds `count` encoded parts at the end of the value of a key, which is there afterwards.
    pub(super) fn append(&mut self, key: &[u8], count: u64, parts: &[u8]) -> Result<()> {
        Self::check(key, parts)?;
        let (look, pager) = self.looking();
        let before = match look.buffer.get(key) {
            Some(Known::Append(piece)) => Some(piece.size),
            None if !look.tail.owns(key) => look.in_tree(pager, key, |pager, val| pager.size_bound(val))?,
            _ => look.with_val(pager, key, |pager, val| pager.size_bound(val))?,
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
}

/// The value that a key shall have in the tree, placed there, if parts wait for it; what it was put together from is given back.
///
/// The latest record of the key is at `at`; `ahead` is for keys in order, while the tree stays as it is.
pub(super) fn settled(
    store: &mut Store,
    buffer: &WriteBuffer,
    at: u32,
    ahead: &mut Ahead,
) -> Result<Option<(Vec<u8>, bool)>> {
    let Some(pieces) = buffer.pieces_at(at) else { return Ok(None) };
    let (tree, _, folder, pager) = store.parts();
    let value = join(pager, &pieces, folder, |pager| ahead.get(tree, pager, buffer.edit(at).key))?;
    if let Base::Put(old) = pieces.base {
        store.pager.free_value(old)?;
    }
    let mut place = Vec::new();
    let outside = store.pager.place(&value, &mut place)?.outside;
    Ok(Some((if outside { place } else { value }, outside)))
}
