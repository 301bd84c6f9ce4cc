//! What is to hold in every profile: the price of a hit, of a grid, of a chain and of a miss.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use cached::macros::cached;
use speedup::{Cache, cache};
use speedup_benches::{Limit, Scramble, Spin, black_box};

use crate::Row;
use crate::cache::{GRID, grid, grid_by_vec};

const KEYS: u64 = 4_096;
const SIDE: u32 = 900;
/// Columns of the hand-written table: a power of two, so that an index is a shift.
const COLUMNS: u32 = 1_024;
const LINKS: u64 = 100_000;
const MISSES: usize = 1_000_000;

/// The rows; of each the first contender is ours.
pub const ROWS: &[Row] = &[
    Row {
        work: "hit, fn(u64) -> u64",
        limit: Limit::AtMost(3.0),
        contenders: &[("speedup", || hits(mixed)), ("Vec by hand", vec_hits), ("cached", || hits(mixed_cached))],
    },
    Row {
        work: "grid 900 x 900",
        limit: Limit::AtMost(1.6),
        contenders: &[
            ("speedup", || {
                best(5, || {
                    GRID.clear();
                    timed(|| grid(SIDE - 1, SIDE - 1))
                })
            }),
            ("Vec by hand", || {
                let mut table = vec![None; (SIDE * COLUMNS) as usize];
                best(5, || {
                    table.fill(None);
                    timed(|| grid_by_vec(&mut table, COLUMNS, SIDE - 1, SIDE - 1))
                })
            }),
        ],
    },
    Row {
        work: "chain of 100,000 calls of 100 ns",
        limit: Limit::AtMost(1.15),
        contenders: &[
            ("speedup", || {
                link();
                best(5, || {
                    CHAIN.clear();
                    timed(|| chain(LINKS))
                })
            }),
            ("Vec by hand", || {
                link();
                on_a_large_stack(|| best(5, || timed(|| chain_by_vec(&mut vec![None; LINKS as usize + 1], LINKS))))
            }),
            ("HashMap by hand", || {
                link();
                on_a_large_stack(|| best(5, || timed(|| chain_by_map(&mut HashMap::new(), LINKS))))
            }),
        ],
    },
    Row {
        work: "1,000,000 misses, random u64",
        limit: Limit::AtMost(0.8),
        contenders: &[
            ("speedup", || {
                let cache = Cache::from_fn(|n: u64| n ^ 1);
                misses(|n| cache.get((n,)))
            }),
            ("cached", || misses(flipped_cached)),
            ("HashMap by hand", || {
                let mut table = HashMap::new();
                let keys: Vec<u64> = Scramble(4).take(MISSES).collect();
                timed(|| keys.iter().fold(0, |sum, n| sum ^ *table.entry(*n).or_insert_with(|| n ^ 1)))
            }),
        ],
    },
];

/// How a time of this row is shown.
pub fn shown(work: &str, nanoseconds: f64) -> String {
    if work.starts_with("hit") { format!("{:.2} ns", hit(nanoseconds)) } else { format!("{:.2} ms", nanoseconds / 1e6) }
}

/// The figure that counts, and what it is.
pub fn figure(row: &Row, medians: &[f64]) -> (String, f64) {
    if row.work.starts_with("hit") {
        return ("ns".to_owned(), hit(medians[0]));
    }
    (format!("time over {}", row.contenders[1].0), medians[0] / medians[1])
}

fn hit(nanoseconds: f64) -> f64 {
    nanoseconds / (PASSES * KEYS * 2) as f64
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    black_box(work());
    start.elapsed()
}

fn best(times: usize, mut work: impl FnMut() -> Duration) -> Duration {
    (0..times).map(|_| work()).min().unwrap_or_default()
}

const PASSES: u64 = 100;

#[cache]
fn mixed(n: u64) -> u64 {
    n ^ 0x2545_f491_4f6c_dd1d
}

#[cached]
fn mixed_cached(n: u64) -> u64 {
    n ^ 0x2545_f491_4f6c_dd1d
}

fn keys() -> Vec<u64> {
    Scramble(1).take(KEYS as usize * 2).map(|n| n % KEYS).collect()
}

fn hits(function: impl Fn(u64) -> u64) -> Duration {
    let keys = keys();
    let pass = || {
        for key in &keys {
            black_box(function(black_box(*key)));
        }
    };
    pass();
    best(5, || timed(|| (0..PASSES).for_each(|_| pass())))
}

fn vec_hits() -> Duration {
    let table: Vec<u64> = (0..KEYS).map(|n| n ^ 1).collect();
    hits(|n| black_box(&table)[n as usize])
}

/// The work of a call, which is 100 ns of computing whoever makes it: how many steps that is has been found out before, since that takes
/// as many instructions as a level of the recursion.
fn link() -> Spin {
    static LINK: OnceLock<Spin> = OnceLock::new();
    *LINK.get_or_init(|| Spin::of(Duration::from_nanos(100)))
}

#[cache]
fn chain(n: u64) -> u64 {
    let done = link().run(n);
    if n == 0 { done } else { done ^ chain(n - 1) }
}

fn chain_by_vec(table: &mut [Option<u64>], n: u64) -> u64 {
    if let Some(value) = table[n as usize] {
        return value;
    }
    let done = link().run(n);
    let value = if n == 0 { done } else { done ^ chain_by_vec(table, n - 1) };
    table[n as usize] = Some(value);
    value
}

fn chain_by_map(table: &mut HashMap<u64, u64>, n: u64) -> u64 {
    if let Some(value) = table.get(&n) {
        return *value;
    }
    let done = link().run(n);
    let value = if n == 0 { done } else { done ^ chain_by_map(table, n - 1) };
    table.insert(n, value);
    value
}

/// What a program that recurses so deep by hand has to do.
fn on_a_large_stack(work: impl FnOnce() -> Duration + Send + 'static) -> Duration {
    let thread = std::thread::Builder::new().stack_size(256 << 20).spawn(work).expect("a thread starts");
    thread.join().expect("the chain ends")
}

#[cached]
fn flipped_cached(n: u64) -> u64 {
    n ^ 1
}

fn misses(mut function: impl FnMut(u64) -> u64) -> Duration {
    let keys: Vec<u64> = Scramble(4).take(MISSES).collect();
    timed(|| keys.iter().fold(0, |sum, n| sum ^ function(*n)))
}
