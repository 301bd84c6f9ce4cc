//! Pairs of numbers: tables that textbooks fill row by row.

use std::collections::HashMap;

use speedup::cache;
use speedup_benches::Scramble;

use super::{LIMIT, below, solved};
use crate::Row;

/// The rows; of each the first contender is ours.
pub const ROWS: &[Row] = &[
    Row {
        work: "edit distance, 1,200 letters",
        limit: LIMIT,
        contenders: &[
            ("speedup", || {
                let [a, b] = strands();
                solved(DISTANCE, || edits(&a, &b, 0, 0))
            }),
            ("Vec by hand", || {
                let [a, b] = strands();
                solved(DISTANCE, || edits_by_vec(&a, &b, 0, 0, &mut vec![None; (LETTERS + 1) * (LETTERS + 1)]))
            }),
            ("HashMap by hand", || {
                let [a, b] = strands();
                solved(DISTANCE, || edits_by_map(&a, &b, 0, 0, &mut HashMap::new()))
            }),
        ],
    },
    Row {
        work: "American option, 1,000 steps",
        limit: LIMIT,
        contenders: &[
            ("speedup", || solved(CENTS, || price(TERMS, 0, 0).round())),
            ("Vec by hand", || {
                let steps = TERMS.steps as usize + 1;
                solved(CENTS, || price_by_vec(TERMS, 0, 0, &mut vec![None; steps * steps]).round())
            }),
            ("HashMap by hand", || solved(CENTS, || price_by_map(TERMS, 0, 0, &mut HashMap::new()).round())),
        ],
    },
    Row {
        work: "coin change, 20 coins, 40,000",
        limit: LIMIT,
        contenders: &[
            ("speedup", || solved(CHANGES, || change(&COINS, COINS.len(), AMOUNT))),
            ("Vec by hand", || {
                solved(CHANGES, || {
                    let mut table = vec![None; (COINS.len() + 1) * (AMOUNT + 1)];
                    change_by_vec(&COINS, COINS.len(), AMOUNT, &mut table)
                })
            }),
            ("HashMap by hand", || solved(CHANGES, || change_by_map(&COINS, COINS.len(), AMOUNT, &mut HashMap::new()))),
        ],
    },
    Row {
        work: "knapsack, 100 items",
        limit: LIMIT,
        contenders: &[
            ("speedup", || {
                let items = items();
                solved(PACKED, || pack(&items, ITEMS, ROOM))
            }),
            ("Vec by hand", || {
                let items = items();
                solved(PACKED, || pack_by_vec(&items, ITEMS, ROOM, &mut vec![None; (ITEMS + 1) * (ROOM + 1)]))
            }),
            ("HashMap by hand", || {
                let items = items();
                solved(PACKED, || pack_by_map(&items, ITEMS, ROOM, &mut HashMap::new()))
            }),
        ],
    },
];

const LETTERS: usize = 1_200;
const DISTANCE: usize = 625;

fn strands() -> [Vec<u8>; 2] {
    let mut numbers = Scramble(5);
    let mut strand = || (0..LETTERS).map(|_| b"acgt"[below(&mut numbers, 4)]).collect();
    [strand(), strand()]
}

/// Levenshtein's distance by the recursion of Wagner and Fischer.
#[cache]
fn edits(a: &[u8], b: &[u8], i: usize, j: usize) -> usize {
    if i == a.len() {
        return b.len() - j;
    }
    if j == b.len() {
        return a.len() - i;
    }
    if a[i] == b[j] {
        return edits(a, b, i + 1, j + 1);
    }
    1 + edits(a, b, i + 1, j).min(edits(a, b, i, j + 1)).min(edits(a, b, i + 1, j + 1))
}

fn edits_by_vec(a: &[u8], b: &[u8], i: usize, j: usize, table: &mut [Option<usize>]) -> usize {
    let index = i * (b.len() + 1) + j;
    if let Some(value) = table[index] {
        return value;
    }
    let value = if i == a.len() {
        b.len() - j
    } else if j == b.len() {
        a.len() - i
    } else if a[i] == b[j] {
        edits_by_vec(a, b, i + 1, j + 1, table)
    } else {
        let one = edits_by_vec(a, b, i + 1, j, table).min(edits_by_vec(a, b, i, j + 1, table));
        1 + one.min(edits_by_vec(a, b, i + 1, j + 1, table))
    };
    table[index] = Some(value);
    value
}

fn edits_by_map(a: &[u8], b: &[u8], i: usize, j: usize, table: &mut HashMap<(usize, usize), usize>) -> usize {
    if let Some(value) = table.get(&(i, j)) {
        return *value;
    }
    let value = if i == a.len() {
        b.len() - j
    } else if j == b.len() {
        a.len() - i
    } else if a[i] == b[j] {
        edits_by_map(a, b, i + 1, j + 1, table)
    } else {
        let one = edits_by_map(a, b, i + 1, j, table).min(edits_by_map(a, b, i, j + 1, table));
        1 + one.min(edits_by_map(a, b, i + 1, j + 1, table))
    };
    table.insert((i, j), value);
    value
}

/// Prices in cents; the factor of a step up in ten-thousandths, the interest of a step in hundred-thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Terms {
    spot: u32,
    strike: u32,
    up: u32,
    rate: u32,
    steps: u32,
}

const TERMS: Terms = Terms { spot: 10_000, strike: 10_500, up: 10_050, rate: 1, steps: 1_000 };
const CENTS: f64 = 871.0;

/// What it gives to sell now.
fn sold(terms: Terms, step: u32, ups: u32) -> f64 {
    let spot = f64::from(terms.spot) * (f64::from(terms.up) / 1e4).powi(2 * ups as i32 - step as i32);
    (f64::from(terms.strike) - spot).max(0.0)
}

/// What it is worth to wait for what comes after a step up or down.
fn kept(terms: Terms, up: f64, down: f64) -> f64 {
    let growth = 1.0 + f64::from(terms.rate) / 1e5;
    let rise = f64::from(terms.up) / 1e4;
    let chance = (growth - 1.0 / rise) / (rise - 1.0 / rise);
    (chance * up + (1.0 - chance) * down) / growth
}

/// The price of an American put in the tree of Cox, Ross and Rubinstein.
#[cache]
fn price(terms: Terms, step: u32, ups: u32) -> f64 {
    let now = sold(terms, step, ups);
    if step == terms.steps {
        return now;
    }
    now.max(kept(terms, price(terms, step + 1, ups + 1), price(terms, step + 1, ups)))
}

fn price_by_vec(terms: Terms, step: u32, ups: u32, table: &mut [Option<f64>]) -> f64 {
    let index = step as usize * (terms.steps as usize + 1) + ups as usize;
    if let Some(value) = table[index] {
        return value;
    }
    let now = sold(terms, step, ups);
    let value = if step == terms.steps {
        now
    } else {
        let up = price_by_vec(terms, step + 1, ups + 1, table);
        now.max(kept(terms, up, price_by_vec(terms, step + 1, ups, table)))
    };
    table[index] = Some(value);
    value
}

fn price_by_map(terms: Terms, step: u32, ups: u32, table: &mut HashMap<(u32, u32), f64>) -> f64 {
    if let Some(value) = table.get(&(step, ups)) {
        return *value;
    }
    let now = sold(terms, step, ups);
    let value = if step == terms.steps {
        now
    } else {
        let up = price_by_map(terms, step + 1, ups + 1, table);
        now.max(kept(terms, up, price_by_map(terms, step + 1, ups, table)))
    };
    table.insert((step, ups), value);
    value
}

const COINS: [usize; 20] = [2, 3, 5, 7, 10, 12, 15, 20, 25, 30, 50, 60, 75, 80, 100, 120, 150, 200, 250, 500];
const AMOUNT: usize = 40_000;
/// The number without what is beyond 64 bits.
const CHANGES: u64 = 13_203_747_508_990_046_783;

/// In how many ways coins make an amount: problem 31 of Project Euler, and "Structure and Interpretation of Computer Programs".
#[cache]
fn change(coins: &[usize], kinds: usize, amount: usize) -> u64 {
    if amount == 0 {
        return 1;
    }
    if kinds == 0 {
        return 0;
    }
    let without = change(coins, kinds - 1, amount);
    let coin = coins[kinds - 1];
    if coin > amount { without } else { without.wrapping_add(change(coins, kinds, amount - coin)) }
}

fn change_by_vec(coins: &[usize], kinds: usize, amount: usize, table: &mut [Option<u64>]) -> u64 {
    if amount == 0 {
        return 1;
    }
    if kinds == 0 {
        return 0;
    }
    let index = kinds * (AMOUNT + 1) + amount;
    if let Some(value) = table[index] {
        return value;
    }
    let without = change_by_vec(coins, kinds - 1, amount, table);
    let coin = coins[kinds - 1];
    let value =
        if coin > amount { without } else { without.wrapping_add(change_by_vec(coins, kinds, amount - coin, table)) };
    table[index] = Some(value);
    value
}

fn change_by_map(coins: &[usize], kinds: usize, amount: usize, table: &mut HashMap<(usize, usize), u64>) -> u64 {
    if amount == 0 {
        return 1;
    }
    if kinds == 0 {
        return 0;
    }
    if let Some(value) = table.get(&(kinds, amount)) {
        return *value;
    }
    let without = change_by_map(coins, kinds - 1, amount, table);
    let coin = coins[kinds - 1];
    let value =
        if coin > amount { without } else { without.wrapping_add(change_by_map(coins, kinds, amount - coin, table)) };
    table.insert((kinds, amount), value);
    value
}

const ITEMS: usize = 100;
const ROOM: usize = 10_000;
const PACKED: u32 = 41_036;

/// Weights and values.
fn items() -> Vec<(usize, u32)> {
    let mut numbers = Scramble(6);
    (0..ITEMS).map(|_| (50 + below(&mut numbers, 300), 1 + below(&mut numbers, 1_000) as u32)).collect()
}

/// The knapsack of every textbook, each item once or not at all.
#[cache]
fn pack(items: &[(usize, u32)], count: usize, room: usize) -> u32 {
    if count == 0 {
        return 0;
    }
    let (weight, value) = items[count - 1];
    let without = pack(items, count - 1, room);
    if weight > room { without } else { without.max(value + pack(items, count - 1, room - weight)) }
}

fn pack_by_vec(items: &[(usize, u32)], count: usize, room: usize, table: &mut [Option<u32>]) -> u32 {
    if count == 0 {
        return 0;
    }
    let index = count * (ROOM + 1) + room;
    if let Some(value) = table[index] {
        return value;
    }
    let (weight, value) = items[count - 1];
    let without = pack_by_vec(items, count - 1, room, table);
    let most =
        if weight > room { without } else { without.max(value + pack_by_vec(items, count - 1, room - weight, table)) };
    table[index] = Some(most);
    most
}

fn pack_by_map(items: &[(usize, u32)], count: usize, room: usize, table: &mut HashMap<(usize, usize), u32>) -> u32 {
    if count == 0 {
        return 0;
    }
    if let Some(value) = table.get(&(count, room)) {
        return *value;
    }
    let (weight, value) = items[count - 1];
    let without = pack_by_map(items, count - 1, room, table);
    let most =
        if weight > room { without } else { without.max(value + pack_by_map(items, count - 1, room - weight, table)) };
    table.insert((count, room), most);
    most
}
