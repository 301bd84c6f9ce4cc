//! Bodies that use rayon themselves, whether the cache was told so or not: the values are right and nothing hangs.
//!
//! What such a body computes may be computed twice rather than waited for, and no more often; what lies below it, once.

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rayon::{ThreadPool, ThreadPoolBuilder, prelude::*};

use crate::harness::{Counts, POOLS, call_together, everywhere, pool, scramble, watched, work};

/// The tests of one way of telling, or not telling, that bodies use rayon.
macro_rules! bodies {
    ($($option:ident)?) => {
        use super::*;

        cached! {
            const JOIN(a: u32, b: u32) -> u64 $(, $option())? => {
                let (a, b) = (*a, *b);
                JOINS.count((a * 10 + b) as usize);
                work(u64::from(a * 64 + b));
                if a == 0 || b == 0 {
                    1
                } else {
                    let (up, left) = rayon::join(|| JOIN.get((a - 1, b)), || JOIN.get((a, b - 1)));
                    up + left
                }
            };
            const ITER(n: u64) -> u64 $(, $option())? => {
                work(*n);
                (0..*n).into_par_iter().map(|part| ITER.get((part,)) % 1_000).sum::<u64>() + 1
            };
            const MIXED(n: u64) -> u64 $(, $option())? => {
                let n = *n;
                work(n);
                if n < 3 {
                    return n;
                }
                let parts = [1, 2, 3].map(|at| scramble(n * 3 + at) % n);
                match n % 3 {
                    0 => MIXED.group(parts.map(|part| (part,))).into_iter().fold(0, u64::wrapping_add),
                    1 => {
                        let sums = std::sync::atomic::AtomicU64::new(0);
                        rayon::scope(|scope| {
                            for part in parts {
                                let sums = &sums;
                                scope.spawn(move |_| {
                                    sums.fetch_add(MIXED.get((part,)), std::sync::atomic::Ordering::Relaxed);
                                });
                            }
                        });
                        sums.into_inner()
                    }
                    _ => parts.into_par_iter().map(|part| MIXED.get((part,))).reduce(|| 0, u64::wrapping_add),
                }
            };
            const SUM(n: u64) -> u64 $(, $option())? => {
                (0..*n).into_par_iter().map(|part| PART.get((part,))).reduce(|| 0, u64::wrapping_add)
            };
            const PART(n: u64) -> u64 => {
                let n = *n;
                COUNTS.count(n as usize);
                work(n);
                if n < 2 {
                    n
                } else {
                    let [a, b] = PART.group([(n - 1,), (n - 2,)]);
                    a.wrapping_add(b)
                }
            };
        }

        static COUNTS: Counts<70> = Counts::new();
        static JOINS: Counts<100> = Counts::new();

        #[test]
        fn what_needs_no_rayon_below_what_does_is_computed_once() {
            let (mut parts, mut sums) = (vec![0_u64, 1], vec![0_u64, 0, 1]);
            for n in 2..70 {
                parts.push(parts[n - 1].wrapping_add(parts[n - 2]));
                sums.push(sums[n].wrapping_add(parts[n]));
            }
            watched(move || {
                everywhere(3, |pool, callers| {
                    let all = call_together(pool, callers, |caller| SUM.get((70 - caller as u64,)));
                    for (caller, sum) in all.into_iter().enumerate() {
                        assert_eq!(sum, sums[70 - caller]);
                    }
                    assert_eq!(COUNTS.once(), 70);
                    SUM.clear();
                    PART.clear();
                });
            });
        }

        #[test]
        fn join_on_a_grid_runs_no_call_more_than_twice() {
            watched(|| {
                everywhere(2, |pool, callers| {
                    let all = call_together(pool, callers, |_| JOIN.get((9, 9)));
                    assert!(all.iter().all(|paths| *paths == 48_620), "{all:?}");
                    let most = JOINS.most();
                    assert!(most <= 2, "a key was computed {most} times");
                    JOIN.clear();
                });
            });
        }

        #[test]
        fn par_iter_over_all_smaller_ones() {
            let mut expected = vec![];
            for n in 0..40 {
                expected.push(expected.iter().map(|part| part % 1_000).sum::<u64>() + 1);
                assert_eq!(expected.len(), n + 1);
            }
            watched(move || {
                everywhere(2, |pool, callers| {
                    let all = call_together(pool, callers, |caller| ITER.get((39 - caller as u64,)));
                    for (caller, sum) in all.into_iter().enumerate() {
                        assert_eq!(sum, expected[39 - caller]);
                    }
                    ITER.clear();
                });
            });
        }

        #[test]
        fn every_kind_on_a_random_graph() {
            let mut expected: Vec<u64> = vec![0, 1, 2];
            for n in 3..120 {
                let parts = [1, 2, 3].map(|at| expected[(scramble(n * 3 + at) % n) as usize]);
                expected.push(parts.into_iter().fold(0, u64::wrapping_add));
            }
            watched(move || {
                everywhere(2, |pool, callers| {
                    let all = call_together(pool, callers, |caller| MIXED.get((119 - caller as u64,)));
                    for (caller, sum) in all.into_iter().enumerate() {
                        assert_eq!(sum, expected[119 - caller]);
                    }
                    MIXED.clear();
                });
            });
        }
    };
}

mod told {
    bodies!(uses_rayon);
}

mod hidden {
    bodies!();
}

#[test]
fn a_call_that_waits_for_another_pool_is_no_cycle_whenever_jobs_begin_that_need_it() {
    static OTHER: LazyLock<ThreadPool> = LazyLock::new(|| pool(2));
    static ALL_BEGUN: AtomicBool = AtomicBool::new(false);
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    cached! {
        // As long as this takes, its thread runs what else is queued in its own pool, which needs it as well.
        const AWAY(n: u64) -> u64 => OTHER.install(|| {
            RUNS.fetch_add(1, Ordering::SeqCst);
            while !ALL_BEGUN.load(Ordering::Acquire) {
                thread::yield_now();
            }
            n + 1
        });
    }
    watched(|| {
        for threads in POOLS {
            let pool = pool(threads);
            ALL_BEGUN.store(false, Ordering::Release);
            RUNS.store(0, Ordering::SeqCst);
            pool.in_place_scope(|scope| {
                for job in 0..30 {
                    scope.spawn(|_| assert_eq!(AWAY.get((7,)), 8));
                    // Each comes when the one before is waiting, as far as one can tell, some sooner and some later.
                    thread::sleep(Duration::from_millis(20 + job % 3 * 10));
                }
                ALL_BEGUN.store(true, Ordering::Release);
            });
            let runs = RUNS.load(Ordering::SeqCst);
            assert!((1..=2).contains(&runs), "it ran {runs} times in a pool of {threads}");
            AWAY.clear();
        }
    });
}

#[test]
fn a_body_that_names_the_pool_that_waits_for_it_ends() {
    static OTHERS: LazyLock<[ThreadPool; 2]> = LazyLock::new(|| [1, 2].map(pool));
    static RUNS: Counts<40> = Counts::new();
    cached! {
        // On two threads of two pools in turn, and so as long as there is anything left to be summed.
        const THERE(pool: usize, n: u64) -> u64 => {
            let (pool, n) = (*pool, *n);
            RUNS.count(n as usize);
            OTHERS[pool].install(|| (0..n.min(3)).into_par_iter().map(|by| THERE.get((pool, n - by - 1))).sum::<u64>() + 1)
        };
    }
    watched(|| {
        let mut expected: Vec<u64> = Vec::new();
        for n in 0..24 {
            expected.push((0..n.min(3)).map(|by| expected[n - by - 1]).sum::<u64>() + 1);
        }
        for threads in POOLS {
            let pool = pool(threads);
            for own in 0..2 {
                call_together(&pool, 3, |caller| {
                    assert_eq!(THERE.get((own, 21 + caller as u64)), expected[21 + caller])
                });
                OTHERS[own].scope(|scope| {
                    for n in 0..24 {
                        let expected = &expected;
                        scope.spawn(move |_| assert_eq!(THERE.get((own, n)), expected[n as usize]));
                    }
                });
                THERE.clear();
                let most = RUNS.most();
                assert!(most <= 2, "a key was computed {most} times");
            }
        }
    });
}

#[test]
fn so_many_jobs_need_a_call_that_their_stack_would_not_hold_them() {
    static OTHER: LazyLock<ThreadPool> = LazyLock::new(|| pool(1));
    const JOBS: usize = 150;
    static BEGUN: AtomicUsize = AtomicUsize::new(0);
    cached! {
        // Each job that needs it gives way to the next, on the one thread there is.
        const AWAY(key: String) -> usize => OTHER.install(|| {
            while BEGUN.load(Ordering::Acquire) < JOBS {
                thread::yield_now();
            }
            key.len()
        });
    }
    watched(|| {
        let pool = ThreadPoolBuilder::new().num_threads(1).stack_size(256 << 10).build().expect("a pool");
        pool.scope(|scope| {
            for _ in 0..JOBS {
                scope.spawn(|_| {
                    BEGUN.fetch_add(1, Ordering::Release);
                    assert_eq!(AWAY.get(("four".to_string(),)), 4);
                });
            }
        });
    });
}

/// Helping a thread that has gone on to something else inside rayon: no cycle, even if that needs the helper's own call.
mod helped {
    use super::*;

    static AWAITED_BEGUN: AtomicBool = AtomicBool::new(false);
    static ASKED: AtomicBool = AtomicBool::new(false);
    static HELPED: AtomicBool = AtomicBool::new(false);

    cached! {
        // Its thread goes on to `ASIDE`, which is queued.
        const AWAITED(n: u64) -> u64 => match n {
            0 => {
                AWAITED_BEGUN.store(true, Ordering::Release);
                until(&ASKED, None);
                rayon::yield_now();
                10
            }
            1 => 1,
            // A group, so that what it leads to is shown to others.
            _ => AWAITED.group([(0,), (1,)]).iter().sum(),
        };
        const ASKS(n: u64) -> u64 => {
            until(&AWAITED_BEGUN, None);
            // On a thread of a pool that runs the same call, which seems to need itself then.
            rayon::yield_now();
            ASKED.store(true, Ordering::Release);
            AWAITED.get((*n,)) + 1
        };
        const ASIDE(n: u64) -> u64 => match n {
            0 => ASIDE.group([(1,), (2,)]).iter().sum(),
            // A thread in isolation does not come to help.
            1 => until(&HELPED, Some(Duration::from_millis(100))),
            _ => {
                HELPED.store(true, Ordering::Release);
                ASKS.get((0,))
            }
        };
    }

    fn until(flag: &AtomicBool, longest: Option<Duration>) -> u64 {
        let since = Instant::now();
        while !flag.load(Ordering::Acquire) && longest.is_none_or(|longest| since.elapsed() < longest) {
            thread::yield_now();
        }
        0
    }

    #[test]
    fn what_helps_by_accident_is_no_cycle() {
        watched(|| {
            let ask = || assert_eq!(ASKS.get((0,)), 11);
            for inside in [false, true] {
                for flag in [&AWAITED_BEGUN, &ASKED, &HELPED] {
                    flag.store(false, Ordering::Release);
                }
                let (one, other) = (pool(1), pool(1));
                thread::scope(|scope| {
                    scope.spawn(|| {
                        one.scope(|scope| {
                            scope.spawn(|_| assert_eq!(ASIDE.get((0,)), 11));
                            assert_eq!(AWAITED.get((2,)), 11);
                        });
                    });
                    if inside {
                        other.scope(|scope| {
                            scope.spawn(|_| ask());
                            ask();
                        });
                    } else {
                        ask();
                    }
                });
                AWAITED.clear();
                ASKS.clear();
                ASIDE.clear();
            }
        });
    }
}
