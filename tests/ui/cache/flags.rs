//! `cache_err` and `cache_none` fit the result.

use speedup::cache;

#[cache(cache_err)]
fn option(n: u64) -> Option<u64> {
    Some(n)
}

#[cache(cache_none)]
fn result(n: u64) -> Result<u64, String> {
    Ok(n)
}

#[cache(cache_none)]
fn number(n: u64) -> u64 {
    n
}

#[cache(cache_err, cache_none)]
fn both(n: u64) -> Result<u64, String> {
    Ok(n)
}

fn main() {}
