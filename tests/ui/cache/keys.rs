//! Types that are no keys or results, each named at the type, with what to write instead.

use std::collections::{HashMap, HashSet};

use speedup::cache;

#[derive(Clone, PartialEq)]
struct Point {
    x: f64,
}

type Meters = f64;

struct Failure;

#[cache]
fn set(n: u64, set: HashSet<u64>) -> u64 {
    n + set.len() as u64
}

#[cache]
fn map(map: &HashMap<u64, u64>) -> usize {
    map.len()
}

#[cache]
fn floats(point: Point) -> f64 {
    point.x
}

#[cache]
fn alias(meters: Meters) -> u64 {
    meters as u64
}

#[cache]
fn beside(pair: (f64, Point)) -> f64 {
    pair.0 + pair.1.x
}

#[cache]
fn failing(n: u64) -> Result<u64, Failure> {
    Ok(n)
}

fn main() {}
