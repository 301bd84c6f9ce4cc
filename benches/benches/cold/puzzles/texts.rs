//! Rests of strings and slices. By hand, a `Vec` goes by where they begin.

use std::collections::HashMap;

use speedup::cache;
use speedup_benches::Scramble;

use super::{LIMIT, below, solved};
use crate::Row;

/// The rows; of each the first contender is ours.
pub const ROWS: &[Row] = &[
    Row {
        work: "towels, 400 designs",
        limit: LIMIT,
        contenders: &[
            ("speedup", || {
                let [towels, designs] = towels();
                solved(LAID, || sum(designs.iter().map(|design| ways(&towels, design))))
            }),
            ("Vec by hand", || {
                let [towels, designs] = towels();
                let laid = |design: &String| ways_by_vec(&towels, design, 0, &mut vec![None; design.len()]);
                solved(LAID, || sum(designs.iter().map(laid)))
            }),
            ("HashMap by hand", || {
                let [towels, designs] = towels();
                solved(LAID, || {
                    let mut table = HashMap::new();
                    sum(designs.iter().map(|design| ways_by_map(&towels, design, &mut table)))
                })
            }),
        ],
    },
    Row {
        work: "hot springs, 800 rows",
        limit: LIMIT,
        contenders: &[
            ("speedup", || {
                let springs = springs();
                solved(ARRANGED, || sum(springs.iter().map(|(row, groups)| arrangements(row, groups))))
            }),
            ("Vec by hand", || {
                let springs = springs();
                let arranged = |(row, groups): &(Vec<u8>, Vec<usize>)| {
                    let mut table = vec![None; (row.len() + 1) * (groups.len() + 1)];
                    arrangements_by_vec(row, groups, 0, 0, &mut table)
                };
                solved(ARRANGED, || sum(springs.iter().map(arranged)))
            }),
            ("HashMap by hand", || {
                let springs = springs();
                solved(ARRANGED, || {
                    let mut table = HashMap::new();
                    sum(springs.iter().map(|(row, groups)| arrangements_by_map(row, groups, &mut table)))
                })
            }),
        ],
    },
    Row {
        work: "common subsequence, 1,000 letters",
        limit: LIMIT,
        contenders: &[
            ("speedup", || {
                let [a, b] = strands();
                solved(SHARED, || common(&a, &b))
            }),
            ("Vec by hand", || {
                let [a, b] = strands();
                solved(SHARED, || common_by_vec(&a, &b, 0, 0, &mut vec![None; (a.len() + 1) * (b.len() + 1)]))
            }),
            ("HashMap by hand", || {
                let [a, b] = strands();
                solved(SHARED, || common_by_map(&a, &b, &mut HashMap::new()))
            }),
        ],
    },
];

/// Without what is beyond 64 bits.
fn sum(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.fold(0, u64::wrapping_add)
}

const TOWELS: usize = 400;
const LAID: u64 = 9_860_221_859_356_810_000;

/// Towels of up to nine stripes, and designs of twelve of them.
fn towels() -> [Vec<String>; 2] {
    let mut numbers = Scramble(8);
    let mut towel = |_| (0..=below(&mut numbers, 8)).map(|_| char::from(b"wubrg"[below(&mut numbers, 5)])).collect();
    let towels: Vec<String> = (0..TOWELS).map(&mut towel).collect();
    let mut design = |_| (0..12).map(|_| towels[below(&mut numbers, TOWELS)].as_str()).collect();
    let designs = (0..400).map(&mut design).collect();
    [towels, designs]
}

/// In how many ways towels make a design: Advent of Code 2024, day 19.
#[cache]
fn ways(towels: &[String], design: &str) -> u64 {
    if design.is_empty() {
        return 1;
    }
    let rests = towels.iter().filter_map(|towel| design.strip_prefix(towel.as_str()));
    rests.map(|rest| ways(towels, rest)).fold(0, u64::wrapping_add)
}

fn ways_by_vec(towels: &[String], design: &str, at: usize, table: &mut [Option<u64>]) -> u64 {
    if at == design.len() {
        return 1;
    }
    if let Some(value) = table[at] {
        return value;
    }
    let fitting = towels.iter().filter(|towel| design[at..].starts_with(towel.as_str()));
    let value = sum(fitting.map(|towel| ways_by_vec(towels, design, at + towel.len(), table)));
    table[at] = Some(value);
    value
}

fn ways_by_map<'a>(towels: &[String], design: &'a str, table: &mut HashMap<&'a str, u64>) -> u64 {
    if design.is_empty() {
        return 1;
    }
    if let Some(value) = table.get(design) {
        return *value;
    }
    let rests = towels.iter().filter_map(|towel| design.strip_prefix(towel.as_str()));
    let value = sum(rests.map(|rest| ways_by_map(towels, rest, table)));
    table.insert(design, value);
    value
}

const ARRANGED: u64 = 40_859_528_658_204_905;

/// Rows of springs, and the lengths of their damaged groups, unfolded five times.
fn springs() -> Vec<(Vec<u8>, Vec<usize>)> {
    let mut numbers = Scramble(9);
    let row = |_| {
        let groups: Vec<usize> = (0..3).map(|_| 1 + below(&mut numbers, 3)).collect();
        let row: Vec<u8> = (0..17).map(|_| if below(&mut numbers, 8) == 0 { b'.' } else { b'?' }).collect();
        ([&row[..]; 5].join(&b'?'), groups.repeat(5))
    };
    (0..800).map(row).collect()
}

/// In how many ways springs may be damaged: Advent of Code 2023, day 12.
#[cache]
fn arrangements(row: &[u8], groups: &[usize]) -> u64 {
    let Some((&first, rest)) = row.split_first() else { return u64::from(groups.is_empty()) };
    let skipped = if first == b'#' { 0 } else { arrangements(rest, groups) };
    let Some((&length, others)) = groups.split_first().filter(|_| first != b'.') else { return skipped };
    skipped + if fits(row, length) { arrangements(row.get(length + 1..).unwrap_or(&[]), others) } else { 0 }
}

/// Whether a row may begin with a damaged group of this length.
fn fits(row: &[u8], length: usize) -> bool {
    row.len() >= length && !row[..length].contains(&b'.') && row.get(length) != Some(&b'#')
}

fn arrangements_by_vec(row: &[u8], groups: &[usize], i: usize, j: usize, table: &mut [Option<u64>]) -> u64 {
    if i >= row.len() {
        return u64::from(j == groups.len());
    }
    let index = i * (groups.len() + 1) + j;
    if let Some(value) = table[index] {
        return value;
    }
    let skipped = if row[i] == b'#' { 0 } else { arrangements_by_vec(row, groups, i + 1, j, table) };
    let placed = match groups.get(j).filter(|_| row[i] != b'.') {
        Some(&length) if fits(&row[i..], length) => arrangements_by_vec(row, groups, i + length + 1, j + 1, table),
        _ => 0,
    };
    table[index] = Some(skipped + placed);
    skipped + placed
}

type Arrangements<'a> = HashMap<(&'a [u8], &'a [usize]), u64>;

fn arrangements_by_map<'a>(row: &'a [u8], groups: &'a [usize], table: &mut Arrangements<'a>) -> u64 {
    let Some((&first, rest)) = row.split_first() else { return u64::from(groups.is_empty()) };
    if let Some(value) = table.get(&(row, groups)) {
        return *value;
    }
    let skipped = if first == b'#' { 0 } else { arrangements_by_map(rest, groups, table) };
    let placed = match groups.split_first().filter(|_| first != b'.') {
        Some((&length, others)) if fits(row, length) => {
            arrangements_by_map(row.get(length + 1..).unwrap_or(&[]), others, table)
        }
        _ => 0,
    };
    table.insert((row, groups), skipped + placed);
    skipped + placed
}

const SHARED: usize = 647;

fn strands() -> [String; 2] {
    let mut numbers = Scramble(7);
    let mut strand = || (0..1_000).map(|_| char::from(b"acgt"[below(&mut numbers, 4)])).collect();
    [strand(), strand()]
}

/// The longest common subsequence, as in "Introduction to Algorithms", of rests.
#[cache]
fn common(a: &str, b: &str) -> usize {
    let (Some(x), Some(y)) = (a.chars().next(), b.chars().next()) else { return 0 };
    let (rest_a, rest_b) = (&a[x.len_utf8()..], &b[y.len_utf8()..]);
    if x == y { 1 + common(rest_a, rest_b) } else { common(rest_a, b).max(common(a, rest_b)) }
}

fn common_by_vec(a: &str, b: &str, i: usize, j: usize, table: &mut [Option<usize>]) -> usize {
    let index = i * (b.len() + 1) + j;
    if let Some(value) = table[index] {
        return value;
    }
    let value = match (a[i..].chars().next(), b[j..].chars().next()) {
        (Some(x), Some(y)) => {
            let (rest_a, rest_b) = (i + x.len_utf8(), j + y.len_utf8());
            if x == y {
                1 + common_by_vec(a, b, rest_a, rest_b, table)
            } else {
                common_by_vec(a, b, rest_a, j, table).max(common_by_vec(a, b, i, rest_b, table))
            }
        }
        _ => 0,
    };
    table[index] = Some(value);
    value
}

fn common_by_map<'a>(a: &'a str, b: &'a str, table: &mut HashMap<(&'a str, &'a str), usize>) -> usize {
    if let Some(value) = table.get(&(a, b)) {
        return *value;
    }
    let value = match (a.chars().next(), b.chars().next()) {
        (Some(x), Some(y)) => {
            let (rest_a, rest_b) = (&a[x.len_utf8()..], &b[y.len_utf8()..]);
            if x == y {
                1 + common_by_map(rest_a, rest_b, table)
            } else {
                common_by_map(rest_a, b, table).max(common_by_map(a, rest_b, table))
            }
        }
        _ => 0,
    };
    table.insert((a, b), value);
    value
}
