//! The shortest round trip, by Held and Karp: sets of towns are the bits of a number.

use speedup::cache;

use super::show::{Outcome, Shown, check, ratio, show, timed};

const TOWNS: [(&str, f64, f64); 16] = [
    ("Amsterdam", 52.37, 4.90),
    ("Athens", 37.98, 23.73),
    ("Berlin", 52.52, 13.40),
    ("Bern", 46.95, 7.45),
    ("Budapest", 47.50, 19.04),
    ("Copenhagen", 55.68, 12.57),
    ("Helsinki", 60.17, 24.94),
    ("Lisbon", 38.72, -9.14),
    ("London", 51.51, -0.13),
    ("Madrid", 40.42, -3.70),
    ("Oslo", 59.91, 10.75),
    ("Paris", 48.86, 2.35),
    ("Prague", 50.08, 14.44),
    ("Rome", 41.90, 12.50),
    ("Vienna", 48.21, 16.37),
    ("Warsaw", 52.23, 21.01),
];

/// Metres along the great circle.
fn metres(a: (&str, f64, f64), b: (&str, f64, f64)) -> u64 {
    let (north, south) = (a.1.to_radians(), b.1.to_radians());
    let half = ((north - south) / 2.0).sin().powi(2)
        + north.cos() * south.cos() * ((a.2 - b.2).to_radians() / 2.0).sin().powi(2);
    (2.0 * 6_371_000.0 * half.sqrt().asin()) as u64
}

/// The shortest way from a town through all towns whose bits are set and home to town 0.
#[cache]
fn way(distances: &[Vec<u64>], at: usize, left: u32) -> u64 {
    if left == 0 {
        return distances[at][0];
    }
    let towns = (0..distances.len()).filter(|town| left >> town & 1 == 1);
    towns.map(|town| distances[at][town] + way(distances, town, left & !(1 << town))).min().unwrap_or(0)
}

/// The loop over sets, from the empty one.
fn by_hand(distances: &[Vec<u64>]) -> u64 {
    let count = distances.len();
    let mut ways = vec![vec![0; 1 << count]; count];
    for left in 0..1_usize << count {
        for at in 0..count {
            let towns = (0..count).filter(|town| left >> town & 1 == 1);
            let next = towns.map(|town| distances[at][town] + ways[town][left & !(1 << town)]).min();
            ways[at][left] = next.unwrap_or(distances[at][0]);
        }
    }
    ways[0][(1 << count) - 2]
}

pub(crate) fn run(quick: bool) -> Outcome<Shown> {
    let towns = &TOWNS[..if quick { 8 } else { 16 }];
    let distances: Vec<Vec<u64>> = towns.iter().map(|a| towns.iter().map(|b| metres(*a, *b)).collect()).collect();
    let all = (1 << towns.len()) - 2;
    let (length, cached) = timed(|| way(&distances, 0, all));
    let (wanted, table) = timed(|| by_hand(&distances));
    check(length == wanted, "the loop finds a trip as short")?;
    Ok(Shown::new(
        format!("{} capitals in {} km", towns.len(), length / 1_000),
        format!(
            "{}, {:.1} times the loop by hand, which knows the order of the sets",
            show(cached),
            ratio(cached, table)
        ),
    ))
}
