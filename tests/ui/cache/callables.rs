//! What an option is called for is checked before the compiler looks at the code around it: each mistake is one error, at what was written.

use speedup::cache;

#[cache(capacity = "1 MiB", weight = 5)]
fn weighed(n: u32) -> String {
    n.to_string()
}

#[cache(capacity = "1 MiB", weight = |value| "heavy")]
fn weighed_by_text(n: u32) -> String {
    n.to_string()
}

#[cache(capacity = 10, on_evict = |key| drop(key))]
fn told_the_key(n: u32) -> u32 {
    n
}

#[cache(on_evict = "log", capacity = 10)]
fn told_nobody(n: u32) -> u32 {
    n
}

#[cache(ttl = |value| 5)]
fn aged_by_number(n: u32) -> u32 {
    n
}

#[cache(ttl = |key, value| key)]
fn aged_by_key(n: u32) -> u32 {
    n
}

#[cache(ttl = "5s", stale_on_err)]
fn without_error(n: u32) -> u32 {
    n
}

#[cache(skip())]
fn skips_nothing(n: u32) -> u32 {
    n
}

fn main() {
    let _ = (WEIGHED.len(), WEIGHED_BY_TEXT.len(), TOLD_THE_KEY.len(), TOLD_NOBODY.len(), AGED_BY_NUMBER.len());
    let _ = (AGED_BY_KEY.len(), WITHOUT_ERROR.len(), SKIPS_NOTHING.len());
}
