//! First passes over buffers, against a `Vec` that is pushed and read.

use std::time::{Duration, Instant};

use speedup::{Buffer, buffer};
use speedup_benches::{Limit, black_box};

use crate::Row;

macro_rules! passes {
    ($buffer:ident, $count:expr) => {
        [
            ("speedup", || timed(|| sum($buffer.iter().copied()))),
            ("Vec by hand", pushed::<$count>),
            ("speedup, by index", || timed(|| sum((0..$count).map(|index| $buffer[index])))),
            ("speedup, may wait", buffered::<$count>),
        ]
    };
}

/// The rows; of each the first contender is ours: a body that is seen to wait for nobody. One that may wait, as far as is
/// known, makes each value when it is asked for.
pub const ROWS: &[Row] = &[
    Row { work: "buffer of 1,000 trivial values", limit: Limit::AtMost(1.5), contenders: &passes!(COUNT_3, 1_000) },
    Row { work: "buffer of 10,000 trivial values", limit: Limit::AtMost(1.3), contenders: &passes!(COUNT_4, 10_000) },
    Row {
        work: "buffer of 1 million trivial values",
        limit: Limit::AtMost(1.3),
        contenders: &passes!(COUNT_6, 1_000_000),
    },
    Row {
        work: "buffer of 5 million trivial values",
        limit: Limit::AtMost(1.3),
        contenders: &passes!(COUNT_7, 5_000_000),
    },
    Row {
        work: "yield_! body of 10,000 values",
        limit: Limit::AtMost(1.5),
        contenders: &[
            ("speedup", || timed(|| sum(BODY.iter().copied()))),
            ("Vec by hand", pushed::<10_000>),
            ("speedup, clones", || timed(|| sum(body()))),
            ("speedup, may wait", || timed(|| sum(WAITING_BODY.iter().copied()))),
        ],
    },
    Row {
        work: "buffer of 100 values of 1 ms, read at 1 ms each",
        limit: Limit::AtLeast(1.7),
        contenders: &[("speedup", || dear(true)), ("iterator by hand", || dear(false))],
    },
];

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    black_box(work());
    start.elapsed()
}

fn sum(values: impl IntoIterator<Item = u64>) -> u64 {
    let mut sum = 0_u64;
    for value in values {
        sum = sum.wrapping_add(value) ^ 1;
    }
    sum
}

/// Trivial values, hidden from the optimiser.
fn trivial(count: u64) -> impl Iterator<Item = u64> + Send + 'static {
    (0..count).filter(|n| black_box(*n) != u64::MAX)
}

macro_rules! counts {
    ($($name:ident, $count:expr;)*) => {
        $(#[buffer]
        fn $name() -> impl Iterator<Item = u64> {
            (0..$count).filter(|n| std::hint::black_box(*n) != u64::MAX)
        })*
    };
}

counts! {
    count_3, 1_000;
    count_4, 10_000;
    count_6, 1_000_000;
    count_7, 5_000_000;
}

#[buffer]
fn body() -> u64 {
    for n in 0..10_000 {
        if std::hint::black_box(n) != u64::MAX {
            yield_!(n);
        }
    }
}

#[buffer]
fn waiting_body() -> u64 {
    for n in trivial(10_000) {
        yield_!(n);
    }
}

fn buffered<const COUNT: u64>() -> Duration {
    let buffer = Buffer::from_iter(trivial(COUNT));
    timed(|| sum(buffer.iter().copied()))
}

fn pushed<const COUNT: u64>() -> Duration {
    timed(|| {
        let mut values = Vec::new();
        for value in trivial(COUNT) {
            values.push(value);
        }
        sum(values.iter().copied())
    })
}

/// A generator and a reader of a millisecond each.
fn dear(ahead: bool) -> Duration {
    fn toil(n: u64) -> u64 {
        let start = Instant::now();
        let mut state = n;
        while start.elapsed() < Duration::from_millis(1) {
            state = black_box(state.wrapping_mul(6_364_136_223_846_793_005).rotate_left(7));
        }
        state
    }
    let values = (0..100).map(toil);
    if ahead {
        let buffer = Buffer::from_iter(values);
        timed(|| buffer.iter().fold(0, |sum: u64, value| sum ^ toil(*value)))
    } else {
        timed(|| values.fold(0, |sum: u64, value| sum ^ toil(value)))
    }
}
