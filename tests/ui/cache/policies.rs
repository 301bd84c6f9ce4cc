//! Options that bound a cache or let its values age: what excludes what, and what needs what.

use speedup::cache;

#[cache(capacity = "64 MiB", ttl = "soon", idle = 5)]
fn values(n: u64) -> u64 {
    n
}

#[cache(weight = |value| 1, refresh_ahead = "5s", stale_on_err)]
fn needs(n: u64) -> Result<u64, String> {
    Ok(n)
}

#[cache(capacity = 0, idle = |value| 1)]
fn zero(n: u64) -> u64 {
    n
}

#[cache(ttl = "1h", cache_err, stale_on_err)]
fn both(n: u64) -> Result<u64, String> {
    Ok(n)
}

#[cache(ttl = "1h", cache_none, stale_on_err)]
fn neither(n: u64) -> Option<u64> {
    Some(n)
}

#[cache(capacity = 10, ttl = "1m", scoped)]
fn scope(n: u64) -> u64 {
    n
}

#[cache(ttl = "1m", force_refresh = |m| m == 0)]
fn forced(n: u64) -> u64 {
    n
}

#[cache(ttl = "1m", force_refresh = true)]
fn always(n: u64) -> u64 {
    n
}

#[cache(capacity = 10, returns = ref)]
fn lent(n: u64) -> String {
    n.to_string()
}

#[cache(capacity = 10, scoped)]
fn borrows<'a>(words: &'a [String], at: usize) -> &'a str {
    if at == 0 { &words[0] } else { borrows(words, at - 1) }
}

fn main() {}
