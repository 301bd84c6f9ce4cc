//! `returns = ref` and `tables` where they cannot be.

use std::cell::Cell;

use speedup::{Memo, cache};

#[cache(returns = value)]
fn otherwise(n: u64) -> u64 {
    n
}

#[cache(returns)]
fn nothing(n: u64) -> u64 {
    n
}

#[cache(returns = ref)]
fn failing(n: u64) -> Result<u64, String> {
    Ok(n)
}

#[cache(returns = ref)]
fn missing(n: u64) -> Option<u64> {
    Some(n)
}

#[cache(scoped, returns = ref)]
fn for_a_call(n: u64) -> u64 {
    n
}

struct Owner {
    memo: Memo<(u64,), u64>,
}

impl Owner {
    #[cache(field = memo, returns = ref)]
    fn owned(&self, n: u64) -> u64 {
        n
    }
}

#[cache(returns = ref)]
async fn later(n: u64) -> u64 {
    n
}

#[cache(tables = 0)]
fn none(path: &[u64], at: usize) -> u64 {
    if at == path.len() { 0 } else { path[at] + none(path, at + 1) }
}

#[cache(tables = 8)]
fn one(n: u64) -> u64 {
    if n == 0 { 0 } else { one(n - 1) }
}

#[cache(returns = ref)]
fn unshared(n: u64) -> Cell<u64> {
    Cell::new(n)
}

fn main() {}
