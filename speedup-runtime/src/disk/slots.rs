//! Which slots of the page file are taken: a bit each.

use std::collections::BTreeSet;

use super::{Error, Result};

/// How many words of the map one engine value holds (1 KiB, 32 MiB of pages).
const CHUNK: usize = 128;

/// The map of taken slots.
///
/// A slot that the last checkpoint refers to is never handed out before the next one is durable: it waits in `retired`.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    /// Bit `i % 64` of word `i / 64` is set while slot `i` is taken or retired.
    words: Vec<u64>,
    /// Every word before this one is full.
    full: usize,
    /// Runs that become free at the next checkpoint.
    retired: Vec<(u64, u32)>,
    /// How many slots are in `retired`.
    waiting: u64,
    /// How many bits are set.
    taken: u64,
    /// Chunks of the map that differ from what the engine holds.
    changed: BTreeSet<usize>,
}

impl Slots {
    /// One past the last taken slot.
    pub(crate) fn end(&self) -> u64 {
        let last = self.words.iter().rposition(|&word| word != 0);
        last.map_or(0, |index| index as u64 * 64 + 64 - u64::from(self.words[index].leading_zeros()))
    }

    /// Takes `count` neighbouring slots and returns the first.
    pub(crate) fn take(&mut self, count: u32) -> Result<u64> {
        let first = if count == 1 { self.first_free() } else { self.first_run(u64::from(count)) };
        if first + u64::from(count) > u64::from(u32::MAX) {
            return Err(Error::ValueTooLarge { size: count as usize * 4096, limit: u32::MAX as usize });
        }
        self.mark(first, count, true);
        Ok(first)
    }

    fn first_free(&mut self) -> u64 {
        while self.words.get(self.full) == Some(&u64::MAX) {
            self.full += 1;
        }
        let word = self.words.get(self.full).copied().unwrap_or(0);
        self.full as u64 * 64 + u64::from(word.trailing_ones())
    }

    fn first_run(&mut self, count: u64) -> u64 {
        let mut first = self.first_free();
        let mut at = first;
        let end = self.words.len() as u64 * 64;
        while at < end && at - first < count {
            if self.words[(at / 64) as usize] >> (at % 64) & 1 == 1 {
                first = at + 1;
            }
            at += 1;
        }
        first
    }

    /// Frees slots at once: for those no checkpoint knows of.
    pub(crate) fn free(&mut self, first: u64, count: u32) {
        self.mark(first, count, false);
    }

    /// Frees slots at the next checkpoint.
    pub(crate) fn retire(&mut self, first: u64, count: u32) {
        self.retired.push((first, count));
        self.waiting += u64::from(count);
    }

    /// Whether more slots than `least`, and more than are in use, wait for the next checkpoint.
    pub(crate) fn is_wasteful(&self, least: u64) -> bool {
        self.waiting > least && self.waiting > self.taken / 2
    }

    /// Frees what was retired and returns the chunks to store; they must be durable before the next [`take`](Self::take).
    pub(crate) fn settle(&mut self) -> Vec<(u64, Vec<u8>)> {
        self.waiting = 0;
        for (first, count) in std::mem::take(&mut self.retired) {
            self.mark(first, count, false);
        }
        let changed = std::mem::take(&mut self.changed);
        changed
            .into_iter()
            .map(|chunk| {
                let words = self.words.iter().skip(chunk * CHUNK).take(CHUNK);
                (chunk as u64, words.flat_map(|word| word.to_le_bytes()).collect())
            })
            .collect()
    }

    /// Takes over a stored chunk.
    pub(crate) fn load(&mut self, bytes: &[u8]) {
        let words = bytes.as_chunks::<8>().0;
        for raw in words {
            let word = u64::from_le_bytes(*raw);
            self.taken += u64::from(word.count_ones());
            self.words.push(word);
        }
        self.words.resize(self.words.len().next_multiple_of(CHUNK), 0);
    }

    fn mark(&mut self, first: u64, count: u32, taken: bool) {
        for slot in first..first + u64::from(count) {
            let word = (slot / 64) as usize;
            if word >= self.words.len() {
                self.words.resize((word + 1).next_multiple_of(CHUNK), 0);
            }
            let bit = 1_u64 << (slot % 64);
            let was = self.words[word] & bit != 0;
            self.taken = self.taken + u64::from(taken && !was) - u64::from(!taken && was);
            if taken {
                self.words[word] |= bit;
            } else {
                self.words[word] &= !bit;
                self.full = self.full.min(word);
            }
            self.changed.insert(word / CHUNK);
        }
    }

    /// How many chunks the map has.
    pub(crate) fn chunks(&self) -> u64 {
        self.words.len().div_ceil(CHUNK) as u64
    }
}
