//! Reading what is computed: by random index, and from the first to the last.

use speedup::Buffer;
use speedup_benches::{Bars, Contest, Limit, Scramble, black_box};

/// Reads of one pass by random index.
const READS: usize = 1 << 16;

pub fn run(bars: &mut Bars) {
    random(bars, "random index of 4,096 values", 4_096, 1.1);
    random(bars, "random index of 10 million values", 10_000_000, 2.0);
    iterate(bars, 10_000_000);
}

fn computed(count: usize) -> (Vec<u64>, boxcar::Vec<u64>, Buffer<u64>) {
    let values: Vec<u64> = Scramble(1).take(count).collect();
    let boxed: boxcar::Vec<u64> = values.iter().copied().collect();
    let buffer = Buffer::from_iter(values.clone());
    assert_eq!(buffer.iter().count(), count);
    (values, boxed, buffer)
}

fn random(bars: &mut Bars, work: &str, count: usize, bar: f64) {
    let (values, boxed, buffer) = computed(count);
    let indices: Vec<usize> = Scramble(7).take(READS).map(|n| n as usize % count).collect();
    macro_rules! reads {
        ($values:ident) => {
            |passes| {
                for _ in 0..passes {
                    let (indices, values) = (black_box(&indices), black_box(&$values));
                    black_box(indices.iter().fold(0_u64, |sum, &index| sum.wrapping_add(values[index])));
                }
            }
        };
    }
    let outcome = Contest::new(work, READS as u64)
        .rounds(15)
        .looped("Vec", reads!(values))
        .looped("boxcar", reads!(boxed))
        .looped("Buffer", reads!(buffer))
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
