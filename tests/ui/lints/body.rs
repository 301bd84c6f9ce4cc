//! Lints about the body are given once, at the user's words.

#![deny(warnings)]

use speedup::{buffer, cache};

#[cache]
fn cached(n: u64, spare: u64) -> u64 {
    let forgotten = 3;
    let mut steady = n;
    steady
}

#[buffer]
fn buffered(spare: u64) -> u64 {
    let forgotten = 3;
    yield_!(4);
}

fn main() {
    let _ = (cached(1, 2), buffered(1).next());
}
