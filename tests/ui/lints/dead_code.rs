//! An unused function gives its one warning, as without the attribute; a function used through its handle gives none.

#![deny(dead_code)]

use speedup::{buffer, cache};

#[cache]
fn unused(n: u64) -> u64 {
    n
}

#[cache]
fn unused_recursive(n: u64) -> u64 {
    if n < 2 { 1 } else { unused_recursive(n - 1) + unused_recursive(n - 2) }
}

#[buffer]
fn unused_values() -> impl Iterator<Item = u64> {
    0..
}

#[buffer]
fn unused_body() -> u64 {
    yield_!(1);
}

struct Point;

impl Point {
    #[cache]
    fn unused_associated(n: u64) -> u64 {
        n
    }
}

#[cache]
fn used_by_handle(n: u64) -> u64 {
    n
}

#[buffer]
fn values_by_handle() -> u64 {
    yield_!(1);
}

#[cache]
fn used(n: u64) -> u64 {
    n
}

fn main() {
    let _ = (USED_BY_HANDLE.len(), VALUES_BY_HANDLE.get(0), used(1), Point);
}
