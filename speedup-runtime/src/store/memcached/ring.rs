//! Which server has a key: consistent hashing.
//!
//! D. Karger et al., "Consistent hashing and random trees", STOC 1997: each server stands at many points of a circle, and a key
//! belongs to the next point. A server more or less moves the keys of its own points alone.

use crate::store::codec;

/// Points of each server: shares then differ by some 8 %.
const POINTS: u32 = 160;

#[derive(Debug)]
pub(super) struct Ring {
    /// Points in order, each with the number of its server.
    points: Vec<(u64, usize)>,
}

impl Ring {
    /// The ring of these servers.
    pub(super) fn new(servers: &[String]) -> Self {
        let of = |(number, server): (usize, &String)| {
            let server = server.clone();
            (0..POINTS).map(move |point| (place(format!("{server}-{point}").as_bytes()), number))
        };
        let mut points: Vec<(u64, usize)> = servers.iter().enumerate().flat_map(of).collect();
        points.sort_unstable();
        Self { points }
    }

    /// The number of the server that has a key.
    pub(super) fn server(&self, name: &[u8]) -> usize {
        let place = place(name);
        let next = self.points.partition_point(|(point, _)| *point < place);
        self.points[next % self.points.len()].1
    }
}

/// Where a name stands on the circle.
fn place(name: &[u8]) -> u64 {
    codec::hash(name).iter().take(8).fold(0, |place, byte| place << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("10.0.0.{number}:11211")).collect()
    }

    fn all_of(ring: &Ring) -> Vec<usize> {
        (0..10_000).map(|key: u32| ring.server(&key.to_le_bytes())).collect()
    }

    #[test]
    fn every_server_has_its_share() {
        let places = all_of(&Ring::new(&servers(5)));
        for server in 0..5 {
            let share = places.iter().filter(|place| **place == server).count();
            assert!((1_400..2_600).contains(&share), "{share} of 10,000");
        }
    }

    #[test]
    fn one_server_more_moves_keys_to_it_and_no_others() {
        let (before, after) = (all_of(&Ring::new(&servers(4))), all_of(&Ring::new(&servers(5))));
        let moved: Vec<usize> = before.iter().zip(&after).filter(|(one, two)| one != two).map(|(_, to)| *to).collect();
        assert!((1_400..2_600).contains(&moved.len()) && moved.iter().all(|to| *to == 4));
    }
}
