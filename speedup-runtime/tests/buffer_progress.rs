//! Every way in which buffers, rayon and each other were seen to hang: all of it makes progress or panics.
//!
//! | test | generators | readers |
//! |---|---|---|
//! | `a_hundred_buffers_..` | plain, dear, or on rayon | plain threads, jobs of pools of 1, 2, 4, 8 |
//! | `chains_..` | each reads the one before | plain threads and jobs |
//! | `parallel_bodies_that_read_..` | rayon jobs inside the body read another buffer | jobs |
//! | `generators_that_hide_..` | use rayon unmarked, and read each other from rayon jobs | jobs of the global pool, of 1, 2, 4, 8 threads |
//! | `hofstadter_..` | two read each other, legally | four threads |
//! | `circles_..` | two, then four, need each other's next value | as many threads |

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use rayon::prelude::*;
use speedup_runtime::buffer::{Buffer, Function, Source, State};

/// Fails instead of hanging.
fn within_a_minute(work: impl FnOnce() + Send + 'static) {
    let (done, finished) = mpsc::channel();
    let worker = thread::spawn(move || {
        work();
        done.send(()).expect("the test waits");
    });
    match finished.recv_timeout(Duration::from_secs(60)) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("no progress for a minute"),
        _ => worker.join().expect("the work passes"),
    }
}

fn pools() -> impl Iterator<Item = rayon::ThreadPool> {
    [1, 2, 4, 8]
        .into_iter()
        .map(|threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads can be had"))
}

/// Work of some microseconds.
fn toil(seed: u64, rounds: u64) -> u64 {
    (0..rounds).fold(seed, |state, _| state.wrapping_mul(6_364_136_223_846_793_005).rotate_left(7) ^ 1)
}

fn plain(seed: u64) -> Buffer<u64> {
    Buffer::from_iter((seed..).take(200))
}

fn dear(seed: u64) -> Buffer<u64> {
    Buffer::from_iter((seed..).take(200).map(|n| toil(n, 2_000))).size(4)
}

fn parallel(seed: u64) -> Buffer<u64> {
    Buffer::from_iter(
        (seed..)
            .take(60)
            .map(|n| (0..8_u64).into_par_iter().map(|part| toil(n + part, 300)).reduce(|| 0, u64::wrapping_add)),
    )
}

fn drain(buffers: &[Buffer<u64>]) -> u64 {
    buffers.iter().map(|buffer| buffer.iter().fold(0, |sum: u64, n| sum.wrapping_add(*n))).fold(0, u64::wrapping_add)
}

fn drain_as_jobs(buffers: &[Buffer<u64>]) -> u64 {
    buffers
        .par_iter()
        .map(|buffer| buffer.iter().fold(0, |sum: u64, n| sum.wrapping_add(*n)))
        .reduce(|| 0, u64::wrapping_add)
}

#[test]
fn a_hundred_buffers_are_drained_on_every_pool() {
    within_a_minute(|| {
        for (kind, make) in [plain, dear, parallel, |seed| parallel(seed).uses_rayon()].into_iter().enumerate() {
            let expected = drain(&(0..100).map(make).collect::<Vec<_>>());
            for pool in pools() {
                let buffers: Vec<_> = (0..100).map(make).collect();
                assert_eq!(pool.install(|| drain_as_jobs(&buffers)), expected, "kind {kind} in {pool:?}");
                let buffers: Vec<_> = (0..100).map(make).collect();
                assert_eq!(pool.install(|| drain(&buffers)), expected, "kind {kind} in {pool:?}");
            }
        }
    });
}

#[test]
fn many_jobs_read_one_buffer() {
    within_a_minute(|| {
        for make in [plain, dear, parallel, |seed| parallel(seed).uses_rayon()] {
            let expected: u64 = make(3).iter().fold(0, |sum, n| sum.wrapping_add(*n));
            for pool in pools() {
                let buffer = make(3);
                let sums: Vec<u64> = pool.install(|| {
                    (0..32)
                        .into_par_iter()
                        .with_max_len(1)
                        .map(|_| buffer.iter().fold(0, |sum: u64, n| sum.wrapping_add(*n)))
                        .collect()
                });
                assert!(sums.iter().all(|sum| *sum == expected));
            }
        }
    });
}

#[test]
fn chains_of_buffers_are_drained_by_threads_and_jobs() {
    within_a_minute(|| {
        for pool in pools() {
            let first = Arc::new(Buffer::from_iter(0_u64..));
            let mut chain = vec![first];
            for _ in 0..20 {
                let before = Arc::clone(chain.last().expect("it has a first"));
                chain.push(Arc::new(Buffer::from_iter((0..).map(move |n| before[n] + before[n + 1])).size(4)));
            }
            let last = chain.last().expect("it has a last");
            let expected = |n: u64| (n << 20) + (20 << 19);
            thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| assert!(last.iter().take(300).copied().eq((0..300).map(expected))));
                }
                pool.install(|| {
                    (0..300_usize).into_par_iter().for_each(|n| assert_eq!(last[n], expected(n as u64)));
                });
            });
        }
    });
}

#[test]
fn parallel_bodies_that_read_other_buffers() {
    within_a_minute(|| {
        for pool in pools() {
            for marked in [false, true] {
                let mark = |buffer: Buffer<u64>| if marked { buffer.uses_rayon() } else { buffer };
                let base = Arc::new(mark(Buffer::from_iter((0_u64..).map(|n| toil(n, 100)))));
                let buffers: Vec<_> = (0..20_u64)
                    .map(|seed| {
                        let base = Arc::clone(&base);
                        mark(Buffer::from_iter((0..30).map(move |n| {
                            (0..4_u64).into_par_iter().map(|part| base[(n + part + seed) as usize] >> 8).sum::<u64>()
                        })))
                    })
                    .collect();
                let sum = |buffer: &Buffer<u64>| buffer.iter().fold(0_u64, |sum, n| sum.wrapping_add(*n));
                if marked {
                    pool.install(|| buffers.par_iter().for_each(|buffer| assert!(sum(buffer) > 0)));
                } else {
                    buffers.iter().for_each(|buffer| assert!(sum(buffer) > 0));
                }
            }
        }
    });
}

/// Sums over a parallel loop whose jobs read `base`, which has one itself; nothing says that they use rayon.
fn hidden(base: &Arc<Buffer<u64>>, seed: u64) -> Buffer<u64> {
    let base = Arc::clone(base);
    Buffer::from_iter(
        (0..40).map(move |n| (0..8_u64).into_par_iter().map(|part| base[(n + part + seed) as usize] >> 8).sum::<u64>()),
    )
}

#[test]
fn generators_that_hide_their_use_of_rayon_are_drained_by_jobs_of_the_same_pool() {
    const CHILD: &str = "SPEEDUP_TEST_HIDDEN";
    if std::env::var_os(CHILD).is_some() {
        within_a_minute(|| {
            for _ in 0..5 {
                let base = Arc::new(Buffer::from_iter((0_u64..).map(|n| {
                    (0..16_u32)
                        .into_par_iter()
                        .with_max_len(1)
                        .map(|part| toil(n + u64::from(part), 300) >> 8)
                        .sum::<u64>()
                })));
                let buffers: Vec<_> = (0..20).map(|seed| hidden(&base, seed)).collect();
                let sum = drain_as_jobs(&buffers);
                let again: Vec<_> = (0..20).map(|seed| hidden(&base, seed)).collect();
                assert_eq!(drain_as_jobs(&again), sum);
            }
        });
        return;
    }
    // The size of the global pool is settled once in a process.
    for threads in [1, 2, 4, 8] {
        let name = "generators_that_hide_their_use_of_rayon_are_drained_by_jobs_of_the_same_pool";
        let status = std::process::Command::new(std::env::current_exe().expect("a path"))
            .args(["--exact", name])
            .envs([(CHILD, "1".to_owned()), ("RAYON_NUM_THREADS", threads.to_string())])
            .stdout(std::process::Stdio::null())
            .status()
            .expect("the test runs itself");
        assert!(status.success(), "with {threads} threads");
    }
}

const FEMALE: &Buffer<usize> = {
    static STATE: State<usize> = State::new();
    &Buffer::of(&STATE, Function::new("female", female))
};

const MALE: &Buffer<usize> = {
    static STATE: State<usize> = State::new();
    &Buffer::of(&STATE, Function::new("male", male))
};

fn female() -> Source<usize> {
    Source::from_iter((0..).map(|n| if n == 0 { 1 } else { n - MALE[FEMALE[n - 1]] }))
}

fn male() -> Source<usize> {
    Source::from_iter((0..).map(|n| if n == 0 { 0 } else { n - FEMALE[MALE[n - 1]] }))
}

#[test]
fn hofstadter_sequences_read_each_other() {
    within_a_minute(|| {
        let together = Barrier::new(4);
        thread::scope(|scope| {
            for reader in 0..4 {
                let together = &together;
                scope.spawn(move || {
                    together.wait();
                    for n in 0..3_000 {
                        let _ = if (reader + n / 100) % 2 == 0 { FEMALE[n] } else { MALE[n] };
                    }
                });
            }
        });
        assert_eq!(FEMALE.iter().take(10).copied().collect::<Vec<_>>(), [1, 1, 2, 2, 3, 3, 4, 5, 5, 6]);
        assert_eq!(MALE.iter().take(10).copied().collect::<Vec<_>>(), [0, 0, 1, 2, 2, 3, 4, 4, 5, 6]);
    });
}

/// Four buffers, each of which needs a value of the next; together with the last one they are a circle from value 5 on.
const RING: [&Buffer<usize>; 4] = {
    static STATES: [State<usize>; 4] = [const { State::new() }; 4];
    [
        &Buffer::of(&STATES[0], Function::new("ring 0", || ring(0))),
        &Buffer::of(&STATES[1], Function::new("ring 1", || ring(1))),
        &Buffer::of(&STATES[2], Function::new("ring 2", || ring(2))),
        &Buffer::of(&STATES[3], Function::new("ring 3", || ring(3))),
    ]
};

fn ring(number: usize) -> Source<usize> {
    Source::from_iter((0..).map(move |n| if n < 5 { n } else { RING[(number + 1) % 4][n] + 1 }))
}

#[test]
fn circles_are_panics_that_name_the_buffers() {
    within_a_minute(|| {
        let together = Barrier::new(RING.len());
        thread::scope(|scope| {
            for buffer in RING {
                let together = &together;
                scope.spawn(move || {
                    together.wait();
                    assert_eq!(buffer[4], 4);
                    let payload = catch_unwind(AssertUnwindSafe(|| buffer[5])).expect_err("a circle");
                    let text = payload.downcast_ref::<String>().expect("a text");
                    assert!(text.contains("value 5") && text.contains("ring"), "{text}");
                });
            }
        });
        assert!(RING.iter().all(|buffer| buffer.try_get(4) == Some(&4)));
    });
}

#[test]
fn a_parallel_body_that_asks_for_its_own_next_value_panics() {
    const SELFISH: &Buffer<usize> = {
        static STATE: State<usize> = State::new();
        &Buffer::of(&STATE, Function::new("selfish", source).uses_rayon())
    };
    fn source() -> Source<usize> {
        Source::from_iter((0..).map(|n| (0..4_usize).into_par_iter().map(|part| SELFISH[n + part]).sum()))
    }
    within_a_minute(|| {
        let payload = catch_unwind(|| SELFISH[0]).expect_err("it asks itself");
        let text = payload.downcast_ref::<String>().expect("a text");
        assert!(text.contains("`selfish` itself"), "{text}");
    });
}

#[test]
fn readers_share_one_run_of_the_generator() {
    within_a_minute(|| {
        for rounds in [0, 10, 200, 5_000] {
            let runs = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&runs);
            let buffer = Buffer::from_iter((0..500_u64).map(move |n| {
                counted.fetch_add(1, Ordering::Relaxed);
                toil(n, rounds)
            }));
            let expected: Vec<u64> = (0..500).map(|n| toil(n, rounds)).collect();
            let together = Barrier::new(8);
            thread::scope(|scope| {
                for reader in 0..8 {
                    let (buffer, expected, together) = (&buffer, &expected, &together);
                    scope.spawn(move || {
                        together.wait();
                        if reader % 2 == 0 {
                            assert!(buffer.iter().eq(expected));
                        } else {
                            assert!((0..500).all(|n| buffer[n] == expected[n]));
                        }
                    });
                }
            });
            assert_eq!(runs.load(Ordering::Relaxed), 500);
        }
    });
}
