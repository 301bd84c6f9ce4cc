//! What a cached function cannot be.

use speedup::cache;

#[cache]
fn generic<T: Clone, const N: usize>(n: T) -> [T; N] {
    std::array::from_fn(|_| n.clone())
}

#[cache]
const fn constant(n: u64) -> u64 {
    n
}

#[cache]
unsafe fn dangerous(n: u64) -> u64 {
    n
}

fn main() {}
