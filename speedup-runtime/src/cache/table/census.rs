//! What is in a table, and how large it is.

use crate::cache::table::slot::Word;

/// What is in a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::cache) struct Census {
    /// Values.
    pub(in crate::cache) ready: usize,
    /// Keys that are being computed.
    pub(in crate::cache) claimed: usize,
    /// What the table takes, without what keys and values own elsewhere.
    pub(in crate::cache) bytes: usize,
}

impl Census {
    /// Counts a slot.
    pub(super) fn add(&mut self, word: Word) {
        match word {
            Word::Ready => self.ready += 1,
            Word::Claimed(_) => self.claimed += 1,
            _ => {}
        }
    }

    /// Both together.
    pub(in crate::cache) fn and(self, other: Self) -> Self {
        Self { ready: self.ready + other.ready, claimed: self.claimed + other.claimed, bytes: self.bytes + other.bytes }
    }
}
