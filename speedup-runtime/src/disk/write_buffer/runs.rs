//! The order in which the write buffer is merged: made while it fills, a run at a time, so that nobody waits for all of it to be sorted.

use std::vec::IntoIter;

use super::order::{Entry, compare};
use super::record::{front, record, record_end};

/// How many records are sorted at a time.
const RUN: usize = 8192;

/// Sorted runs of all records, and those that are not in a run yet.
#[derive(Debug, Default)]
pub(super) struct Runs {
    runs: Vec<Vec<Entry>>,
    /// How much of the arena they know.
    upto: usize,
    /// How many records came since.
    fresh: usize,
}

impl Runs {
    pub(super) fn clear(&mut self) {
        *self = Runs::default();
    }

    /// Takes notice of a record at the end of the arena.
    #[inline]
    pub(super) fn add(&mut self, arena: &[u8]) {
        self.fresh += 1;
        if self.fresh == RUN {
            self.sort(arena);
        }
    }

    fn sort(&mut self, arena: &[u8]) {
        let mut run = Vec::with_capacity(self.fresh);
        while self.upto < arena.len() {
            run.push((front(record(arena, self.upto as u32).0), self.upto as u32));
            self.upto = record_end(arena, self.upto);
        }
        run.sort_unstable_by(|&a, &b| compare(arena, a, b));
        self.runs.push(run);
        self.fresh = 0;
    }

    /// All records so far, in order.
    pub(super) fn ordered(&mut self, arena: &[u8]) -> Ordered {
        self.sort(arena);
        let runs = std::mem::take(&mut self.runs);
        let left = runs.iter().map(Vec::len).sum();
        let mut ordered = Ordered { heads: Vec::with_capacity(runs.len()), left };
        for run in runs {
            let mut rest = run.into_iter();
            if let Some(first) = rest.next() {
                ordered.heads.push((first, rest));
            }
        }
        for at in (0..ordered.heads.len() / 2).rev() {
            ordered.sink(arena, at);
        }
        ordered
    }
}

/// Records in the order of their keys, those of one key in any order, whichever is the latest.
#[derive(Debug)]
pub(crate) struct Ordered {
    /// The next record of each run, and the rest of it; a heap, the least first.
    heads: Vec<(Entry, IntoIter<Entry>)>,
    left: usize,
}

impl Ordered {
    /// How many are left.
    pub(crate) fn len(&self) -> usize {
        self.left
    }

    /// The next record.
    pub(super) fn next(&mut self, arena: &[u8]) -> Option<u32> {
        let (head, rest) = self.heads.first_mut()?;
        let at = head.1;
        self.left -= 1;
        match rest.next() {
            Some(next) => *head = next,
            None => drop(self.heads.swap_remove(0)),
        }
        self.sink(arena, 0);
        Some(at)
    }

    /// Lets a head sink to where none below it is less.
    fn sink(&mut self, arena: &[u8], mut at: usize) {
        let heads = &mut self.heads;
        let is_less =
            |heads: &[(Entry, IntoIter<Entry>)], a: usize, b: usize| compare(arena, heads[a].0, heads[b].0).is_lt();
        loop {
            let mut least = 2 * at + 1;
            if least >= heads.len() {
                return;
            }
            if least + 1 < heads.len() && is_less(heads, least + 1, least) {
                least += 1;
            }
            if !is_less(heads, least, at) {
                return;
            }
            heads.swap(at, least);
            at = least;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::WriteBuffer;
    use crate::disk::leaf::Val;

    #[test]
    fn records_come_in_the_order_of_their_keys_and_later_ones_are_left() {
        for count in [0, 1, 7, 8191, 8192, 8193, 60_000_u64] {
            let mut buffer = WriteBuffer::new(1 << 20);
            let key = |n: u64| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 50_000).to_string().into_bytes();
            let val = Val { bytes: b"v", outside: false };
            (0..count).for_each(|n| buffer.set(&key(n), Some(val)));
            let (mark, mut ordered) = (buffer.mark(), buffer.ordered());
            assert_eq!(ordered.len(), count as usize);
            (0..100).for_each(|n| buffer.set(&key(n), None));
            let found: Vec<u32> = std::iter::from_fn(|| buffer.next(&mut ordered)).collect();
            assert!(found.iter().all(|&at| at < mark));
            let mut wanted: Vec<Vec<u8>> = (0..count).map(key).collect();
            wanted.sort_unstable();
            assert!(found.iter().map(|&at| buffer.edit(at).key).eq(wanted.iter().map(Vec::as_slice)), "{count}");
            // Only what came since is in the order from here on.
            let again = buffer.ordered();
            assert_eq!(again.len(), 100);
        }
    }
}
