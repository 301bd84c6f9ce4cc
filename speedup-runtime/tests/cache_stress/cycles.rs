//! Calls that need themselves: each ends with a panic that names the chain, on every thread that takes part.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rayon::prelude::*;

use crate::harness::{POOLS, call_together, everywhere, message, pool, rounds, watched};

cached! {
    const SELF(n: u64) -> u64 => SELF.get((*n,));
    const LAP(n: u64) -> u64 => LAP.get(((n + 1) % 5,));
    const PAIR(n: u64) -> u64 => {
        let [a, b] = PAIR.group([((n + 1) % 7,), (n + 10,).min((20,))]);
        a + b
    };
    const EVEN(n: u64, text: String) -> u64 => ODD.get_ref((n, text.as_str()));
    const ODD(n: u64, text: String) -> u64 => EVEN.get_ref((n, text.as_str()));
    const SPAWNED(n: u64) -> u64 => SPAWNED.spawn(((n + 1) % 3,)).join();
    const SOUND(n: u64) -> u64 => if *n == 0 { 0 } else { SOUND.get((n - 1,)) + 1 };
}

fn cycle_of(call: impl FnOnce() -> u64 + std::panic::UnwindSafe) -> String {
    let text = message(&*catch_unwind(call).expect_err("a cycle is a panic"));
    assert!(text.contains("cycle in cached calls") && text.contains("needs its own result"), "{text}");
    text
}

/// Calls from outside and from pools of all sizes, one and several at a time.
fn from_everywhere(check: impl Fn() + Sync) {
    check();
    for threads in POOLS {
        let pool = pool(threads);
        for _ in 0..rounds(2) {
            for callers in [1, 2, 5] {
                call_together(&pool, callers, |_| check());
                pool.install(&check);
            }
        }
    }
    // Nothing else has come to harm.
    SOUND.clear();
    assert_eq!(SOUND.get((50,)), 50);
}

#[test]
fn a_call_of_itself() {
    watched(|| {
        from_everywhere(|| {
            let text = cycle_of(|| SELF.get((7,)));
            assert!(text.contains("SELF(7) -> SELF(7)"), "{text}");
        });
        assert!(SELF.is_empty());
    });
}

#[test]
fn a_ring() {
    watched(|| {
        from_everywhere(|| {
            let text = cycle_of(|| LAP.get((0,)));
            assert!(text.contains("LAP(4) -> LAP(0)"), "{text}");
        });
        assert!(LAP.is_empty());
    });
}

#[test]
fn a_ring_of_groups() {
    watched(|| from_everywhere(|| assert!(cycle_of(|| PAIR.get((0,))).contains("PAIR("))));
}

#[test]
fn two_functions_that_need_each_other() {
    watched(|| {
        from_everywhere(|| {
            let text = cycle_of(|| EVEN.get_ref((&3, "three")));
            assert!(text.contains("EVEN(3, \"three\")") && text.contains("ODD(3, \"three\")"), "{text}");
        });
    });
}

#[test]
fn a_ring_through_background_calls() {
    watched(|| {
        from_everywhere(|| {
            let text = cycle_of(|| SPAWNED.get((0,)));
            assert!(text.contains("SPAWNED("), "{text}");
        });
    });
}

#[test]
fn a_ring_of_one_key_refreshed() {
    cached! {
        const AGAIN(n: u64) -> u64 => AGAIN.refresh((*n,));
    }
    watched(|| from_everywhere(|| assert!(cycle_of(|| AGAIN.get((1,))).contains("AGAIN(1)"))));
}

#[test]
fn a_ring_that_others_lead_into() {
    cached! {
        // A ring of four, and calls that need one of its members, near and far.
        const TAIL(n: u64) -> u64 => match *n {
            n @ 0..4 => TAIL.get(((n + 1) % 4,)),
            n if n % 3 == 0 => TAIL.get_all([(n - 1,), (n - 3,), (1_000,)])[0],
            1_000 => 7,
            n => TAIL.group([(n - 1,), (n / 2,)])[1],
        };
    }
    watched(|| {
        everywhere(2, |pool, callers| {
            call_together(pool, callers, |caller| {
                let text = cycle_of(|| TAIL.get((40 - 7 * (caller as u64 % 6),)));
                assert!(text.contains("TAIL("), "{text}");
                assert_eq!(TAIL.get((1_000,)), 7, "not part of it");
            });
            assert!(TAIL.len() <= 1);
            TAIL.clear();
        });
    });
}

#[test]
fn a_ring_too_wide_to_be_told_in_full() {
    const ROUND: u64 = 4_000;
    cached! {
        const WIDE(n: u64) -> u64 => WIDE.get(((n + 1) % ROUND,));
    }
    fn check() {
        let text = cycle_of(|| WIDE.get((0,)));
        assert!(text.contains("WIDE(3999) -> WIDE(0)") && text.contains("more calls)"), "{text}");
        assert!(text.len() < 10_000, "a message that can be read");
    }
    watched(|| {
        check();
        for threads in POOLS {
            let pool = pool(threads);
            pool.install(check);
            call_together(&pool, 2, |_| drop(catch_unwind(|| WIDE.get((0,))).expect_err("a cycle")));
        }
        assert!(WIDE.is_empty());
    });
}

/// The two ends of a cycle that two threads close together: each has claimed its own key when it asks for the other's.
static INSIDE: AtomicUsize = AtomicUsize::new(0);
static BOTH: Barrier = Barrier::new(2);

/// Waits for the other thread, but only the first time: a cycle may be walked through again to make sure of it.
fn meet() {
    if INSIDE.fetch_add(1, Ordering::SeqCst) < 2 {
        BOTH.wait();
    }
}

cached! {
    const PING(n: u64) -> u64 => {
        meet();
        PONG.get((*n,))
    };
    const PONG(n: u64) -> u64 => {
        meet();
        PING.get((*n,))
    };
}

#[test]
fn two_threads_that_need_each_other() {
    fn ping() {
        let text = cycle_of(|| PING.get((1,)));
        assert!(text.contains("PING(1)") && text.contains("PONG(1)"), "{text}");
    }
    fn pong() {
        let text = cycle_of(|| PONG.get((1,)));
        assert!(text.contains("PING(1)") && text.contains("PONG(1)"), "{text}");
    }
    watched(|| {
        for threads in POOLS {
            let pool = pool(threads);
            for _ in 0..rounds(3) {
                let again = || {
                    INSIDE.store(0, Ordering::SeqCst);
                    // What is left of the last cycle would keep bodies from beginning.
                    PING.clear();
                    PONG.clear();
                };
                again();
                thread::scope(|scope| {
                    scope.spawn(ping);
                    scope.spawn(pong);
                });
                again();
                thread::scope(|scope| {
                    scope.spawn(ping);
                    scope.spawn(|| pool.install(pong));
                });
                if threads == 1 {
                    // They could not be in the pool both.
                    continue;
                }
                again();
                thread::scope(|scope| {
                    scope.spawn(|| pool.install(ping));
                    scope.spawn(|| pool.install(pong));
                });
                again();
                pool.install(|| rayon::join(ping, pong));
            }
        }
        assert!(PING.is_empty() && PONG.is_empty());
    });
}

#[test]
fn a_ring_of_many_threads() {
    const THREADS: u64 = 6;
    static INSIDE: AtomicUsize = AtomicUsize::new(0);
    static ALL: Barrier = Barrier::new(THREADS as usize);
    cached! {
        const SEAT(n: u64) -> u64 => {
            if INSIDE.fetch_add(1, Ordering::SeqCst) < THREADS as usize {
                ALL.wait();
            }
            SEAT.get(((n + 1) % THREADS,))
        };
    }
    watched(|| {
        let pool = pool(THREADS as usize);
        for _ in 0..rounds(5) {
            INSIDE.store(0, Ordering::SeqCst);
            // What is left of the last round's cycles would keep bodies from beginning.
            SEAT.clear();
            thread::scope(|scope| {
                for seat in 0..THREADS {
                    let pool = &pool;
                    let check = move || assert!(cycle_of(|| SEAT.get((seat,))).contains("SEAT("));
                    scope.spawn(move || if seat % 2 == 0 { check() } else { pool.install(check) });
                }
            });
        }
    });
}

#[test]
fn a_ring_through_rayon_inside_bodies() {
    cached! {
        const KNOWN(n: u64) -> u64, uses_rayon() => {
            let n = *n;
            let (a, b) = rayon::join(|| KNOWN.get(((n + 1) % 4,)), || KNOWN.get(((n + 2) % 4,)));
            a + b
        };
        const HIDDEN(n: u64) -> u64 => {
            let n = *n;
            let (a, b) = rayon::join(|| HIDDEN.get(((n + 1) % 4,)), || HIDDEN.get(((n + 2) % 4,)));
            a + b
        };
    }
    watched(|| {
        for threads in POOLS {
            let pool = pool(threads);
            for callers in [1, 2, 4] {
                call_together(&pool, callers, |_| assert!(cycle_of(|| KNOWN.get((0,))).contains("KNOWN(")));
            }
            // What is not told has to be found out, which takes a while each time.
            call_together(&pool, 2, |_| assert!(cycle_of(|| HIDDEN.get((0,))).contains("HIDDEN(")));
        }
    });
}

#[test]
fn dense_rings_through_rayon_inside_bodies() {
    const KEYS: u64 = 24;
    cached! {
        // Each needs all others: there are more ways into the cycle than can be gone.
        const ALL(n: u64) -> u64 => {
            let others = (0..KEYS).into_par_iter().filter(|other| other != n);
            others.map(|other| ALL.get((other,))).reduce(|| 0, u64::wrapping_add)
        };
        // Each needs two, and so more ways than there are keys lead everywhere.
        const NEXT(n: u64) -> u64 => {
            let (a, b) = rayon::join(|| NEXT.get(((n + 1) % KEYS,)), || NEXT.get(((n + 2) % KEYS,)));
            a + b
        };
        const LONG(n: u64) -> u64 => rayon::join(|| LONG.get(((n + 1) % 300,)), || 0).0;
    }
    watched(|| {
        for threads in POOLS {
            let pool = pool(threads);
            for callers in [1, 2, 4] {
                call_together(&pool, callers, |at| assert!(cycle_of(|| ALL.get((at as u64,))).contains("ALL(")));
                call_together(&pool, callers, |at| assert!(cycle_of(|| NEXT.get((at as u64,))).contains("NEXT(")));
                call_together(&pool, callers, |at| assert!(cycle_of(|| LONG.get((at as u64,))).contains("LONG(")));
            }
        }
        assert!(ALL.is_empty() && NEXT.is_empty() && LONG.is_empty());
    });
}

#[test]
fn a_call_that_needed_itself_is_tried_again() {
    static SOUND: AtomicBool = AtomicBool::new(false);
    cached! {
        const TURN(n: u64) -> u64 => {
            let n = *n;
            if SOUND.load(Ordering::SeqCst) && n < 2 {
                return 1;
            }
            let (a, b) = rayon::join(|| TURN.get(((n + 1) % 6,)), || TURN.get(((n + 2) % 6,)));
            a + b
        };
    }
    watched(|| {
        for threads in POOLS {
            let pool = pool(threads);
            for _ in 0..rounds(5) {
                for inside in [false, true] {
                    let call = |n: u64| if inside { pool.install(|| TURN.get((n,))) } else { TURN.get((n,)) };
                    SOUND.store(false, Ordering::SeqCst);
                    assert!(cycle_of(AssertUnwindSafe(|| call(0))).contains("TURN("));
                    SOUND.store(true, Ordering::SeqCst);
                    // A thread that took part may still be on its way out.
                    let ended = Instant::now();
                    let tried = || catch_unwind(AssertUnwindSafe(|| call(0))).ok();
                    let again = std::iter::repeat_with(tried)
                        .find(|value| value.is_some() || ended.elapsed() > Duration::from_secs(10));
                    assert_eq!(again.flatten(), Some(1));
                    assert_eq!([call(5), call(4), call(3)], [2, 3, 5]);
                    TURN.clear();
                }
            }
        }
    });
}
