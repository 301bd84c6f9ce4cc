//! Which record of a log is the last one of a key, and how much of the log nobody needs any more.

use std::collections::{BTreeMap, HashMap};

use super::record::Kind;

/// Where the record of a key lies, by the key's number.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) at: u64,
    pub(super) len: u32,
}

/// The number of a key in the index. Two keys of one number: the later one counts, and each is verified when it is read.
pub(super) fn number(key: &[u8]) -> u64 {
    use std::hash::{BuildHasher, Hasher};
    let mut hasher = foldhash::fast::FixedState::default().build_hasher();
    hasher.write(key);
    hasher.finish()
}

pub(super) type Index = HashMap<u64, Place, foldhash::fast::FixedState>;

/// What a record does to the index.
pub(super) fn note(index: &mut Index, kind: Kind, number: u64, place: Place, garbage: &mut u64) {
    let old = match kind {
        Kind::Put => index.insert(number, place),
        Kind::Remove => {
            *garbage += u64::from(place.len);
            index.remove(&number)
        }
        Kind::Clear => {
            index.clear();
            None
        }
    };
    *garbage += old.map_or(0, |old| u64::from(old.len));
}

/// Bytes of records, by when their time is over.
#[derive(Default)]
pub(super) struct Expiring(BTreeMap<u64, u64>);

impl Expiring {
    /// They are counted by the quarter of a minute.
    const STEP: u32 = 14;

    pub(super) fn add(&mut self, end: u64, len: usize) {
        if end != 0 {
            *self.0.entry(end >> Self::STEP).or_default() += len as u64;
        }
    }

    /// Takes those whose time is over now: how many bytes they are.
    pub(super) fn over(&mut self, now: impl FnOnce() -> u64) -> u64 {
        if self.0.is_empty() {
            return 0;
        }
        let left = self.0.split_off(&(now() >> Self::STEP));
        std::mem::replace(&mut self.0, left).into_values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_whose_time_is_over_are_taken_once() {
        let mut expiring = Expiring::default();
        for (end, len) in [(0, 1), (100_000, 10), (200_000, 100), (u64::MAX, 1_000)] {
            expiring.add(end, len);
        }
        assert_eq!([50_000, 150_000, 150_000, 1 << 40].map(|now| expiring.over(|| now)), [0, 10, 0, 100]);
    }
}
