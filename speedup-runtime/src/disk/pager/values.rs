//! Values that are too long for a leaf, in pages of their own.

use super::super::leaf::{HEADER, Val};
use super::super::page_file::{PageFile, PageKind, SLOT};
use super::super::{Error, Result};
use super::{Blob, LARGE, Pager, encoded};

impl Pager {
    /// Moves a value that is too long for a leaf to pages of its own; `store` receives the reference.
    pub(crate) fn place<'a>(&mut self, bytes: &'a [u8], store: &'a mut Vec<u8>) -> Result<Val<'a>> {
        if bytes.len() < LARGE {
            return Ok(Val { bytes, outside: false });
        }
        let slots = PageFile::slots_for(HEADER + bytes.len());
        let slot = self.slots.take(slots)?;
        self.file.write_blob(slot, self.epoch, bytes)?;
        let blob = Blob { slot, slots, stamp: self.epoch };
        *store = encoded(&blob)?;
        Ok(Val { bytes: store, outside: true })
    }

    /// Calls `found` with the bytes of a value, wherever they are.
    #[inline]
    pub(crate) fn with_value<R>(&self, val: Val<'_>, found: impl FnOnce(&[u8]) -> Result<R>) -> Result<R> {
        if !val.outside {
            return found(val.bytes);
        }
        let blob = self.blob(val)?;
        let page = self.file.read(blob.slot, blob.slots, blob.stamp, PageKind::Blob)?;
        found(&page[HEADER..])
    }

    /// How many bytes a value has at most, without reading it.
    pub(crate) fn size_bound(&self, val: Val<'_>) -> Result<usize> {
        if val.outside { Ok(self.blob(val)?.slots as usize * SLOT) } else { Ok(val.bytes.len()) }
    }

    /// Whether a value has these bytes; one of another size is not read.
    #[inline]
    pub(crate) fn is_value(&self, val: Val<'_>, bytes: &[u8]) -> Result<bool> {
        if val.outside && self.blob(val)?.slots != PageFile::slots_for(HEADER + bytes.len()) {
            return Ok(false);
        }
        self.with_value(val, |value| Ok(value == bytes))
    }

    /// Gives back the pages of a value that is no longer needed.
    pub(crate) fn free_value(&mut self, val: Val<'_>) -> Result<()> {
        if val.outside {
            let blob = self.blob(val)?;
            self.free_run(blob.slot, blob.slots, blob.stamp);
        }
        Ok(())
    }

    fn blob(&self, val: Val<'_>) -> Result<Blob> {
        postcard::from_bytes(val.bytes)
            .map_err(|_| Error::damaged(self.file.path(), "a reference to a large value cannot be read"))
    }
}
