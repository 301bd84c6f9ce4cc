//! Looking into a dict: by the one who may change it, or by several at a time.

use std::path::Path;

use crate::disk::filter::Absent;
use crate::disk::journal::{put_number, take_number};
use crate::disk::leaf::{Leaf, Val};
use crate::disk::pager::Pager;
use crate::disk::pages::Pages;
use crate::disk::tail::Tail;
use crate::disk::tree::Tree;
use crate::disk::write_buffer::{Base, Known, Pieces, WriteBuffer};
use crate::disk::{Error, Result};
use crate::sync::Arc;
use crate::sync::global::{AtomicUsize, Ordering};

/// How much room the number of parts of a value takes at most.
pub(super) const NUMBER: usize = 10;

/// The parts of a dict that a look goes through. What the open end and the write buffer say of a key goes before what the tree says.
#[derive(Clone, Copy)]
pub(crate) struct Look<'a> {
    pub(super) tree: &'a Tree,
    pub(super) tail: &'a Tail,
    pub(super) buffer: &'a WriteBuffer,
    pub(super) filter: Option<&'a Absent>,
    /// Counts absent keys that were looked for in the tree.
    pub(super) misses: &'a AtomicUsize,
    /// Counts removed keys that reading in order went past.
    pub(super) skipped: &'a AtomicUsize,
    pub(super) folder: &'a Path,
}

/// Counts without a promise: of two that count at the same time, one may be lost.
pub(super) fn count(counter: &AtomicUsize, more: usize) {
    // Relaxed: it only decides when something pays.
    counter.store(counter.load(Ordering::Relaxed) + more, Ordering::Relaxed);
}

impl Look<'_> {
    /// Calls `found` with the value of a key, if there is one.
    #[inline]
    pub(crate) fn with<P: Pages, R>(
        &self,
        pages: &mut P,
        key: &[u8],
        found: impl FnOnce(&[u8]) -> Result<R>,
    ) -> Result<Option<R>> {
        if self.buffer.has_appends()
            && let Some(value) = joined(pages, self.tree, self.buffer, self.folder, key)?
        {
            return found(&value).map(Some);
        }
        self.with_val(pages, key, |pager, val| pager.with_value(val, found))
    }

    /// The same with the value as it is stored, where no parts wait for it.
    #[inline]
    pub(super) fn with_val<P: Pages, R>(
        &self,
        pages: &mut P,
        key: &[u8],
        found: impl FnOnce(&Pager, Val<'_>) -> Result<R>,
    ) -> Result<Option<R>> {
        if self.tail.owns(key) {
            let index = self.tail.search(key).ok();
            return index.map(|index| found(pages.pager(), self.tail.val(index))).transpose();
        }
        match self.buffer.get(key) {
            Some(Known::Put(val)) => return found(pages.pager(), val).map(Some),
            Some(Known::Removed) => return Ok(None),
            Some(Known::Append(_)) | None => {}
        }
        self.in_tree(pages, key, found)
    }

    /// The same for a key of which neither the open end nor the write buffer knows.
    #[inline]
    pub(super) fn in_tree<P: Pages, R>(
        &self,
        pages: &mut P,
        key: &[u8],
        found: impl FnOnce(&Pager, Val<'_>) -> Result<R>,
    ) -> Result<Option<R>> {
        if self.filter.is_some_and(|absent| !absent.may_contain(key)) {
            return Ok(None);
        }
        match self.tree.get(pages, key)? {
            Some((leaf, index)) => found(pages.pager(), leaf.val(index)).map(Some),
            None => {
                count(self.misses, 1);
                Ok(None)
            }
        }
    }

    /// Whether a key is there.
    pub(crate) fn contains<P: Pages>(&self, pages: &mut P, key: &[u8]) -> Result<bool> {
        let waits = matches!(self.buffer.get(key), Some(Known::Append(_)));
        Ok(waits || self.with_val(pages, key, |_, _| Ok(()))?.is_some())
    }
}

/// The value of a key with the parts that wait for it; `None` if there is no such part.
pub(super) fn joined<P: Pages>(
    pages: &mut P,
    tree: &Tree,
    buffer: &WriteBuffer,
    folder: &Path,
    key: &[u8],
) -> Result<Option<Vec<u8>>> {
    let Some(pieces) = buffer.pieces(key) else { return Ok(None) };
    join(pages, &pieces, folder, |pages| tree.get(pages, key)).map(Some)
}

/// The same of what waits for it; `stored` looks it up in the tree.
pub(super) fn join<P: Pages>(
    pages: &mut P,
    Pieces { base, parts, count }: &Pieces<'_>,
    folder: &Path,
    stored: impl FnOnce(&mut P) -> Result<Option<(Arc<Leaf>, usize)>>,
) -> Result<Vec<u8>> {
    let join = |mut body: &[u8]| {
        let wrong = || Error::damaged(folder, "a value that was appended to has no number of parts");
        let total = take_number(&mut body).ok_or_else(wrong)? + count;
        let mut out = Vec::with_capacity(NUMBER + body.len() + parts.iter().map(|part| part.len()).sum::<usize>());
        put_number(&mut out, total);
        out.extend_from_slice(body);
        parts.iter().rev().for_each(|part| out.extend_from_slice(part));
        Ok(out)
    };
    match base {
        Base::Put(val) => pages.pager().with_value(*val, join),
        Base::Removed => join(&[0]),
        Base::Tree => match stored(pages)? {
            Some((leaf, index)) => pages.pager().with_value(leaf.val(index), join),
            None => join(&[0]),
        },
    }
}
