//! Which slots of the page file are taken: a bit each.

use std::collections::BTreeSet;

use super::{Error, Result};

/// How many words of the map one engine value holds (1 KiB, 32 MiB of pages).
const CHUNK: usize = 128;

/// Up to how long a run the map remembers where to look for one.
const CLASSES: usize = 16;

/// The map of taken slots.
///
/// A slot that the last checkpoint refers to is never handed out before the next one is durable: it waits in `retired`.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    /// Bit `i % 64` of word `i / 64` is set while slot `i` is taken or retired.
    words: Vec<u64>,
    /// Every word before this one is full.
    full: usize,
    /// No run of `i + 1` free slots starts before slot `searched[i]`.
    searched: [u64; CLASSES],
    /// Runs that become free at the next checkpoint.
    retired: Vec<(u64, u32)>,
    /// Runs that become free when nobody reads an earlier checkpoint any more.
    held: Vec<(u64, u32)>,
    /// Runs that the checkpoint which is being written says are free.
    leaving: Vec<(u64, u32)>,
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

    /// How many slots are taken.
    #[cfg(test)]
    pub(crate) fn taken(&self) -> u64 {
        self.taken
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
        let class = (count as usize).min(CLASSES) - 1;
        let mut first = self.first_free().max(self.searched[class]);
        let mut at = first;
        let end = self.words.len() as u64 * 64;
        while at < end && at - first < count {
            // The rest of the word: whole runs of taken and of free slots are skipped at once.
            let word = self.words[(at / 64) as usize] >> (at % 64);
            if word & 1 == 1 {
                at += u64::from(word.trailing_ones());
                first = at;
            } else {
                at += u64::from(word.trailing_zeros()).min(64 - at % 64);
            }
        }
        // No run before it is long enough, and so none is for a longer one.
        if count as usize <= CLASSES {
            self.searched[class..].iter_mut().for_each(|at| *at = first.max(*at));
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

    /// Frees what was retired and returns the chunks to store; they must be durable before the next [`take`](Self::take), or what was freed is
    /// [withheld](Self::withhold).
    ///
    /// With `hold`, somebody reads an earlier checkpoint, and nothing is freed yet.
    pub(crate) fn settle(&mut self, hold: bool) -> Vec<(u64, Vec<u8>)> {
        self.waiting = 0;
        self.held.append(&mut self.retired);
        if !hold {
            self.leaving = std::mem::take(&mut self.held);
            for index in 0..self.leaving.len() {
                let (first, count) = self.leaving[index];
                self.mark(first, count, false);
            }
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

    /// Takes back what the last checkpoint frees, until it is written.
    pub(crate) fn withhold(&mut self) {
        self.mark_leaving(true);
    }

    /// That checkpoint is written.
    pub(crate) fn release(&mut self) {
        self.mark_leaving(false);
        self.leaving = Vec::new();
    }

    fn mark_leaving(&mut self, taken: bool) {
        let (leaving, changed) = (std::mem::take(&mut self.leaving), self.changed.clone());
        leaving.iter().for_each(|&(first, count)| self.mark(first, count, taken));
        // What that checkpoint stores says so.
        (self.leaving, self.changed) = (leaving, changed);
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
        if !taken {
            for (class, at) in self.searched.iter_mut().enumerate() {
                // A run that a freed slot completes starts no earlier.
                *at = (*at).min(first.saturating_sub(class as u64));
            }
        }
    }

    /// How many chunks the map has.
    pub(crate) fn chunks(&self) -> u64 {
        self.words.len().div_ceil(CHUNK) as u64
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// The first of `count` neighbouring slots that are free, looking at each.
    fn first_of(taken: &[bool], count: usize) -> u64 {
        let is_free = |slot: usize| !taken.get(slot).copied().unwrap_or(false);
        (0..).find(|&first| (first..first + count).all(is_free)).unwrap() as u64
    }

    proptest! {
        #[test]
        fn the_first_run_that_is_long_enough_is_taken(steps in vec((1_usize..40, any::<prop::sample::Index>(), 0..3), 1..300)) {
            let (mut slots, mut taken, mut runs) = (Slots::default(), vec![false; 0], Vec::new());
            for (count, which, what) in steps {
                if what == 0 && !runs.is_empty() {
                    let (first, count): (u64, usize) = runs.swap_remove(which.index(runs.len()));
                    slots.free(first, count as u32);
                    taken[first as usize..first as usize + count].fill(false);
                } else {
                    let count = if what == 1 { count } else { count % 3 + 1 };
                    let first = slots.take(count as u32).unwrap();
                    prop_assert_eq!(first, first_of(&taken, count));
                    taken.resize(taken.len().max(first as usize + count), false);
                    taken[first as usize..first as usize + count].fill(true);
                    runs.push((first, count));
                }
            }
        }
    }
}
