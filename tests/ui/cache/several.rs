//! All faults of an invocation come together.

use speedup::cache;

#[cache(sequentiel)]
async unsafe fn everything<T>(list: &mut Vec<T>, n: impl Into<u64>) {
    let _ = (list, n.into());
}

#[cache]
#[cache]
fn twice(n: u64) -> u64 {
    n
}

#[cache]
#[speedup::buffer]
fn both(n: u64) -> Vec<u64> {
    vec![n]
}

fn main() {
    let _ = (twice(1), both(2));
}
