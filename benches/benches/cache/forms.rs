//! The forms of functions: hits of generic functions, of those with a field or context, scopes, parts of slices and strings.

use std::collections::HashMap;

use speedup::{Memo, cache};
use speedup_benches::{Bars, Contest, Limit, Scramble, black_box};

/// How many different keys there are.
const KEYS: usize = 4_096;
/// The length of the texts whose common subsequence is looked for.
const TEXT: usize = 2_000;

pub fn run(bars: &mut Bars) {
    hits(bars);
    scopes(bars);
    towels(bars);
    springs(bars);
}

fn mixed(n: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ n >> 7
}

#[cache]
fn plain(n: u64) -> u64 {
    mixed(n)
}

#[cache]
fn generic<T: Copy + Into<u64> + std::hash::Hash + Eq + Send + Sync + 'static>(n: T) -> u64 {
    mixed(n.into())
}

struct Context {
    salt: u64,
    memo: Memo<(u64,), u64>,
}

impl Context {
    #[cache(field = memo)]
    fn in_field(&self, n: u64) -> u64 {
        mixed(n) ^ self.salt
    }
}

#[cache(skip(context))]
fn skipping(context: &Context, n: u64) -> u64 {
    mixed(n) ^ context.salt
}

#[cache(key = |context, n| -> (u64, u64) { (context.salt, n) })]
fn keyed(context: &Context, n: u64) -> u64 {
    mixed(n) ^ context.salt
}

fn hits(bars: &mut Bars) {
    let keys: Vec<u64> = Scramble(1).take(KEYS * 2).map(|n| n % KEYS as u64).collect();
    let context = Context { salt: 7, memo: Memo::new() };
    let ask = |passes: u64, answer: &dyn Fn(&[u64]) -> u64| {
        for _ in 0..passes {
            black_box(answer(black_box(&keys)));
        }
    };
    let all = |keys: &[u64], answer: fn(&Context, u64) -> u64| keys.iter().fold(0, |sum, n| sum ^ answer(&context, *n));
    let outcome = Contest::new("hit, fn(u64) -> u64 in each form", keys.len() as u64)
        .looped("in a static", |passes| ask(passes, &|keys| keys.iter().fold(0, |sum, n| sum ^ plain(black_box(*n)))))
        .looped("generic", |passes| ask(passes, &|keys| keys.iter().fold(0, |sum, n| sum ^ generic(black_box(*n)))))
        .looped("field", |passes| {
            ask(passes, &|keys| keys.iter().fold(0, |sum, n| sum ^ context.in_field(black_box(*n))))
        })
        .looped("skip", |passes| {
            ask(passes, &|keys| keys.iter().fold(0, |sum, n| sum ^ skipping(&context, black_box(*n))))
        })
        .looped("key", |passes| ask(passes, &|keys| keys.iter().fold(0, |sum, n| sum ^ keyed(&context, black_box(*n)))))
        .looped("no cache", |passes| ask(passes, &|keys| all(keys, |context, n| mixed(n) ^ context.salt)))
        .run();
    println!("{}", outcome.table("in a static"));
    let more = outcome.median("generic") - outcome.median("in a static");
    bars.check("hit, generic function", "ns more than in a static", more, Limit::AtMost(3.0));
    for form in ["field", "skip"] {
        let ratio = outcome.ratio(form, "in a static");
        bars.check(&format!("hit, `{form}`"), "time over a static", ratio, Limit::AtMost(2.0));
    }
}

#[cache(scoped)]
fn lcs(a: &[u8], b: &[u8], i: usize, j: usize) -> u32 {
    match (a.get(i), b.get(j)) {
        (Some(x), Some(y)) if x == y => 1 + lcs(a, b, i + 1, j + 1),
        (Some(_), Some(_)) => lcs(a, b, i + 1, j).max(lcs(a, b, i, j + 1)),
        _ => 0,
    }
}

fn lcs_by_vec(a: &[u8], b: &[u8], i: usize, j: usize, table: &mut [Option<u32>]) -> u32 {
    let at = i * (b.len() + 1) + j;
    if let Some(length) = table[at] {
        return length;
    }
    let length = match (a.get(i), b.get(j)) {
        (Some(x), Some(y)) if x == y => 1 + lcs_by_vec(a, b, i + 1, j + 1, table),
        (Some(_), Some(_)) => lcs_by_vec(a, b, i + 1, j, table).max(lcs_by_vec(a, b, i, j + 1, table)),
        _ => 0,
    };
    table[at] = Some(length);
    length
}

fn lcs_by_map(a: &[u8], b: &[u8], i: usize, j: usize, table: &mut HashMap<(usize, usize), u32>) -> u32 {
    if let Some(length) = table.get(&(i, j)) {
        return *length;
    }
    let length = match (a.get(i), b.get(j)) {
        (Some(x), Some(y)) if x == y => 1 + lcs_by_map(a, b, i + 1, j + 1, table),
        (Some(_), Some(_)) => lcs_by_map(a, b, i + 1, j, table).max(lcs_by_map(a, b, i, j + 1, table)),
        _ => 0,
    };
    table.insert((i, j), length);
    length
}

fn scopes(bars: &mut Bars) {
    let letters: Vec<u8> = Scramble(5).take(TEXT * 2).map(|n| b"acgt"[(n % 4) as usize]).collect();
    let (a, b) = letters.split_at(TEXT);
    let outcome = Contest::new("common subsequence of two texts of 2,000 bytes", (TEXT * TEXT) as u64)
        .rounds(5)
        .once("Vec by hand, same recursion", || {
            black_box(lcs_by_vec(a, b, 0, 0, &mut vec![None; (TEXT + 1) * (TEXT + 1)]));
        })
        .once("HashMap by hand", || {
            black_box(lcs_by_map(a, b, 0, 0, &mut HashMap::new()));
        })
        .once("speedup scoped", || {
            black_box(lcs(a, b, 0, 0));
        })
        .run();
    println!("{}", outcome.table("Vec by hand, same recursion"));
    let ratio = outcome.ratio("speedup scoped", "Vec by hand, same recursion");
    bars.check("`scoped`, two texts of 2,000 bytes", "time over a `Vec` table", ratio, Limit::AtMost(1.6));
}

#[cache]
fn ways(towels: &[String], design: &str) -> u64 {
    if design.is_empty() {
        return 1;
    }
    let rests = towels.iter().filter_map(|towel| design.strip_prefix(towel.as_str()));
    rests.map(|rest| ways(towels, rest)).fold(0, u64::wrapping_add)
}

fn ways_by_index(towels: &[String], design: &str, at: usize, table: &mut [Option<u64>]) -> u64 {
    if at == design.len() {
        return 1;
    }
    if let Some(ways) = table[at] {
        return ways;
    }
    let fitting = towels.iter().filter(|towel| design[at..].starts_with(towel.as_str()));
    let ways =
        fitting.fold(0_u64, |sum, towel| sum.wrapping_add(ways_by_index(towels, design, at + towel.len(), table)));
    table[at] = Some(ways);
    ways
}

fn towels(bars: &mut Bars) {
    let mut random = Scramble(8);
    let mut below = |limit: u64| (random.next().unwrap_or(0) % limit) as usize;
    let towels: Vec<String> =
        (0..400).map(|_| (0..=below(8)).map(|_| char::from(b"wubrg"[below(5)])).collect()).collect();
    let designs: Vec<String> = (0..400).map(|_| (0..12).map(|_| towels[below(400)].as_str()).collect()).collect();
    let outcome = Contest::new("towels: 400 designs, the rest of a `&str` passed on", designs.len() as u64)
        .rounds(5)
        .once("by index, a Vec for each design", || {
            for design in &designs {
                black_box(ways_by_index(&towels, design, 0, &mut vec![None; design.len()]));
            }
        })
        .once("speedup", || {
            WAYS.clear();
            for design in &designs {
                black_box(ways(&towels, design));
            }
        })
        .run();
    println!("{}", outcome.table("by index, a Vec for each design"));
    let ratio = outcome.ratio("speedup", "by index, a Vec for each design");
    bars.check("the rest of a `&str` passed on", "time over a `Vec` by index", ratio, Limit::AtMost(2.0));
}

#[cache]
fn arrangements(row: &[u8], groups: &[usize]) -> u64 {
    let Some((&first, rest)) = row.split_first() else { return u64::from(groups.is_empty()) };
    let skipped = if first == b'#' { 0 } else { arrangements(rest, groups) };
    let Some((&length, others)) = groups.split_first().filter(|_| first != b'.') else { return skipped };
    let fits = row.len() >= length && !row[..length].contains(&b'.') && row.get(length) != Some(&b'#');
    skipped + if fits { arrangements(row.get(length + 1..).unwrap_or(&[]), others) } else { 0 }
}

fn by_index(row: &[u8], groups: &[usize], i: usize, j: usize, table: &mut [Option<u64>]) -> u64 {
    if i >= row.len() {
        return u64::from(j == groups.len());
    }
    let at = i * (groups.len() + 1) + j;
    if let Some(count) = table[at] {
        return count;
    }
    let skipped = if row[i] == b'#' { 0 } else { by_index(row, groups, i + 1, j, table) };
    let placed = match groups.get(j).filter(|_| row[i] != b'.') {
        Some(&length) => {
            let rest = &row[i..];
            let fits = rest.len() >= length && !rest[..length].contains(&b'.') && rest.get(length) != Some(&b'#');
            if fits { by_index(row, groups, i + length + 1, j + 1, table) } else { 0 }
        }
        None => 0,
    };
    table[at] = Some(skipped + placed);
    skipped + placed
}

fn springs(bars: &mut Bars) {
    let mut random = Scramble(9);
    let mut below = |limit: u64| (random.next().unwrap_or(0) % limit) as usize;
    let rows: Vec<(Vec<u8>, Vec<usize>)> = (0..400)
        .map(|_| {
            let groups: Vec<usize> = (0..3).map(|_| 1 + below(3)).collect();
            let row: Vec<u8> = (0..17).map(|_| if below(8) == 0 { b'.' } else { b'?' }).collect();
            ([&row[..]; 5].join(&b'?'), groups.repeat(5))
        })
        .collect();
    let outcome = Contest::new("spring rows: 400 rows, the rests of two slices passed on", rows.len() as u64)
        .rounds(5)
        .once("by index, a Vec for each row", || {
            for (row, groups) in &rows {
                black_box(by_index(row, groups, 0, 0, &mut vec![None; (row.len() + 1) * (groups.len() + 1)]));
            }
        })
        .once("speedup", || {
            ARRANGEMENTS.clear();
            for (row, groups) in &rows {
                black_box(arrangements(row, groups));
            }
        })
        .run();
    println!("{}", outcome.table("by index, a Vec for each row"));
    let ratio = outcome.ratio("speedup", "by index, a Vec for each row");
    bars.check("the rests of two slices passed on", "time over a `Vec` by index", ratio, Limit::AtMost(2.0));
}
