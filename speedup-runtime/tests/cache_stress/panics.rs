//! Panics in bodies: they reach everybody who needs the value, and nobody else.

use std::{
    panic::{catch_unwind, panic_any},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

use crate::harness::{POOLS, call_together, everywhere, message, pool, rounds, watched, work};

#[test]
fn a_panic_reaches_all_who_wait() {
    static ASKING: AtomicUsize = AtomicUsize::new(0);
    static ARMED: AtomicBool = AtomicBool::new(true);
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    cached! {
        const BAD(n: u64, callers: usize) -> u64 => {
            // Most callers are waiting, or about to, when it comes to the panic.
            while ASKING.load(Ordering::SeqCst) < *callers {
                thread::yield_now();
            }
            for step in 0..100 {
                work(step);
            }
            RUNS.fetch_add(1, Ordering::SeqCst);
            match n / 3 % 3 {
                _ if !ARMED.load(Ordering::SeqCst) => *n,
                0 => panic!("bad luck with {n}"),
                1 => panic!("bad luck"),
                _ => panic_any(*n),
            }
        };
    }
    watched(|| {
        let mut kind = 0;
        everywhere(6, |pool, callers| {
            kind += 1;
            // A pool with fewer threads than callers inside cannot have all of them asking at once.
            let at_once = callers.at_once(pool);
            ASKING.store(0, Ordering::SeqCst);
            RUNS.store(0, Ordering::SeqCst);
            ARMED.store(true, Ordering::SeqCst);
            let own = call_together(pool, callers, |_| {
                ASKING.fetch_add(1, Ordering::SeqCst);
                let payload = catch_unwind(|| BAD.get((kind, at_once))).expect_err("a panic for everybody");
                match (kind / 3 % 3, payload.downcast_ref::<u64>()) {
                    (0, _) => assert_eq!(message(&*payload), format!("bad luck with {kind}")),
                    (1, _) => assert_eq!(message(&*payload), "bad luck"),
                    (_, Some(own)) => assert_eq!(*own, kind),
                    (_, None) => {
                        let told = message(&*payload);
                        assert!(
                            told.starts_with(&format!("`bad({kind}, {at_once})` has panicked with something")),
                            "{told}"
                        );
                    }
                }
                payload.is::<u64>()
            });
            if kind / 3 % 3 == 2 {
                let own = own.into_iter().filter(|own| *own).count();
                assert_eq!(own, RUNS.load(Ordering::SeqCst), "who ran it has its payload, the others have a text");
            }
            assert!(!BAD.contains(&(kind, at_once)) && BAD.is_empty());
            ARMED.store(false, Ordering::SeqCst);
            assert_eq!(call_together(pool, callers, |_| BAD.get((kind, at_once))), vec![kind; callers.count]);
            BAD.clear();
        });
    });
}

#[test]
fn a_panic_far_below_in_a_shared_recursion() {
    const SIDE: u32 = 12;
    static ARMED: AtomicBool = AtomicBool::new(false);
    cached! {
        const CELL(a: u32, b: u32) -> u64 => {
            let (a, b) = (*a, *b);
            work(u64::from(a * SIDE + b));
            assert!(!ARMED.load(Ordering::SeqCst) || (a, b) != (3, 4), "cell {a},{b} is rotten");
            if a == 0 || b == 0 {
                1
            } else {
                let [up, left] = CELL.group([(a - 1, b), (a, b - 1)]);
                up + left
            }
        };
    }
    watched(|| {
        everywhere(4, |pool, callers| {
            ARMED.store(true, Ordering::SeqCst);
            call_together(pool, callers, |caller| {
                let payload = catch_unwind(|| match caller % 3 {
                    0 => CELL.get((SIDE - 1, SIDE - 1)),
                    1 => CELL.spawn((SIDE - 1, SIDE - 1)).join(),
                    _ => CELL.get_all((0..SIDE).map(|a| (a, SIDE - 1)))[SIDE as usize - 1],
                });
                assert_eq!(message(&*payload.expect_err("it needs that cell")), "cell 3,4 is rotten");
                assert_eq!(CELL.get((2, 6)), 28, "this one does not need it");
            });
            assert!(!CELL.contains(&(3, 4)) && !CELL.contains(&(SIDE - 1, SIDE - 1)));
            ARMED.store(false, Ordering::SeqCst);
            // A helper may still be on its way to the panic, and takes along who waits for it.
            while catch_unwind(|| CELL.get((SIDE - 1, SIDE - 1))).is_err() {}
            let all = call_together(pool, callers, |_| CELL.get((SIDE - 1, SIDE - 1)));
            assert!(all.iter().all(|paths| *paths == 705_432), "{all:?}");
            CELL.clear();
        });
    });
}

#[test]
fn panics_caught_inside_bodies() {
    cached! {
        const RISKY(n: u64) -> u64 => {
            let n = *n;
            work(n);
            assert!(n % 4 != 1, "no {n}");
            if n < 2 {
                return n;
            }
            let one = catch_unwind(|| RISKY.group([(n - 1,), (n - 2,)])).map_or(1, |[a, b]| a.wrapping_add(b));
            let two = RISKY.get_all([]).len() as u64;
            one + two + catch_unwind(|| RISKY.spawn((n / 2,)).join()).unwrap_or(3)
        };
    }
    watched(|| {
        let expected: Vec<Option<u64>> = (0..60).fold(vec![], |mut values: Vec<Option<u64>>, n: u64| {
            let value = if n % 4 == 1 {
                None
            } else if n < 2 {
                Some(n)
            } else {
                let at = |n: u64| values[n as usize];
                let one = at(n - 1).zip(at(n - 2)).map_or(1, |(a, b)| a.wrapping_add(b));
                Some(one + at(n / 2).unwrap_or(3))
            };
            values.push(value);
            values
        });
        everywhere(3, |pool, callers| {
            call_together(pool, callers, |caller| {
                for n in (0..60).rev().skip(caller) {
                    assert_eq!(catch_unwind(|| RISKY.get((n,))).ok(), expected[n as usize]);
                }
            });
            RISKY.clear();
        });
    });
}

/// A value whose destructor, or whose clone, panics once it is armed.
struct Grenade(u64);

static DROPS: AtomicBool = AtomicBool::new(false);
static CLONES: AtomicBool = AtomicBool::new(false);

impl Clone for Grenade {
    fn clone(&self) -> Self {
        assert!(!CLONES.load(Ordering::SeqCst) || self.0 % 5 != 3, "clone {}", self.0);
        Self(self.0)
    }
}

impl Drop for Grenade {
    fn drop(&mut self) {
        assert!(!DROPS.load(Ordering::SeqCst) || thread::panicking() || self.0 % 5 != 2, "drop {}", self.0);
    }
}

cached! {
    const GRENADES(n: u64) -> Grenade => {
        work(*n);
        if *n > 1 {
            let [a, b] = GRENADES.group([(n - 1,), (n - 2,)]);
            std::mem::forget((a, b));
        }
        Grenade(*n)
    };
}

#[test]
fn panics_in_clone_and_drop_of_results() {
    watched(|| {
        for threads in POOLS {
            let pool = pool(threads);
            for round in 0..rounds(8) {
                for callers in [1, 2, 5] {
                    DROPS.store(round % 2 == 0, Ordering::SeqCst);
                    CLONES.store(round % 4 > 1, Ordering::SeqCst);
                    call_together(&pool, callers, |caller| {
                        for n in 0..20 + caller as u64 {
                            // Whatever comes of it: nobody is left waiting, and nothing aborts.
                            if let Ok(grenade) = catch_unwind(|| GRENADES.get((n,))) {
                                assert_eq!(grenade.0, n);
                                std::mem::forget(grenade);
                            }
                        }
                    });
                    DROPS.store(false, Ordering::SeqCst);
                    CLONES.store(false, Ordering::SeqCst);
                    // Who came to help may still be on the way to a panic, which goes to those who wait for that very call.
                    while catch_unwind(|| drop(GRENADES.get((29,)))).is_err() {}
                    call_together(&pool, callers, |caller| {
                        assert_eq!(GRENADES.get((29 - caller as u64,)).0, 29 - caller as u64)
                    });
                    DROPS.store(round % 2 == 1, Ordering::SeqCst);
                    GRENADES.clear();
                }
            }
        }
        DROPS.store(false, Ordering::SeqCst);
    });
}

/// A key whose clone panics once it is armed.
#[derive(PartialEq, Eq, Hash, Debug)]
struct Fragile(u64);

/// Whether its destructor panics instead.
static BREAKS_AT_THE_END: AtomicBool = AtomicBool::new(false);

impl Drop for Fragile {
    fn drop(&mut self) {
        let harmless = !BREAKS_AT_THE_END.load(Ordering::SeqCst) || thread::panicking();
        assert!(harmless || !self.0.is_multiple_of(3), "end of key {}", self.0);
    }
}

static BREAKS: AtomicBool = AtomicBool::new(false);

impl Clone for Fragile {
    fn clone(&self) -> Self {
        assert!(!BREAKS.load(Ordering::SeqCst) || self.0 % 3 != 1, "key {}", self.0);
        Self(self.0)
    }
}

cached! {
    const FRAGILE(key: Fragile) -> u64 => {
        let n = key.0;
        for step in 0..20 {
            work(n + step);
        }
        if n < 2 {
            1
        } else {
            let [a, b] = FRAGILE.group([(Fragile(n - 1),), (Fragile(n - 2),)]);
            a.wrapping_add(b)
        }
    };
}

#[test]
fn panics_in_clone_and_drop_of_keys() {
    watched(|| {
        for threads in POOLS {
            let pool = pool(threads);
            for round in 0..rounds(12) {
                for callers in [1, 3] {
                    // Half of the entries are there without a value, so that helpers come by them.
                    let breaks = if round % 2 == 0 { &BREAKS } else { &BREAKS_AT_THE_END };
                    breaks.store(true, Ordering::SeqCst);
                    call_together(&pool, callers, |_| drop(catch_unwind(|| FRAGILE.get((Fragile(40),)))));
                    drop(FRAGILE.spawn((Fragile(20),)));
                    pool.install(|| drop(FRAGILE.spawn((Fragile(19),))));
                    breaks.store(false, Ordering::SeqCst);
                    // What was started in the background may still be on its way to a panic, as in the test above.
                    while catch_unwind(|| FRAGILE.get((Fragile(40),))).is_err() {}
                    let all = call_together(&pool, callers, |_| FRAGILE.get((Fragile(40),)));
                    assert!(all.iter().all(|value| *value == 165_580_141), "{all:?}");
                    FRAGILE.clear();
                }
            }
        }
    });
}

#[test]
fn background_calls_that_panic_and_that_nobody_joins() {
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    /// What a panic carries, and what panics again when it is dropped.
    struct Payload;
    impl Drop for Payload {
        fn drop(&mut self) {
            PANICS.fetch_add(1, Ordering::SeqCst);
            if !thread::panicking() {
                panic_any("dropped");
            }
        }
    }
    cached! {
        const DOOMED(n: u64) -> u64 => {
            work(*n);
            match n % 4 {
                0 => panic!("bad luck"),
                1 => panic_any(Payload),
                2 => DOOMED.spawn((n - 1,)).join(),
                _ => *n,
            }
        };
    }
    watched(|| {
        everywhere(6, |pool, callers| {
            call_together(pool, callers, |caller| {
                let caller = caller as u64;
                // Who drops the last handle of a call drops what it panicked with.
                (0..8).for_each(|n| drop(catch_unwind(|| drop(DOOMED.spawn((n,))))));
                DOOMED.spawn_all((0..8).map(|n| (n,)));
                assert_eq!(DOOMED.spawn((4 * caller + 3,)).join(), 4 * caller + 3);
                for n in [0, 1, 2] {
                    let payload = catch_unwind(|| DOOMED.get((4 * caller + n,))).expect_err("each time anew");
                    // Its destructor panics, so it must not run.
                    std::mem::forget(payload);
                }
            });
            // What was started is under way or done by the time that a pool is free for this.
            pool.install(|| assert_eq!(DOOMED.get((7,)), 7));
            assert!((0..3).all(|n| !DOOMED.contains(&(n,))));
            DOOMED.clear();
        });
    });
}

#[test]
fn a_panic_at_the_bottom_of_a_deep_recursion() {
    const DEPTH: u64 = 20_000;
    static ARMED: AtomicBool = AtomicBool::new(false);
    cached! {
        const DEEP(n: u64) -> u64 => {
            assert!(*n > 0 || !ARMED.load(Ordering::SeqCst), "no ground");
            if *n == 0 { 0 } else { DEEP.get((n - 1,)) + 1 }
        };
    }
    watched(|| {
        for threads in POOLS {
            let pool = pool(threads);
            for callers in [1, 3] {
                ARMED.store(true, Ordering::SeqCst);
                call_together(&pool, callers, |_| {
                    let payload = catch_unwind(|| DEEP.get((DEPTH,))).expect_err("it needs the ground");
                    assert_eq!(message(&*payload), "no ground");
                });
                assert!(DEEP.is_empty());
                ARMED.store(false, Ordering::SeqCst);
                assert_eq!(call_together(&pool, callers, |_| DEEP.get((DEPTH,))), vec![DEPTH; callers]);
                DEEP.clear();
            }
        }
    });
}
