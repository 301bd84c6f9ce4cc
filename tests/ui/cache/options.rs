//! Every fault among the options is reported, all of them at once.

use speedup::cache;

#[cache(sequentiel, name = TABLE, name = OTHER, cache_err = true, zebra = 3, capacity = 10, ttl = "30s")]
fn many(n: u64) -> Result<u64, String> {
    Ok(n)
}

#[cache(name = "QUOTED")]
fn quoted(n: u64) -> u64 {
    n
}

#[cache(name = same)]
fn same(n: u64) -> u64 {
    n
}

#[cache(name)]
fn nameless(n: u64) -> u64 {
    n
}

#[cache(name(TABLE))]
fn called(n: u64) -> u64 {
    n
}

#[cache(100)]
fn numbered(n: u64) -> u64 {
    n
}

#[cache(key = |n| n, scoped)]
fn later(n: u64) -> u64 {
    n
}

fn main() {
    // No fault of its own: the functions and their handles are there.
    let _ = (many(1), quoted(1), nameless(1), called(1), numbered(1), later(1));
    let _ = (TABLE.len(), QUOTED.len(), LATER.len());
}
