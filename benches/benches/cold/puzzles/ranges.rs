//! Ranges that are divided, in the best way or in all.

use std::collections::HashMap;

use speedup::cache;
use speedup_benches::Scramble;

use super::{LIMIT, below, solved};
use crate::Row;

/// The rows; of each the first contender is ours.
pub const ROWS: &[Row] = &[
    Row {
        work: "matrix chain, 300 matrices",
        limit: LIMIT,
        contenders: &[
            ("speedup", || {
                let sizes = sizes();
                solved(PRODUCTS, || chain(&sizes, 0, COUNT))
            }),
            ("Vec by hand", || {
                let sizes = sizes();
                solved(PRODUCTS, || chain_by_vec(&sizes, 0, COUNT, &mut vec![None; SQUARE]))
            }),
            ("HashMap by hand", || {
                let sizes = sizes();
                solved(PRODUCTS, || chain_by_map(&sizes, 0, COUNT, &mut HashMap::new()))
            }),
        ],
    },
    Row {
        work: "optimal search tree, 300 keys",
        limit: LIMIT,
        contenders: &[
            ("speedup", || {
                let weights = sizes();
                solved(LOOKS, || tree(&weights, 0, COUNT))
            }),
            ("Vec by hand", || {
                let weights = sizes();
                solved(LOOKS, || tree_by_vec(&weights, 0, COUNT, &mut vec![None; SQUARE]))
            }),
            ("HashMap by hand", || {
                let weights = sizes();
                solved(LOOKS, || tree_by_map(&weights, 0, COUNT, &mut HashMap::new()))
            }),
        ],
    },
    Row {
        work: "parses of 60 words, 12 symbols",
        limit: LIMIT,
        contenders: &[
            ("speedup", || {
                let (rules, words) = grammar();
                solved(READINGS, || parses(&rules, &words, 0, 0, WORDS))
            }),
            ("Vec by hand", || {
                let (rules, words) = grammar();
                solved(READINGS, || {
                    parses_by_vec(&rules, &words, 0, 0, WORDS, &mut vec![None; SYMBOLS * (WORDS + 1) * (WORDS + 1)])
                })
            }),
            ("HashMap by hand", || {
                let (rules, words) = grammar();
                solved(READINGS, || parses_by_map(&rules, &words, 0, 0, WORDS, &mut HashMap::new()))
            }),
        ],
    },
];

const COUNT: usize = 300;
/// How many ranges a `Vec` has room for.
const SQUARE: usize = (COUNT + 1) * (COUNT + 1);
const PRODUCTS: u64 = 790_881;
const LOOKS: u64 = 103_068;

fn sizes() -> Vec<u64> {
    let mut numbers = Scramble(3);
    (0..=COUNT).map(|_| 1 + below(&mut numbers, 100) as u64).collect()
}

/// The fewest products of numbers in a product of matrices, as in "Introduction to Algorithms" by Cormen and others.
#[cache]
fn chain(sizes: &[u64], from: usize, to: usize) -> u64 {
    if to - from < 2 {
        return 0;
    }
    (from + 1..to)
        .map(|at| chain(sizes, from, at) + chain(sizes, at, to) + sizes[from] * sizes[at] * sizes[to])
        .min()
        .unwrap()
}

fn chain_by_vec(sizes: &[u64], from: usize, to: usize, table: &mut [Option<u64>]) -> u64 {
    let index = from * (COUNT + 1) + to;
    if let Some(value) = table[index] {
        return value;
    }
    let value = if to - from < 2 {
        0
    } else {
        (from + 1..to)
            .map(|at| {
                let parts = chain_by_vec(sizes, from, at, table) + chain_by_vec(sizes, at, to, table);
                parts + sizes[from] * sizes[at] * sizes[to]
            })
            .min()
            .unwrap()
    };
    table[index] = Some(value);
    value
}

fn chain_by_map(sizes: &[u64], from: usize, to: usize, table: &mut HashMap<(usize, usize), u64>) -> u64 {
    if let Some(value) = table.get(&(from, to)) {
        return *value;
    }
    let value = if to - from < 2 {
        0
    } else {
        (from + 1..to)
            .map(|at| {
                let parts = chain_by_map(sizes, from, at, table) + chain_by_map(sizes, at, to, table);
                parts + sizes[from] * sizes[at] * sizes[to]
            })
            .min()
            .unwrap()
    };
    table.insert((from, to), value);
    value
}

/// The fewest looks, by weight, in a search tree, as in Knuth's "Optimum Binary Search Trees", without his bounds of the root.
#[cache]
fn tree(weights: &[u64], from: usize, to: usize) -> u64 {
    if from == to {
        return 0;
    }
    let sum: u64 = weights[from..to].iter().sum();
    sum + (from..to).map(|root| tree(weights, from, root) + tree(weights, root + 1, to)).min().unwrap()
}

fn tree_by_vec(weights: &[u64], from: usize, to: usize, table: &mut [Option<u64>]) -> u64 {
    let index = from * (COUNT + 1) + to;
    if let Some(value) = table[index] {
        return value;
    }
    let value = if from == to {
        0
    } else {
        let sum: u64 = weights[from..to].iter().sum();
        let below = |root| tree_by_vec(weights, from, root, table) + tree_by_vec(weights, root + 1, to, table);
        sum + (from..to).map(below).min().unwrap()
    };
    table[index] = Some(value);
    value
}

fn tree_by_map(weights: &[u64], from: usize, to: usize, table: &mut HashMap<(usize, usize), u64>) -> u64 {
    if let Some(value) = table.get(&(from, to)) {
        return *value;
    }
    let value = if from == to {
        0
    } else {
        let sum: u64 = weights[from..to].iter().sum();
        let below = |root| tree_by_map(weights, from, root, table) + tree_by_map(weights, root + 1, to, table);
        sum + (from..to).map(below).min().unwrap()
    };
    table.insert((from, to), value);
    value
}

const SYMBOLS: usize = 12;
const WORDS: usize = 60;
/// The number without what is beyond 64 bits.
const READINGS: u64 = 11_845_334_837_385_135_539;

/// For each symbol the pairs of symbols, and the words, that it stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Rules {
    pairs: Vec<Vec<(usize, usize)>>,
    words: Vec<Vec<u32>>,
}

/// Rules in Chomsky's normal form, and a sentence.
fn grammar() -> (Rules, Vec<u32>) {
    let mut numbers = Scramble(4);
    let mut pair = |_| (below(&mut numbers, SYMBOLS), below(&mut numbers, SYMBOLS));
    let pairs = (0..SYMBOLS).map(|_| (0..3).map(&mut pair).collect()).collect();
    let mut word = |_| below(&mut numbers, 8) as u32;
    let words = (0..SYMBOLS).map(|_| (0..2).map(&mut word).collect()).collect();
    (Rules { pairs, words }, (0..WORDS).map(word).collect())
}

/// In how many ways a symbol becomes some words: the algorithm of Cocke, Younger and Kasami, from the top.
#[cache]
fn parses(rules: &Rules, words: &[u32], symbol: usize, from: usize, to: usize) -> u64 {
    if to - from == 1 {
        return u64::from(rules.words[symbol].contains(&words[from]));
    }
    let mut ways = 0_u64;
    for &(left, right) in &rules.pairs[symbol] {
        for middle in from + 1..to {
            let (before, after) = (parses(rules, words, left, from, middle), parses(rules, words, right, middle, to));
            ways = ways.wrapping_add(before.wrapping_mul(after));
        }
    }
    ways
}

fn parses_by_vec(
    rules: &Rules,
    words: &[u32],
    symbol: usize,
    from: usize,
    to: usize,
    table: &mut [Option<u64>],
) -> u64 {
    let index = (symbol * (WORDS + 1) + from) * (WORDS + 1) + to;
    if let Some(value) = table[index] {
        return value;
    }
    let mut ways = 0_u64;
    if to - from == 1 {
        ways = u64::from(rules.words[symbol].contains(&words[from]));
    } else {
        for &(left, right) in &rules.pairs[symbol] {
            for middle in from + 1..to {
                let before = parses_by_vec(rules, words, left, from, middle, table);
                let after = parses_by_vec(rules, words, right, middle, to, table);
                ways = ways.wrapping_add(before.wrapping_mul(after));
            }
        }
    }
    table[index] = Some(ways);
    ways
}

fn parses_by_map(
    rules: &Rules,
    words: &[u32],
    symbol: usize,
    from: usize,
    to: usize,
    table: &mut HashMap<(usize, usize, usize), u64>,
) -> u64 {
    if let Some(value) = table.get(&(symbol, from, to)) {
        return *value;
    }
    let mut ways = 0_u64;
    if to - from == 1 {
        ways = u64::from(rules.words[symbol].contains(&words[from]));
    } else {
        for &(left, right) in &rules.pairs[symbol] {
            for middle in from + 1..to {
                let before = parses_by_map(rules, words, left, from, middle, table);
                let after = parses_by_map(rules, words, right, middle, to, table);
                ways = ways.wrapping_add(before.wrapping_mul(after));
            }
        }
    }
    table.insert((symbol, from, to), ways);
    ways
}
