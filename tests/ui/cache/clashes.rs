//! A name that the handle would have, too, is reported there, and how to name the handle.

use speedup::{buffer, cache};

#[cache]
#[allow(non_snake_case)]
fn FFT(n: u64) -> u64 {
    n
}

#[cache]
fn 斐波那契(n: u64) -> u64 {
    n
}

#[cache]
fn sum(n: u64) -> u64 {
    let SUM = n;
    [1].iter().map(|SUM| SUM * n).sum::<u64>() + SUM
}

#[cache]
fn size(SIZE: u64) -> u64 {
    SIZE
}

const LIMIT: u64 = 3;

#[cache]
fn limit(n: u64) -> u64 {
    n.min(LIMIT)
}

#[cache(name = LIMIT)]
fn bound(n: u64) -> u64 {
    n
}

mod inside {
    use speedup::buffer;

    static COUNT: u64 = 3;

    #[buffer]
    fn count() -> impl Iterator<Item = u64> {
        0..COUNT
    }
}

struct Square;

impl Square {
    const AREA: u64 = 3;

    #[cache]
    fn area(n: u64) -> u64 {
        n * Self::AREA
    }

    // No variable meets `Self::SIDE`.
    #[cache]
    fn side(n: u64) -> u64 {
        let SIDE = n;
        SIDE
    }
}

#[buffer(name = VALUES)]
fn values() -> u64 {
    let VALUES = 1;
    yield_!(VALUES);
}

fn main() {}
