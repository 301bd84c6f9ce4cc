//! Calls in the background, joined from wherever.

use std::time::Duration;

use speedup_runtime::cache::Task;

use crate::harness::{Counts, POOLS, call_together, everywhere, pool, rounds, watched, work};

#[test]
fn tasks_joined_inside_bodies() {
    const KEYS: u64 = 90;
    static COUNTS: Counts<{ KEYS as usize }> = Counts::new();
    cached! {
        const FIBONACCI(n: u64) -> u64 => {
            let n = *n;
            COUNTS.count(n as usize);
            work(n);
            if n < 2 {
                return n;
            }
            match n % 3 {
                0 => {
                    let other = FIBONACCI.spawn((n - 2,));
                    FIBONACCI.get((n - 1,)) + other.join()
                }
                1 => {
                    let tasks = [n - 2, n - 1].map(|n| FIBONACCI.spawn((n,)));
                    tasks.iter().map(|task| task.clone().join()).sum()
                }
                _ => {
                    FIBONACCI.spawn_all([(n - 1,), (n - 2,), (n - 2,)]);
                    FIBONACCI.get_all([(n - 1,), (n - 2,)]).into_iter().sum()
                }
            }
        };
    }
    watched(|| {
        everywhere(5, |pool, callers| {
            let all = call_together(pool, callers, |caller| match caller % 4 {
                0 => FIBONACCI.get((KEYS - 1,)),
                1 => FIBONACCI.spawn((KEYS - 1,)).join(),
                2 => FIBONACCI.get_all((0..KEYS).map(|n| (n,)))[KEYS as usize - 1],
                _ => {
                    FIBONACCI.spawn_all((0..KEYS).rev().map(|n| (n,)));
                    FIBONACCI.get((KEYS - 1,))
                }
            });
            assert!(all.iter().all(|value| *value == 1_779_979_416_004_714_189), "{all:?}");
            // Tasks that nobody joins may be computed after this; they ask the cache, which has the values by now.
            assert_eq!(COUNTS.once(), KEYS as usize);
            for n in 0..KEYS {
                FIBONACCI.spawn((n,)).join();
            }
            assert_eq!(COUNTS.once(), 0);
            FIBONACCI.clear();
            // What a late task computes after `clear` is counted in no round.
            call_together(pool, 1, |_| FIBONACCI.get((KEYS - 1,)));
            COUNTS.take();
            FIBONACCI.clear();
        });
    });
}

#[test]
fn a_task_can_be_waited_for_in_every_way() {
    cached! {
        const SLOW(n: u64) -> u64 => {
            for step in 0..200 {
                work(n + step);
            }
            if *n == 0 { 0 } else { SLOW.get((n - 1,)) + 1 }
        };
    }
    watched(|| {
        everywhere(3, |pool, callers| {
            call_together(pool, callers, |caller| {
                let task = SLOW.spawn((20 + caller as u64,));
                let value = match caller % 3 {
                    0 => loop {
                        if let Ok(value) = task.join_timeout(Duration::from_micros(50)) {
                            break value;
                        }
                    },
                    1 => task.join(),
                    _ => loop {
                        if let Some(value) = task.try_get() {
                            break value;
                        }
                        assert!(task.join_timeout(Duration::ZERO).is_err() || task.is_finished());
                        if rayon::yield_now().is_none() {
                            std::thread::yield_now();
                        }
                    },
                };
                assert_eq!(value, 20 + caller as u64);
                assert!(task.clone().join() == value && SLOW.contains(&(value,)));
            });
            SLOW.clear();
        });
    });
}

#[test]
fn tasks_waited_for_with_a_limit_inside_bodies() {
    const KEYS: u64 = 40;
    static COUNTS: Counts<{ KEYS as usize }> = Counts::new();
    cached! {
        // All of them are queued at once, and each needs smaller ones: what is queued behind a call may need that call.
        const STAIR(n: u64) -> u64 => {
            let n = *n;
            COUNTS.count(n as usize);
            work(n);
            if n < 2 {
                return n;
            }
            let tasks = [n - 2, n - 1].map(|n| STAIR.spawn((n,)));
            let wait = |task: &Task<u64>| loop {
                if let Ok(value) = task.join_timeout(Duration::from_micros(20)) {
                    break value;
                }
            };
            tasks.iter().map(wait).fold(0, u64::wrapping_add)
        };
    }
    watched(|| {
        everywhere(5, |pool, callers| {
            let all = call_together(pool, callers, |_| {
                STAIR.spawn_all((0..KEYS).map(|n| (n,)));
                STAIR.get((KEYS - 1,))
            });
            assert!(all.iter().all(|value| *value == 63_245_986), "{all:?}");
            // Tasks that nobody joins may be computed later; they ask the cache, which has the values by now.
            assert_eq!(COUNTS.once(), KEYS as usize);
            for n in 0..KEYS {
                STAIR.spawn((n,)).join();
            }
            assert_eq!(COUNTS.once(), 0);
            STAIR.clear();
            call_together(pool, 1, |_| STAIR.get((KEYS - 1,)));
            COUNTS.take();
            STAIR.clear();
        });
    });
}

/// A thread that comes upon the task while the body waits inside rayon finds that it needs that very call, which is then
/// isolated, and starts the task again.
#[test]
fn a_task_that_needs_the_call_that_starts_it() {
    cached! {
        const HINTS(n: u64) -> u64 => {
            if *n > 0 {
                return HINTS.get((0,)) + n;
            }
            let (a, b) = rayon::join(
                || {
                    HINTS.spawn((1,));
                    HINTS.spawn_all((2..5).map(|n| (n,)));
                    1
                },
                || 2,
            );
            a + b
        };
    }
    watched(|| {
        for threads in POOLS {
            let pool = pool(threads);
            for _ in 0..rounds(3) {
                assert_eq!(pool.install(|| HINTS.get((0,))), 3, "{threads} threads");
                assert_eq!(HINTS.get_all((0..5).map(|n| (n,))), [3, 4, 5, 6, 7], "{threads} threads");
                HINTS.clear();
                std::thread::scope(|scope| {
                    for n in 0..threads as u64 {
                        scope.spawn(move || assert_eq!(HINTS.get((n % 2,)), 3 + n % 2));
                    }
                });
                HINTS.clear();
            }
        }
        assert_eq!(HINTS.stats().panics, 0);
    });
}

/// A value that is computed anew because somebody wants it so starts its tasks like any other.
#[test]
fn a_task_of_a_body_that_is_refreshed_runs_in_the_background() {
    cached! {
        const FRESH(n: u64) -> u64 => {
            if *n > 0 {
                return *n;
            }
            FRESH.remove(&(1,));
            let task = FRESH.spawn((1,));
            while !task.is_finished() {
                std::thread::yield_now();
            }
            task.join()
        };
    }
    watched(|| {
        assert_eq!(FRESH.get((0,)), 1);
        assert_eq!(FRESH.refresh((0,)), 1);
    });
}
