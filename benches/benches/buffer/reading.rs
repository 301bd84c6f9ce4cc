//! Reading what is computed: by random index, and from the first to the last.

use speedup::{
    Buffer,
    buffer::{Function, Source, State},
};
use speedup_benches::{Bars, Contest, Limit, Scramble, black_box};

/// Reads of one pass by random index.
const READS: usize = 1 << 16;

pub fn run(bars: &mut Bars) {
    random(bars, "random index of 4,096 values", 4_096, 1.1, |index| SMALL[index]);
    random(bars, "random index of 10 million values", 10_000_000, 2.0, |index| LARGE[index]);
    iterate(bars, 10_000_000);
}

/// As the attribute writes it: the handle is a constant, so the state's address is known when the program is built.
const SMALL: &Buffer<u64> = {
    static STATE: State<u64> = State::new();
    &Buffer::of(&STATE, Function::new("small", || Source::from_iter(Scramble(1).take(4_096))))
};

const LARGE: &Buffer<u64> = {
    static STATE: State<u64> = State::new();
    &Buffer::of(&STATE, Function::new("large", || Source::from_iter(Scramble(1).take(10_000_000))))
};

fn computed(count: usize) -> (Vec<u64>, boxcar::Vec<u64>, Buffer<u64>) {
    let values: Vec<u64> = Scramble(1).take(count).collect();
    let boxed: boxcar::Vec<u64> = values.iter().copied().collect();
    let buffer = Buffer::from_iter(values.clone());
    assert_eq!(buffer.iter().count(), count);
    (values, boxed, buffer)
}

/// Scattered indices below `count`, from a linear congruential generator.
fn indices(count: usize) -> impl Iterator<Item = usize> {
    let mut state = black_box(7_u64);
    (0..READS).map(move |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((u128::from(state) * count as u128) >> 64) as usize
    })
}

fn random(bars: &mut Bars, work: &str, count: usize, bar: f64, fixed: impl Fn(usize) -> u64) {
    let (values, boxed, buffer) = computed(count);
    assert_eq!(fixed(count - 1), values[count - 1]);
    macro_rules! reads {
        ($value:expr) => {
            |passes| {
                for _ in 0..passes {
                    black_box(indices(count).fold(0_u64, |sum, index| sum.wrapping_add($value(index))));
                }
            }
        };
    }
    let (values, boxed, buffer) = (black_box(&values), black_box(&boxed), black_box(&buffer));
    let outcome = Contest::new(work, READS as u64)
        .rounds(15)
        .looped("Vec", reads!(|index: usize| values[index]))
        .looped("boxcar", reads!(|index: usize| boxed[index]))
        .looped("Buffer", reads!(&fixed))
        .looped("Buffer, owned", reads!(|index: usize| buffer[index]))
        .run();
    println!("{}", outcome.table("Vec"));
    bars.check(work, "Buffer / Vec", outcome.ratio("Buffer", "Vec"), Limit::AtMost(bar));
}

fn sum_by_loop<'a>(values: impl IntoIterator<Item = &'a u64>) -> u64 {
    let mut sum = 0_u64;
    for value in values {
        sum = sum.wrapping_add(*value);
    }
    sum
}

fn iterate(bars: &mut Bars, count: usize) {
    let work = "iteration of 10 million values";
    let (values, boxed, buffer) = computed(count);
    let add = |sum: u64, value: &u64| sum.wrapping_add(*value);
    macro_rules! passes {
        ($pass:expr) => {
            |passes| {
                for _ in 0..passes {
                    black_box($pass);
                }
            }
        };
    }
    let outcome = Contest::new(work, count as u64)
        .looped("Vec, fold", passes!(black_box(&values).iter().fold(0, add)))
        .looped("Vec, for", passes!(sum_by_loop(black_box(&values))))
        .looped("boxcar, for", passes!(sum_by_loop(black_box(&boxed).iter().map(|(_, value)| value))))
        .looped("Buffer, fold", passes!(black_box(&buffer).iter().fold(0, add)))
        .looped("Buffer, slices", passes!(black_box(&buffer).ready().fold(0, |sum, slice| slice.iter().fold(sum, add))))
        .looped("Buffer, for", passes!(sum_by_loop(black_box(&buffer))))
        .run();
    println!("{}", outcome.table("Vec, for"));
    bars.check(work, "fold / Vec", outcome.ratio("Buffer, fold", "Vec, fold"), Limit::AtMost(1.05));
    bars.check(work, "slices / Vec", outcome.ratio("Buffer, slices", "Vec, fold"), Limit::AtMost(1.05));
    bars.check(work, "for / Vec", outcome.ratio("Buffer, for", "Vec, for"), Limit::AtMost(1.4));
}
