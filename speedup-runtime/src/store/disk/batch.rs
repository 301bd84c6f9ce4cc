//! Records that are appended together, written before anybody waits for them.

use super::index::number;
use super::record::{self, Kind};

/// Records, as they will lie in a log, and what its index is to be told of them.
pub(super) struct Batch<'a> {
    bytes: &'a mut Vec<u8>,
    parts: Vec<Part>,
}

/// What the index is told of a record.
pub(super) struct Part {
    pub(super) kind: Kind,
    pub(super) number: u64,
    pub(super) end: u64,
    /// Where it begins in the batch.
    pub(super) at: usize,
    pub(super) len: u32,
}

impl<'a> Batch<'a> {
    /// No records yet, about so many to come.
    pub(super) fn new(bytes: &'a mut Vec<u8>, count: usize) -> Self {
        bytes.clear();
        Batch { bytes, parts: Vec::with_capacity(count) }
    }

    /// Adds a record whose key and value are written by these; one that is too long is passed over.
    ///
    /// # Errors
    /// Theirs: then it is not added.
    pub(super) fn add<E>(
        &mut self,
        (kind, end): (Kind, u64),
        key: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
        value: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let at = self.bytes.len();
        if let Some(key) = record::append(self.bytes, kind, end, key, value)? {
            let number = number(&self.bytes[key]);
            self.parts.push(Part { kind, number, end, at, len: (self.bytes.len() - at) as u32 });
        }
        Ok(())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes
    }

    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }
}
