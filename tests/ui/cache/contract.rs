//! What the cache cannot promise for the function.

use speedup::{buffer, cache};

#[cache]
unsafe fn raw(n: u64) -> u64 {
    n
}

#[cache]
const fn constant(n: u64) -> u64 {
    n
}

#[cache]
#[target_feature(enable = "avx2")]
fn wide(n: u64) -> u64 {
    n
}

#[cache]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
fn wide_on_condition(n: u64) -> u64 {
    n
}

#[buffer]
extern "C" fn foreign() -> impl Iterator<Item = u64> {
    0..3
}

#[cache(crate = "my::speedup")]
fn quoted(n: u64) -> u64 {
    n
}

fn main() {}
