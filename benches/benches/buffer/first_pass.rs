//! Computing for the first time what costs nothing, so that only the way to the reader counts.

use std::time::{Duration, Instant};

use genawaiter::{rc, sync};
use pariter::IteratorExt as _;
use speedup::{Buffer, buffer::Source};
use speedup_benches::{Bars, Contest, Limit, black_box};

const SIZE: usize = 16;

/// A trivial generator, hidden from the optimiser.
fn trivial(count: u64) -> impl Iterator<Item = u64> + Send + 'static {
    (0..count).filter(|n| black_box(*n) != u64::MAX)
}

fn sum(values: impl Iterator<Item = u64>) -> u64 {
    values.fold(0, |sum, value| sum.wrapping_add(value) ^ 1)
}

fn summed(values: impl IntoIterator<Item = u64>) -> u64 {
    let mut sum = 0_u64;
    for value in values {
        sum = sum.wrapping_add(value) ^ 1;
    }
    sum
}

pub fn run(bars: &mut Bars) {
    pass(bars, 10_000_000);
    channels(bars, 400_000);
    bodies(bars, 10_000_000);
    first_value(bars);
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    let kept = work();
    let elapsed = start.elapsed();
    drop(kept);
    elapsed
}

fn pass(bars: &mut Bars, count: u64) {
    let work = "first pass over 10 million trivial values, size 16";
    let outcome = Contest::new(work, count)
        .rounds(7)
        .once("plain iterator", || {
            black_box(sum(trivial(count)));
        })
        .timed("Vec, collected and iterated", || {
            timed(|| {
                let values: Vec<u64> = trivial(count).collect();
                black_box(summed(values.iter().copied()));
                values
            })
        })
        .timed("boxcar, pushed and iterated", || {
            timed(|| {
                let values = boxcar::Vec::new();
                trivial(count).for_each(|value| {
                    values.push(value);
                });
                black_box(summed(values.iter().map(|(_, value)| *value)));
                values
            })
        })
        .timed("Buffer", || {
            timed(|| {
                let buffer = Buffer::from_iter(trivial(count)).size(SIZE);
                black_box(summed(buffer.iter().copied()));
                buffer
            })
        })
        .timed("Buffer, in batches", || {
            timed(|| {
                let buffer = Buffer::from_iter(trivial(count)).size(SIZE).in_batches();
                black_box(summed(buffer.iter().copied()));
                buffer
            })
        })
        .timed("Buffer, in batches, by index", || {
            timed(|| {
                let buffer = Buffer::from_iter(trivial(count)).size(SIZE).in_batches();
                black_box(summed((0..count as usize).map(|index| buffer[index])));
                buffer
            })
        })
        .run();
    println!("{}", outcome.table("Vec, collected and iterated"));
    let batches = "Buffer, in batches";
    bars.check(work, "Buffer in batches, ns a value", outcome.median(batches), Limit::AtMost(6.0));
    bars.check(
        work,
        "Buffer in batches / Vec",
        outcome.ratio(batches, "Vec, collected and iterated"),
        Limit::AtMost(1.5),
    );
    bars.check(work, "Buffer that may wait, ns a value", outcome.median("Buffer"), Limit::AtMost(20.0));
}

fn channels(bars: &mut Bars, count: u64) {
    let work = "first pass over 400,000 trivial values, size 16, against channels";
    let outcome = Contest::new(work, count)
        .rounds(5)
        .timed("Buffer", || {
            timed(|| {
                let buffer = Buffer::from_iter(trivial(count)).size(SIZE).in_batches();
                black_box(summed(buffer.iter().copied()));
                buffer
            })
        })
        .once("std sync_channel(16)", || {
            let (send, receive) = std::sync::mpsc::sync_channel(SIZE);
            let producer = std::thread::spawn(move || trivial(count).all(|value| send.send(value).is_ok()));
            black_box(summed(receive.iter()));
            producer.join().expect("the producer ends");
        })
        .once("crossbeam bounded(16)", || {
            let (send, receive) = crossbeam_channel::bounded(SIZE);
            let producer = std::thread::spawn(move || trivial(count).all(|value| send.send(value).is_ok()));
            black_box(summed(receive.iter()));
            producer.join().expect("the producer ends");
        })
        .once("rtrb(16), spinning", || ring_buffer(count))
        .once("pariter readahead(16)", || {
            black_box(summed(trivial(count).readahead_custom(|options| options.buffer_size(SIZE))));
        })
        .run();
    println!("{}", outcome.table("Buffer"));
    bars.check(work, "crossbeam / Buffer", outcome.ratio("crossbeam bounded(16)", "Buffer"), Limit::AtLeast(10.0));
}

fn ring_buffer(count: u64) {
    let (mut send, mut receive) = rtrb::RingBuffer::<u64>::new(SIZE);
    let producer = std::thread::spawn(move || {
        for mut value in trivial(count) {
            while let Err(rtrb::PushError::Full(back)) = send.push(value) {
                value = back;
                std::hint::spin_loop();
            }
        }
    });
    let mut left = count;
    let mut sum = 0_u64;
    while left > 0 {
        match receive.pop() {
            Ok(value) => {
                sum = sum.wrapping_add(value) ^ 1;
                left -= 1;
            }
            Err(_) => std::hint::spin_loop(),
        }
    }
    black_box(sum);
    producer.join().expect("the producer ends");
}

fn bodies(bars: &mut Bars, count: u64) {
    let work = "a yield_! body against the same hand-written iterator, first pass over 10 million";
    let outcome = Contest::new(work, count)
        .rounds(7)
        .timed("Buffer of an iterator", || {
            timed(|| {
                let buffer = Buffer::from_iter(trivial(count)).size(SIZE).in_batches();
                black_box(summed(buffer.iter().copied()));
                buffer
            })
        })
        .timed("Buffer of a body", || {
            timed(|| {
                let body = move || {
                    Source::from_body(move |out| async move {
                        for n in 0..count {
                            if black_box(n) != u64::MAX {
                                out.give(n).await;
                            }
                        }
                    })
                };
                let buffer = Buffer::from_source(body).size(SIZE).in_batches();
                black_box(summed(buffer.iter().copied()));
                buffer
            })
        })
        .once("genawaiter rc", || {
            let generator = rc::Gen::new(|co| async move {
                for n in 0..count {
                    if black_box(n) != u64::MAX {
                        co.yield_(n).await;
                    }
                }
            });
            black_box(summed(generator));
        })
        .timed("genawaiter sync", || {
            // A tenth of the values, and ten times their time: it is slow.
            let generator = sync::Gen::new(|co| async move {
                for n in 0..count / 10 {
                    if black_box(n) != u64::MAX {
                        co.yield_(n).await;
                    }
                }
            });
            timed(|| black_box(summed(generator))) * 10
        })
        .run();
    println!("{}", outcome.table("Buffer of an iterator"));
    let more = outcome.median("Buffer of a body") - outcome.median("Buffer of an iterator");
    bars.check(work, "ns a value more", more, Limit::AtMost(2.0));
}

fn first_value(bars: &mut Bars) {
    let work = "first value of a cold buffer";
    let outcome = Contest::new(work, 100)
        .timed("Buffer", || {
            let buffers: Vec<_> = (0..100).map(|_| Buffer::from_iter(trivial(1_000))).collect();
            timed(|| {
                for buffer in &buffers {
                    black_box(buffer[0]);
                }
                buffers
            })
        })
        .run();
    println!("{}", outcome.table("Buffer"));
    bars.check(work, "ns", outcome.median("Buffer"), Limit::AtMost(1_000.0));
}
