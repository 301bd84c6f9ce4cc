//! What a process decides that shares a recursion with others, by what it knows.
//!
//! There is neither a clock nor a store here: the dock of a cached function asks, and so does the simulation of more machines than
//! there are (`tests/between_machines`).

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// Until so many calls have ended all are claimed ..
const FIRST: u64 = 8;
/// .. and later one in so many of those that are too cheap, in case they cost more now.
const AGAIN: u64 = 64;

/// Whether to claim the next call: if calls are dearer than asking the server is.
///
/// `ended` is how many have ended here, `own` what one has cost by itself, and `trip` what a claim has; `spared` counts those that were not
/// claimed, and returns how many there were before.
pub fn is_worth_a_claim(ended: u64, own: u64, trip: u64, spared: impl FnOnce() -> u64) -> bool {
    ended < FIRST || own > trip || spared() % AGAIN == AGAIN - 1
}

/// A running mean, with one more.
#[must_use]
pub fn mean(before: u64, one: u64) -> u64 {
    if before == 0 { one } else { before - before / 8 + one / 8 }
}

/// Where a member of a group stands in the order of a process: the first two go towards each other, and others across.
///
/// `member` is the number of the process among those that cooperate.
#[must_use]
pub fn rank(member: u64, key: &[u8], index: usize) -> u64 {
    match member % 4 {
        1 => index as u64,
        2 => u64::MAX - index as u64,
        other => {
            let mut hasher = DefaultHasher::new();
            other.hash(&mut hasher);
            hasher.write(key);
            hasher.finish()
        }
    }
}

/// The order in which a process takes the members of a group: what others compute comes last.
///
/// Of each member it is said which one it is, its key, and whether it is taken.
pub fn order<'a>(member: u64, group: impl Iterator<Item = (usize, &'a [u8], bool)>) -> Vec<usize> {
    let ranked = group.map(|(index, key, is_taken)| (is_taken, rank(member, key, index), index));
    let mut ranked: Vec<_> = ranked.collect();
    ranked.sort_unstable();
    ranked.into_iter().map(|(.., index)| index).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_take_a_group_in_different_orders_and_what_is_taken_last() {
        let keys: Vec<[u8; 1]> = (0..9).map(|n| [n]).collect();
        let of = |member| order(member, keys.iter().enumerate().map(|(index, key)| (index, &key[..], index == 4)));
        assert_eq!(of(1), [0, 1, 2, 3, 5, 6, 7, 8, 4]);
        assert_eq!(of(2), [8, 7, 6, 5, 3, 2, 1, 0, 4]);
        assert!((3..=4).all(|member| of(member).last() == Some(&4) && of(member) != of(member - 1)));
    }
}
