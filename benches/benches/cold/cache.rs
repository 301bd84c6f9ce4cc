//! First calls of cached functions.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use cached::macros::cached;
use memoize::memoize;
use speedup::cache;
use speedup_benches::{Limit, Spin, black_box};

use crate::{Body, Row};

/// The rows; of each the first contender is ours.
pub const ROWS: &[Row] = &[
    Row {
        work: "fib(90)",
        limit: Limit::AtMost(1.5),
        contenders: &[
            ("speedup", || timed(|| fib(90))),
            ("HashMap by hand", || timed(|| fib_by_hand(&mut HashMap::new(), 90))),
            ("cached", || timed(|| fib_cached(90))),
            ("memoize", || timed(|| fib_memoized(90))),
        ],
    },
    Row { work: "grid 10 x 10", limit: Limit::AtMost(1.5), contenders: &grids::<10>() },
    Row { work: "grid 30 x 30", limit: Limit::AtMost(1.2), contenders: &grids::<30>() },
    Row { work: "grid 100 x 100", limit: Limit::AtMost(0.8), contenders: &grids::<100>() },
    Row { work: "grid 300 x 300", limit: Limit::AtMost(0.4), contenders: &grids::<300>() },
    Row { work: "Collatz lengths to 1,000", limit: Limit::AtMost(1.3), contenders: &collatz::<1_000>() },
    Row { work: "Collatz lengths to 100,000", limit: Limit::AtMost(1.1), contenders: &collatz::<100_000>() },
    Row { work: "lcs of 20 letters", limit: Limit::AtMost(1.5), contenders: &texts::<20>() },
    Row { work: "lcs of 200 letters", limit: Limit::AtMost(1.1), contenders: &texts::<200>() },
    Row {
        work: "1,000 calls of square",
        limit: Limit::AtMost(1.5),
        contenders: &[
            ("speedup", || timed(|| (0..1_000).map(|n| square(black_box(n))).sum::<u64>())),
            ("HashMap by hand", || {
                timed(|| {
                    let mut table = HashMap::new();
                    (0..1_000).map(|n| *table.entry(black_box(n)).or_insert_with(|| n * n)).sum::<u64>()
                })
            }),
            ("cached", || timed(|| (0..1_000).map(|n| square_cached(black_box(n))).sum::<u64>())),
            ("memoize", || timed(|| (0..1_000).map(|n| square_memoized(black_box(n))).sum::<u64>())),
        ],
    },
    Row {
        work: "10 calls of 1 ms, get_all",
        limit: Limit::AtLeast(1.7),
        contenders: &[("speedup", dear_all), ("loop by hand", dear_loop)],
    },
    Row {
        work: "10 calls of 1 ms, one after 1 ms",
        limit: Limit::AtLeast(1.7),
        contenders: &[("speedup", dear_group), ("loop by hand", dear_loop_after)],
    },
    Row {
        work: "first group of 100 us calls",
        limit: Limit::AtLeast(1.5),
        contenders: &[("speedup", dear_tree), ("sequential by hand", dear_tree_by_hand)],
    },
];

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    black_box(work());
    start.elapsed()
}

#[cache]
fn fib(n: u64) -> u64 {
    if n < 2 { n } else { fib(n - 1) + fib(n - 2) }
}

fn fib_by_hand(table: &mut HashMap<u64, u64>, n: u64) -> u64 {
    if let Some(value) = table.get(&n) {
        return *value;
    }
    let value = if n < 2 { n } else { fib_by_hand(table, n - 1) + fib_by_hand(table, n - 2) };
    table.insert(n, value);
    value
}

#[cached]
fn fib_cached(n: u64) -> u64 {
    if n < 2 { n } else { fib_cached(n - 1) + fib_cached(n - 2) }
}

#[memoize]
fn fib_memoized(n: u64) -> u64 {
    if n < 2 { n } else { fib_memoized(n - 1) + fib_memoized(n - 2) }
}

const fn grids<const SIDE: u32>() -> [(&'static str, Body); 5] {
    [
        ("speedup", || timed(|| grid(SIDE - 1, SIDE - 1))),
        ("HashMap by hand", || timed(|| grid_by_map(&mut HashMap::new(), SIDE - 1, SIDE - 1))),
        ("Vec by hand", || timed(|| grid_by_vec(&mut vec![None; (SIDE * SIDE) as usize], SIDE, SIDE - 1, SIDE - 1))),
        ("cached", || timed(|| grid_cached(SIDE - 1, SIDE - 1))),
        ("memoize", || timed(|| grid_memoized(SIDE - 1, SIDE - 1))),
    ]
}

#[cache]
pub fn grid(i: u32, j: u32) -> u64 {
    if i == 0 || j == 0 { 1 } else { grid(i - 1, j).wrapping_add(grid(i, j - 1)) }
}

fn grid_by_map(table: &mut HashMap<(u32, u32), u64>, i: u32, j: u32) -> u64 {
    if let Some(value) = table.get(&(i, j)) {
        return *value;
    }
    let value =
        if i == 0 || j == 0 { 1 } else { grid_by_map(table, i - 1, j).wrapping_add(grid_by_map(table, i, j - 1)) };
    table.insert((i, j), value);
    value
}

pub fn grid_by_vec(table: &mut [Option<u64>], columns: u32, i: u32, j: u32) -> u64 {
    let index = (i * columns + j) as usize;
    if let Some(value) = table[index] {
        return value;
    }
    let value = if i == 0 || j == 0 {
        1
    } else {
        grid_by_vec(table, columns, i - 1, j).wrapping_add(grid_by_vec(table, columns, i, j - 1))
    };
    table[index] = Some(value);
    value
}

#[cached]
fn grid_cached(i: u32, j: u32) -> u64 {
    if i == 0 || j == 0 { 1 } else { grid_cached(i - 1, j).wrapping_add(grid_cached(i, j - 1)) }
}

#[memoize]
fn grid_memoized(i: u32, j: u32) -> u64 {
    if i == 0 || j == 0 { 1 } else { grid_memoized(i - 1, j).wrapping_add(grid_memoized(i, j - 1)) }
}

const fn collatz<const LAST: u64>() -> [(&'static str, Body); 4] {
    [
        ("speedup", || timed(|| (1..=LAST).map(steps).sum::<u64>())),
        ("HashMap by hand", || {
            timed(|| {
                let mut table = HashMap::new();
                (1..=LAST).map(|n| steps_by_hand(&mut table, n)).sum::<u64>()
            })
        }),
        ("cached", || timed(|| (1..=LAST).map(steps_cached).sum::<u64>())),
        ("memoize", || timed(|| (1..=LAST).map(steps_memoized).sum::<u64>())),
    ]
}

const fn next(n: u64) -> u64 {
    if n.is_multiple_of(2) { n / 2 } else { 3 * n + 1 }
}

#[cache]
fn steps(n: u64) -> u64 {
    if n == 1 { 1 } else { 1 + steps(next(n)) }
}

fn steps_by_hand(table: &mut HashMap<u64, u64>, n: u64) -> u64 {
    if let Some(value) = table.get(&n) {
        return *value;
    }
    let value = if n == 1 { 1 } else { 1 + steps_by_hand(table, next(n)) };
    table.insert(n, value);
    value
}

#[cached]
fn steps_cached(n: u64) -> u64 {
    if n == 1 { 1 } else { 1 + steps_cached(next(n)) }
}

#[memoize]
fn steps_memoized(n: u64) -> u64 {
    if n == 1 { 1 } else { 1 + steps_memoized(next(n)) }
}

const fn texts<const LETTERS: usize>() -> [(&'static str, Body); 3] {
    [
        ("speedup", || {
            let [a, b] = words(LETTERS);
            timed(|| lcs(&a, &b))
        }),
        ("HashMap by hand, String keys", || {
            let [a, b] = words(LETTERS);
            timed(|| lcs_by_hand(&mut HashMap::new(), &a, &b))
        }),
        ("HashMap by hand, &str keys", || {
            let [a, b] = words(LETTERS);
            timed(|| lcs_borrowed(&mut HashMap::new(), &a, &b))
        }),
    ]
}

fn words(letters: usize) -> [String; 2] {
    let word = |step: usize| (0..letters).map(|at| char::from(b'a' + (at * at * step % 7) as u8)).collect();
    [word(3), word(5)]
}

#[cache]
fn lcs(a: &str, b: &str) -> usize {
    match (a.chars().next(), b.chars().next()) {
        (Some(x), Some(y)) if x == y => 1 + lcs(&a[1..], &b[1..]),
        (Some(_), Some(_)) => lcs(&a[1..], b).max(lcs(a, &b[1..])),
        _ => 0,
    }
}

fn lcs_by_hand(table: &mut HashMap<(String, String), usize>, a: &str, b: &str) -> usize {
    let key = (a.to_owned(), b.to_owned());
    if let Some(value) = table.get(&key) {
        return *value;
    }
    let value = match (a.chars().next(), b.chars().next()) {
        (Some(x), Some(y)) if x == y => 1 + lcs_by_hand(table, &a[1..], &b[1..]),
        (Some(_), Some(_)) => lcs_by_hand(table, &a[1..], b).max(lcs_by_hand(table, a, &b[1..])),
        _ => 0,
    };
    table.insert(key, value);
    value
}

fn lcs_borrowed<'a>(table: &mut HashMap<(&'a str, &'a str), usize>, a: &'a str, b: &'a str) -> usize {
    if let Some(value) = table.get(&(a, b)) {
        return *value;
    }
    let value = match (a.chars().next(), b.chars().next()) {
        (Some(x), Some(y)) if x == y => 1 + lcs_borrowed(table, &a[1..], &b[1..]),
        (Some(_), Some(_)) => lcs_borrowed(table, &a[1..], b).max(lcs_borrowed(table, a, &b[1..])),
        _ => 0,
    };
    table.insert((a, b), value);
    value
}

#[cache]
fn square(n: u64) -> u64 {
    n * n
}

#[cached]
fn square_cached(n: u64) -> u64 {
    n * n
}

#[memoize]
fn square_memoized(n: u64) -> u64 {
    n * n
}

const MILLISECOND: Duration = Duration::from_millis(1);

#[cache]
fn dear(n: u64) -> u64 {
    let done = Spin::of(MILLISECOND).run(n);
    if n == 0 {
        done ^ dear(1) ^ dear(2) ^ dear(3) ^ dear(4) ^ dear(5) ^ dear(6) ^ dear(7) ^ dear(8) ^ dear(9) ^ dear(10)
    } else {
        done
    }
}

fn dear_all() -> Duration {
    Spin::of(MILLISECOND);
    timed(|| DEAR.get_all((1..=10).map(|n| (n,))))
}

fn dear_group() -> Duration {
    Spin::of(MILLISECOND);
    timed(|| dear(0))
}

fn dear_loop() -> Duration {
    let spin = Spin::of(MILLISECOND);
    timed(|| (1..=10).map(|n| spin.run(n)).fold(0, |all, n| all ^ n))
}

fn dear_loop_after() -> Duration {
    let spin = Spin::of(MILLISECOND);
    timed(|| (0..=10).map(|n| spin.run(n)).fold(0, |all, n| all ^ n))
}

const HUNDRED: Duration = Duration::from_micros(100);

#[cache]
fn tree(n: u64) -> u64 {
    let done = Spin::of(HUNDRED).run(n);
    if n >= 64 { done } else { done ^ tree(2 * n) ^ tree(2 * n + 1) }
}

fn tree_by_hand(spin: Spin, n: u64) -> u64 {
    let done = spin.run(n);
    if n >= 64 { done } else { done ^ tree_by_hand(spin, 2 * n) ^ tree_by_hand(spin, 2 * n + 1) }
}

fn dear_tree() -> Duration {
    Spin::of(HUNDRED);
    timed(|| tree(1))
}

fn dear_tree_by_hand() -> Duration {
    let spin = Spin::of(HUNDRED);
    timed(|| tree_by_hand(spin, 1))
}
