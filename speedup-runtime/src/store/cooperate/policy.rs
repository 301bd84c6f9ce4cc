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

/// The order in which a process takes the members of a group, or tries calls that it may help with.
///
/// `member` is its number among those that cooperate. The first two go towards each other, and the next two across. Of the others, a quarter follows each of the
/// first, and the rest tosses a coin for each group, which for each of them falls forward another part of the time: so their ways through a
/// recursion fan out.
#[must_use]
pub fn order<'a>(member: u64, keys: impl Iterator<Item = &'a [u8]>) -> Vec<usize> {
    let keys: Vec<&[u8]> = keys.collect();
    let mut order: Vec<usize> = (0..keys.len()).collect();
    match member % 4 {
        1 => {}
        2 => order.reverse(),
        across if member <= 4 => order.sort_by_key(|index| hash(across, [keys[*index]].into_iter())),
        // Numbers that reversed bits spread evenly (J. G. van der Corput, "Verteilungsfunktionen", 1935).
        _ if hash(member, keys.into_iter()) >= (member / 2).reverse_bits() => order.reverse(),
        _ => {}
    }
    order
}

fn hash<'a>(of: u64, keys: impl Iterator<Item = &'a [u8]>) -> u64 {
    let mut hasher = DefaultHasher::new();
    // Any bytes are right. These are chosen: of 17 that were tried, they are ones by which four simulated machines gain on grids, graphs and knapsacks alike.
    // What others come to stands in `docs/benchmarks/cooperation.md`.
    hasher.write(b"0\xff");
    of.hash(&mut hasher);
    keys.for_each(|key| hasher.write(key));
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_take_a_group_in_different_orders() {
        let keys: Vec<[u8; 1]> = (0..9).map(|n| [n]).collect();
        let of = |member| order(member, keys.iter().map(|key| &key[..]));
        assert_eq!(of(1), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(of(2), [8, 7, 6, 5, 4, 3, 2, 1, 0]);
        assert!((3..=4).all(|member| of(member) != of(member - 1)));
        assert_eq!([of(5), of(6)], [of(1), of(2)]);
    }

    #[test]
    fn the_ways_of_many_processes_fan_out() {
        let falls_forward = |member: u64, n: u32| {
            let keys = [[0], [1]].map(|key: [u8; 1]| [&key[..], &n.to_le_bytes()].concat());
            order(member, keys.iter().map(Vec::as_slice)) == [0, 1]
        };
        for (member, sixteenths) in [(7, 12), (8, 2), (11, 10), (12, 6), (15, 14), (16, 1), (19, 9), (20, 5)] {
            let forward = (0..1_600).filter(|n| falls_forward(member, *n)).count();
            assert!(forward.abs_diff(100 * sixteenths) < 80, "member {member}: {forward} of 1,600");
        }
    }
}
