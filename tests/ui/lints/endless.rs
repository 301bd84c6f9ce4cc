//! A function that cannot return is warned of as without the attribute.

#![deny(unconditional_recursion)]

use speedup::cache;

#[cache]
fn countdown(n: u64) -> u64 {
    let next = n.wrapping_sub(1);
    countdown(next) + 1
}

fn main() {
    countdown(3);
}
