//! The write buffer of a dict: scattered changes, gathered until many of them fall on each page.

mod order;
mod record;
mod runs;

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use self::order::Order;
pub(crate) use self::order::Scan;
pub(crate) use self::record::Known;
use self::record::{APPEND, PUT, PUT_OUTSIDE, REMOVE, front, number_len, put_number, record, record_end};
pub(crate) use self::runs::Ordered;
use self::runs::Runs;
use super::leaf::{Val, common};
use super::tree::KeyEdit;
use crate::sync::global::{Mutex, MutexGuard, lock};

/// What pieces are added to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Base<'a> {
    Put(Val<'a>),
    Removed,
    /// What the tree holds, if anything.
    Tree,
}

/// All that waits to be added to a value: the last piece first, and how many parts they are.
#[derive(Debug)]
pub(crate) struct Pieces<'a> {
    pub(crate) base: Base<'a>,
    pub(crate) parts: Vec<&'a [u8]>,
    pub(crate) count: u64,
}

/// In how many parts the index is: each grows by itself, so that no change waits for all of it to grow.
const PARTS: usize = 64;

/// Changes that are not in the tree yet, the latest of each key.
///
/// `arena` holds records one after the other, never changed once written: the length of the key, the length of the value with what the
/// record is, key, value. `index` names the latest record of each key.
#[derive(Debug)]
pub(crate) struct WriteBuffer {
    arena: Vec<u8>,
    index: Box<[HashTable<u32>]>,
    /// How many keys the index has.
    keys: usize,
    hasher: RandomState,
    /// Read in order, as far as that was asked for.
    order: Mutex<Order>,
    /// The order in which it is merged; not kept up where pieces wait to be added to values.
    runs: Runs,
    /// How many pieces wait to be added to values.
    appends: usize,
    /// How many values lie in pages of their own; more where pieces wait to be added to them.
    outside: usize,
    limit: usize,
}

/// The part of the index for a hash; the tables themselves look at the bits at both ends of it.
#[inline]
fn part(hash: u64) -> usize {
    (hash >> 40) as usize % PARTS
}

impl WriteBuffer {
    pub(crate) fn new(limit: usize) -> Self {
        WriteBuffer {
            arena: Vec::new(),
            index: (0..PARTS).map(|_| HashTable::new()).collect(),
            keys: 0,
            hasher: RandomState::default(),
            order: Mutex::default(),
            runs: Runs::default(),
            appends: 0,
            outside: 0,
            limit,
        }
    }

    /// An empty one that may hold as much.
    pub(crate) fn empty(&self) -> Self {
        Self::new(self.limit)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.keys == 0
    }

    /// How many keys it knows of.
    pub(crate) fn len(&self) -> usize {
        self.keys
    }

    pub(crate) fn is_full(&self) -> bool {
        self.arena.len() >= self.limit
    }

    /// Bytes of the changes, without what large values have in pages of their own.
    pub(crate) fn size(&self) -> u64 {
        self.arena.len() as u64
    }

    #[inline]
    pub(crate) fn get(&self, key: &[u8]) -> Option<Known<'_>> {
        if self.is_empty() {
            return None;
        }
        Some(record(&self.arena, self.place(key)?).1)
    }

    /// Notes that something was added to the value of a key, which now has `size` bytes at most.
    pub(crate) fn append(&mut self, key: &[u8], count: u64, bytes: &[u8], size: usize) {
        let before = self.name_next(key);
        let front = [before.map_or(0, |at| at as usize + 1), size, count as usize];
        let len = front.into_iter().map(number_len).sum::<usize>() + bytes.len();
        self.begin_record(key, len, APPEND);
        front.into_iter().for_each(|number| put_number(&mut self.arena, number));
        self.arena.extend_from_slice(bytes);
        self.appends += 1;
    }

    /// Whether pieces wait to be added to values.
    pub(crate) fn has_appends(&self) -> bool {
        self.appends > 0
    }

    /// What waits to be added to the value of a key; `None` if nothing does.
    pub(crate) fn pieces(&self, key: &[u8]) -> Option<Pieces<'_>> {
        if self.is_empty() { None } else { self.pieces_at(self.place(key)?) }
    }

    /// The same for the key whose latest record is at `at`.
    pub(crate) fn pieces_at(&self, at: u32) -> Option<Pieces<'_>> {
        let Known::Append(mut piece) = record(&self.arena, at).1 else { return None };
        let mut pieces = Pieces { base: Base::Tree, parts: Vec::new(), count: 0 };
        loop {
            pieces.parts.push(piece.bytes);
            pieces.count += piece.count;
            let Some(before) = piece.before else { return Some(pieces) };
            match record(&self.arena, before).1 {
                Known::Append(earlier) => {
                    piece = earlier;
                    continue;
                }
                Known::Put(val) => pieces.base = Base::Put(val),
                Known::Removed => pieces.base = Base::Removed,
            }
            return Some(pieces);
        }
    }

    /// The value that is stored for a key in the buffer, whatever waits to be added to it.
    pub(crate) fn stored(&self, key: &[u8]) -> Option<Val<'_>> {
        match self.get(key)? {
            Known::Put(val) => Some(val),
            Known::Removed => None,
            Known::Append(_) => match self.pieces(key)?.base {
                Base::Put(val) => Some(val),
                Base::Removed | Base::Tree => None,
            },
        }
    }

    /// Notes the latest state of a key; `None` if it was removed.
    pub(crate) fn set(&mut self, key: &[u8], val: Option<Val<'_>>) {
        let (bytes, what) = match val {
            Some(val) => (val.bytes, if val.outside { PUT_OUTSIDE } else { PUT }),
            None => (&[][..], REMOVE),
        };
        self.add(key, bytes, what);
    }

    /// Adds a record and lets the index name it.
    #[inline]
    fn add(&mut self, key: &[u8], bytes: &[u8], what: usize) {
        if let Some(old) = self.name_next(key) {
            let was_outside = matches!(record(&self.arena, old).1, Known::Put(val) if val.outside);
            self.outside -= usize::from(was_outside);
        }
        self.begin_record(key, bytes.len(), what);
        self.arena.extend_from_slice(bytes);
        self.outside += usize::from(what == PUT_OUTSIDE);
        if self.appends == 0 {
            self.runs.add(&self.arena);
        }
    }

    /// Lets the index name the record that comes next as the latest of its key; returns the one it named before.
    #[inline]
    fn name_next(&mut self, key: &[u8]) -> Option<u32> {
        let next = self.arena.len() as u32;
        let (arena, hasher) = (&self.arena, &self.hasher);
        let same = |&other: &u32| record(arena, other).0 == key;
        let rehash = |&other: &u32| hasher.hash_one(record(arena, other).0);
        let hash = hasher.hash_one(key);
        match self.index[part(hash)].entry(hash, same, rehash) {
            hashbrown::hash_table::Entry::Occupied(mut slot) => Some(std::mem::replace(slot.get_mut(), next)),
            hashbrown::hash_table::Entry::Vacant(slot) => {
                slot.insert(next);
                self.keys += 1;
                None
            }
        }
    }

    /// Writes a record up to its `len` bytes of value.
    #[inline]
    fn begin_record(&mut self, key: &[u8], len: usize, what: usize) {
        put_number(&mut self.arena, key.len());
        put_number(&mut self.arena, len << 2 | what);
        self.arena.extend_from_slice(key);
    }

    /// All records so far in the order of their keys, the latest of each among them; only what comes from here on is in the next such order.
    pub(crate) fn ordered(&mut self) -> Ordered {
        self.runs.ordered(&self.arena)
    }

    /// The next record of an order.
    pub(crate) fn next(&self, ordered: &mut Ordered) -> Option<u32> {
        ordered.next(&self.arena)
    }

    /// Where the latest records are, in order of their keys.
    pub(crate) fn sorted(&self) -> Vec<u32> {
        let key = |at| record(&self.arena, at).0;
        // What all keys begin with tells none of them from another.
        let first = self.places().next().map_or(&[][..], key);
        let shared = self.places().fold(first.len(), |shared, at| common(&first[..shared], key(at)));
        let mut order: Vec<(u64, u32)> = self.places().map(|at| (front(&key(at)[shared..]), at)).collect();
        order.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| key(a.1).cmp(key(b.1))));
        order.into_iter().map(|(_, at)| at).collect()
    }

    /// The order of all its keys, which who reads in order keeps up. Several take turns.
    pub(crate) fn order(&self) -> MutexGuard<'_, Order> {
        let mut order = lock(&self.order);
        order.keep_up(&self.arena);
        order
    }

    /// What it knows about the keys from `low` on and below `high`.
    pub(crate) fn scan<'a>(&'a self, order: &'a Order, low: &[u8], high: Option<&[u8]>) -> Scan<'a> {
        order.scan(&self.arena, low, high)
    }

    /// The change a record stands for.
    pub(crate) fn edit(&self, at: u32) -> KeyEdit<'_> {
        let (key, known) = record(&self.arena, at);
        let val = match known {
            Known::Put(val) => Some(val),
            Known::Removed | Known::Append(_) => None,
        };
        KeyEdit { key, val }
    }

    /// Calls `each` with the keys of up to `count` records from the one at `from` on; returns where the next one is, if there is one.
    pub(crate) fn each_key(&self, from: u32, count: usize, mut each: impl FnMut(&[u8])) -> Option<u32> {
        let mut at = from as usize;
        for _ in 0..count {
            if at >= self.arena.len() {
                return None;
            }
            each(record(&self.arena, at as u32).0);
            at = record_end(&self.arena, at);
        }
        Some(at as u32)
    }

    /// Every key in the buffer, in no order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.places().map(|at| record(&self.arena, at).0)
    }

    /// Where the next record will be.
    pub(crate) fn mark(&self) -> u32 {
        self.arena.len() as u32
    }

    /// Whether the record at `at` is the latest of its key.
    pub(crate) fn is_latest(&self, at: u32) -> bool {
        self.place(record(&self.arena, at).0) == Some(at)
    }

    /// Whether the latest record of a key lies before `mark`.
    pub(crate) fn is_before(&self, key: &[u8], mark: u32) -> bool {
        self.place(key).is_some_and(|at| at < mark)
    }

    /// Where the latest record of a key is.
    #[inline]
    fn place(&self, key: &[u8]) -> Option<u32> {
        let hash = self.hasher.hash_one(key);
        self.index[part(hash)].find(hash, |&at| record(&self.arena, at).0 == key).copied()
    }

    /// Where the latest records are, in no order.
    fn places(&self) -> impl Iterator<Item = u32> {
        self.index.iter().flatten().copied()
    }

    /// The latest record of each key, in no order.
    pub(crate) fn edits(&self) -> impl Iterator<Item = KeyEdit<'_>> {
        self.places().map(|at| self.edit(at))
    }

    /// Whether a value may lie in pages of its own.
    pub(crate) fn has_outside(&self) -> bool {
        self.outside > 0
    }

    /// The keys whose values lie in pages of their own.
    pub(crate) fn outside(&self) -> impl Iterator<Item = &[u8]> {
        self.keys().filter(|key| self.stored(key).is_some_and(|val| val.outside))
    }

    pub(crate) fn clear(&mut self) {
        self.arena.clear();
        // Something huge that was added must not stay in memory.
        self.arena.shrink_to(2 * self.limit);
        self.index.iter_mut().for_each(HashTable::clear);
        self.keys = 0;
        (self.appends, self.outside) = (0, 0);
        self.runs.clear();
        self.order.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner()).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_sorted_whatever_its_keys_begin_with() {
        let words = |front: &str| -> Vec<String> { (0..300).map(|n| format!("{front}{}", n * 7919 % 1009)).collect() };
        let whole = |front: &str| [words(front), vec![front.to_owned()]].concat();
        let cases = [
            words(""),
            words("word"),
            whole("word"),
            whole("a word that is long"),
            vec!["one".into()],
            vec!["".into()],
        ];
        for mut keys in cases {
            let mut buffer = WriteBuffer::new(1 << 20);
            for (n, key) in keys.iter().enumerate() {
                buffer.append(key.as_bytes(), 1, &[n as u8], 9);
                buffer.append(key.as_bytes(), 1, &[7], 9);
            }
            keys.sort();
            let sorted = buffer.sorted();
            assert!(sorted.iter().map(|&at| buffer.edit(at).key).eq(keys.iter().map(String::as_bytes)));
            assert!(sorted.iter().all(|&at| buffer.pieces_at(at).is_some_and(|pieces| pieces.count == 2)));
        }
        assert!(WriteBuffer::new(1 << 20).sorted().is_empty());
    }
}
