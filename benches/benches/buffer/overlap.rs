//! Generator and consumer of equal cost: how near the wall time comes to that of either alone.

use std::time::{Duration, Instant};

use pariter::IteratorExt as _;
use speedup::Buffer;
use speedup_benches::{Bars, Contest, Limit, Spin, black_box, on_threads};

const SIZE: usize = 16;

/// Cost of a value, how many of them, and the bar.
const COSTS: [(Duration, u64, f64); 5] = [
    (Duration::from_nanos(100), 300_000, 1.25),
    (Duration::from_nanos(300), 150_000, 1.10),
    (Duration::from_micros(1), 60_000, 1.05),
    (Duration::from_micros(10), 6_000, 1.03),
    (Duration::from_millis(1), 400, 1.02),
];

pub fn run(bars: &mut Bars) {
    for (cost, count, bar) in COSTS {
        overlap(bars, cost, count, bar);
    }
    shared(bars);
}

/// A value is computed from the one before, and so is what its consumer does with it: else the processor would begin the
/// next amount of work before the last is done, and a value would cost less than it says.
fn overlap(bars: &mut Bars, cost: Duration, count: u64, bar: f64) {
    let work = format!("generator and consumer of {cost:?} a value, size 16");
    let spin = Spin::of(cost);
    let step = move |state: &mut u64, value: u64| {
        *state = spin.run(*state ^ value);
        *state
    };
    let make = move || {
        let mut state = 0;
        (0..count).map(move |n| step(&mut state, n))
    };
    let consumer = move || {
        let mut state = 0;
        move |value: u64| {
            black_box(step(&mut state, value));
        }
    };
    let values: Vec<u64> = make().collect();
    let alone = ["generator alone", "consumer alone"];
    let outcome = Contest::new(&work, count)
        .rounds(if cost < Duration::from_millis(1) { 9 } else { 7 })
        .once(alone[0], || {
            make().for_each(|value| {
                black_box(value);
            })
        })
        .once(alone[1], || values.iter().copied().for_each(consumer()))
        .once("Buffer", || {
            let buffer = Buffer::from_iter(make()).size(SIZE);
            buffer.iter().copied().for_each(consumer());
        })
        .once("Buffer, by index", || {
            let buffer = Buffer::from_iter(make()).size(SIZE);
            (0..count as usize).map(|index| buffer[index]).for_each(consumer());
        })
        .once("crossbeam bounded(16)", || {
            let (send, receive) = crossbeam_channel::bounded(SIZE);
            let producer = std::thread::spawn(move || make().all(|value| send.send(value).is_ok()));
            receive.iter().for_each(consumer());
            producer.join().expect("the producer ends");
        })
        .once("pariter readahead(16)", || {
            make().readahead_custom(|options| options.buffer_size(SIZE)).for_each(consumer());
        })
        .once("one after the other", || make().for_each(consumer()))
        .run();
    // The ideal is the slower of the two.
    let ideal = if outcome.ratio(alone[0], alone[1]) >= 1.0 { alone[0] } else { alone[1] };
    println!("{}", outcome.table(ideal));
    bars.check(&work, "Buffer / ideal", outcome.ratio("Buffer", ideal), Limit::AtMost(bar));
}

/// Two readers share one dear generator: it runs once and neither reader takes longer than one alone.
fn shared(bars: &mut Bars) {
    let work = "two readers share a generator of 10us a value";
    let (spin, count) = (Spin::of(Duration::from_micros(10)), 5_000);
    let make = move || (0..count).map(move |n| spin.run(n));
    let read = |readers: usize| {
        let buffer = Buffer::from_iter(make());
        let start = Instant::now();
        on_threads(readers, |_| {
            black_box(buffer.iter().fold(0, |sum: u64, value| sum.wrapping_add(*value)));
        });
        assert_eq!(buffer.stats().computed_ahead + buffer.stats().computed_by_readers, count);
        start.elapsed()
    };
    let outcome = Contest::new(work, count).timed("one reader", || read(1)).timed("two readers", || read(2)).run();
    println!("{}", outcome.table("one reader"));
    bars.check(work, "two / one", outcome.ratio("two readers", "one reader"), Limit::AtMost(1.05));
}
