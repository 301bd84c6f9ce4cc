//! The order of the write buffer, kept up only as far as somebody reads in order.
//!
//! Sorted runs of references to records, each at least a few times as long as the next: what has come since the last look is sorted and
//! joins them. So a look costs little, however much the buffer holds, and inserting costs nothing.

use std::cmp::Ordering;

use super::record::{Known, front, record, record_end};

/// Up to how many records are put into the last run one by one, and how long that run may be.
const FEW: usize = 32;
const SHORT: usize = 4096;
/// How many times as long as the next a run is at least.
const RATIO: usize = 4;

/// The first eight bytes of a key, and where its record is.
pub(super) type Entry = (u64, u32);

/// Sorted runs; a key may be in several, and then its latest record counts.
#[derive(Debug, Default)]
pub(crate) struct Order {
    runs: Vec<Vec<Entry>>,
    /// How much of the arena they know.
    upto: usize,
}

fn key(arena: &[u8], entry: Entry) -> &[u8] {
    record(arena, entry.1).0
}

pub(super) fn compare(arena: &[u8], a: Entry, b: Entry) -> Ordering {
    a.0.cmp(&b.0).then_with(|| key(arena, a).cmp(key(arena, b)))
}

impl Order {
    pub(super) fn clear(&mut self) {
        *self = Order::default();
    }

    /// Takes in what has come since.
    pub(super) fn keep_up(&mut self, arena: &[u8]) {
        let mut fresh: Vec<Entry> = Vec::new();
        while self.upto < arena.len() {
            fresh.push((front(record(arena, self.upto as u32).0), self.upto as u32));
            self.upto = record_end(arena, self.upto);
        }
        if fresh.len() <= FEW
            && let Some(run) = self.runs.last_mut().filter(|run| run.len() < SHORT)
        {
            for entry in fresh {
                match run.binary_search_by(|&other| compare(arena, other, entry)) {
                    Ok(at) => run[at] = entry,
                    Err(at) => run.insert(at, entry),
                }
            }
            return;
        }
        fresh.sort_unstable_by(|&a, &b| compare(arena, a, b).then(b.1.cmp(&a.1)));
        fresh.dedup_by(|later, first| compare(arena, *later, *first).is_eq());
        while let Some(run) = self.runs.pop_if(|run| run.len() < RATIO * fresh.len()) {
            fresh = merged(arena, &run, &fresh);
        }
        self.runs.push(fresh);
    }
}

/// Two runs as one; `new` goes before `old`.
fn merged(arena: &[u8], old: &[Entry], new: &[Entry]) -> Vec<Entry> {
    let mut out = Vec::with_capacity(old.len() + new.len());
    let (mut old, mut new) = (old.iter().copied().peekable(), new.iter().copied().peekable());
    while let (Some(&a), Some(&b)) = (old.peek(), new.peek()) {
        let order = compare(arena, a, b);
        if order.is_lt() {
            out.extend(old.next());
        } else {
            out.extend(new.next());
        }
        if order.is_eq() {
            old.next();
        }
    }
    out.extend(old);
    out.extend(new);
    out
}

/// What the buffer knows about the keys between two bounds, from either end.
#[derive(Debug)]
pub(crate) struct Scan<'a> {
    arena: &'a [u8],
    runs: Vec<&'a [Entry]>,
}

impl Order {
    /// What is known about the keys from `low` on and below `high`.
    pub(super) fn scan<'a>(&'a self, arena: &'a [u8], low: &[u8], high: Option<&[u8]>) -> Scan<'a> {
        let place = |run: &[Entry], bound: &[u8]| {
            let first = front(bound);
            run.partition_point(|&entry| entry.0.cmp(&first).then_with(|| key(arena, entry).cmp(bound)).is_lt())
        };
        let clip = |run: &'_ Vec<Entry>| {
            let from = if low.is_empty() { 0 } else { place(run, low) };
            from..high.map_or(run.len(), |high| place(run, high)).max(from)
        };
        let runs = self.runs.iter().map(|run| &run[clip(run)]).filter(|run| !run.is_empty()).collect();
        Scan { arena, runs }
    }
}

impl<'a> Scan<'a> {
    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The next key from an end, and what is known about it.
    pub(crate) fn next(&mut self, at_front: bool) -> Option<(&'a [u8], Known<'a>)> {
        let end = |run: &[Entry]| if at_front { run.first().copied() } else { run.last().copied() };
        let mut best: Option<Entry> = None;
        for entry in self.runs.iter().filter_map(|run| end(run)) {
            let better = best.is_none_or(|best| {
                let order = compare(self.arena, entry, best);
                let order = if at_front { order } else { order.reverse() };
                order.then(best.1.cmp(&entry.1)).is_lt()
            });
            if better {
                best = Some(entry);
            }
        }
        let best = best?;
        for run in &mut self.runs {
            if end(run).is_some_and(|entry| compare(self.arena, entry, best).is_eq()) {
                *run = if at_front { &run[1..] } else { &run[..run.len() - 1] };
            }
        }
        Some(record(self.arena, best.1))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::disk::leaf::Val;
    use crate::disk::write_buffer::WriteBuffer;

    fn state(known: Known<'_>) -> Option<u64> {
        match known {
            Known::Put(val) => Some(u64::from_le_bytes(val.bytes.try_into().unwrap())),
            Known::Removed | Known::Append(_) => None,
        }
    }

    #[test]
    fn a_scan_sees_the_latest_state_of_each_key_in_order() {
        let mut buffer = WriteBuffer::new(1 << 20);
        let mut model = BTreeMap::new();
        for n in 0..20_000_u64 {
            let key = (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 3000).to_string().into_bytes();
            let val = n.to_le_bytes();
            let removed = n % 5 == 0;
            buffer.set(&key, (!removed).then_some(Val { bytes: &val, outside: false }));
            model.insert(key, (!removed).then_some(n));
            if n % 37 == 0 || n > 19_990 {
                let (low, high) = (b"13".as_slice(), Some(b"2".as_slice()));
                let wanted = || model.range(b"13".to_vec()..b"2".to_vec());
                let order = buffer.order();
                let mut scan = buffer.scan(&order, low, high);
                for (key, value) in wanted() {
                    let (found, known) = scan.next(true).unwrap();
                    assert_eq!((found, state(known)), (key.as_slice(), *value));
                }
                assert!(scan.next(true).is_none());
                let mut scan = buffer.scan(&order, low, high);
                for (key, value) in wanted().rev() {
                    let (found, known) = scan.next(false).unwrap();
                    assert_eq!((found, state(known)), (key.as_slice(), *value));
                }
                assert!(scan.next(false).is_none());
            }
        }
        assert!(buffer.order().runs.len() < 8);
    }
}
