//! Recursions in caches that let go of values meanwhile: because of a bound, of an age that ends in the middle of the recursion, of
//! `clear` and `refresh`. Values are right all the same, and there are never too many of them.

use std::{
    collections::HashSet,
    sync::{
        Arc, LazyLock, Mutex, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use rayon::ThreadPool;
use speedup_runtime::{Cache, PolicyCache, clock::Mock};

use crate::harness::{Callers, call_together, everywhere, scramble, seed, watched, work};

/// The time that a call takes by the clock of the tests.
const STEP: Duration = Duration::from_millis(1);

/// In the hands of all tests here, and to the end: nothing else in this program ages.
static CLOCK: LazyLock<Mock> = LazyLock::new(Mock::new);

/// What lets go of values.
#[derive(Clone, Copy, Debug)]
struct Rules {
    room: u64,
    /// How many calls a value lives for.
    life: u32,
}

const UNBOUNDED: u64 = 1 << 40;
const FOR_EVER: u32 = 1 << 30;

impl Rules {
    /// A bound, an age, and both.
    const fn of(room: u64, life: u32) -> [Self; 3] {
        [Self { room, life: FOR_EVER }, Self { room: UNBOUNDED, life }, Self { room, life }]
    }
}

type Grid = PolicyCache<(u64, u64), u64>;
type Line = PolicyCache<(u64,), u64>;

/// A cache of a body that is given the cache; each call takes a step of the clock.
macro_rules! recursive {
    ($rules:expr, |$cache:ident, $($arg:ident),*| $body:expr) => {{
        let rules = $rules;
        Arc::new_cyclic(|own: &Weak<_>| {
            let own = own.clone();
            Cache::from_fn(move |$($arg: u64),*| {
                CLOCK.advance(STEP);
                let $cache: &PolicyCache<_, _> = &*own.upgrade().expect("it is being called");
                $body
            })
            .capacity(rules.room)
            .ttl(STEP * rules.life)
        })
    }};
}

/// Waits until no more is kept than there is room for: a helper, of the pool or of the program's, may be about to keep its last value and
/// to make room for it. The watchdog sees to it that this ends.
fn comes_home<K: speedup_runtime::cache::Key>(pool: &ThreadPool, cache: &PolicyCache<K, u64>, rules: Rules) {
    pool.broadcast(|_| ());
    while cache.len() as u64 > rules.room {
        std::thread::yield_now();
    }
}

/// Everything about a cache whose calls have ended.
fn assert_in_bounds<K: speedup_runtime::cache::Key>(pool: &ThreadPool, cache: &PolicyCache<K, u64>, rules: Rules) {
    comes_home(pool, cache, rules);
    assert_eq!(cache.stats().in_flight, 0, "{rules:?}");
    if rules.life == FOR_EVER {
        // Elsewhere the thread of timers may be letting go of what has expired, between one look and the other.
        assert_eq!(cache.stats().weight, cache.len() as u64, "{rules:?}");
    }
}

const SIDE: u64 = 14;

fn grid(rules: Rules) -> Arc<Grid> {
    recursive!(rules, |cache, a, b| {
        work(a * SIDE + b);
        if a == 0 || b == 0 {
            1
        } else {
            cache.ahead(|name| [(a - 1, b), (a, b - 1)].into_iter().for_each(name));
            cache.get((a - 1, b)) + cache.get((a, b - 1))
        }
    })
}

#[test]
fn a_grid_whose_values_go() {
    watched(|| {
        everywhere(2, |pool, callers| {
            for rules in Rules::of(80, 400) {
                let cache = grid(rules);
                for paths in call_together(pool, callers, |_| cache.get((SIDE - 1, SIDE - 1))) {
                    assert_eq!(paths, 10_400_600);
                }
                assert_in_bounds(pool, &cache, rules);
            }
        });
    });
}

#[test]
fn a_grid_that_is_cleared_and_renewed_meanwhile() {
    watched(|| {
        everywhere(2, |pool, callers: Callers| {
            for rules in Rules::of(120, 600) {
                let cache = grid(rules);
                let ended = AtomicBool::new(false);
                let all = call_together(pool, callers.at_least(3), |caller| match caller {
                    0 => {
                        for round in 0..8 {
                            match round % 4 {
                                _ if ended.load(Ordering::Relaxed) => break,
                                0 => cache.clear(),
                                1 => cache.retain(|(a, b), _| (a + b) % 2 == 0),
                                2 => assert_eq!(cache.refresh((2, 2)), 6),
                                _ => _ = cache.remove(&(5, 5)),
                            }
                            std::thread::yield_now();
                        }
                        10_400_600
                    }
                    _ => {
                        let paths = cache.get((SIDE - 1, SIDE - 1));
                        ended.store(true, Ordering::Relaxed);
                        paths
                    }
                });
                assert_eq!(all, vec![10_400_600; all.len()]);
                // What was just being published when the table went has its place in the queue until the next value comes.
                cache.get((1, 1));
                comes_home(pool, &cache, rules);
            }
        });
    });
}

/// The paths to a cell: what [`grid`] computes.
fn paths(a: u64, b: u64) -> u64 {
    (1..=b).fold(1, |paths, n| paths * (a + n) / n)
}

/// Keys that are being computed, and how often one was that was already.
#[derive(Default)]
struct Running {
    keys: Mutex<HashSet<(u64, u64)>>,
    twice: AtomicUsize,
}

impl Running {
    fn begin(&self, key: (u64, u64)) -> impl Drop {
        struct Run<'a>(&'a Running, (u64, u64));
        impl Drop for Run<'_> {
            fn drop(&mut self) {
                self.0.keys.lock().expect("nobody panics").remove(&self.1);
            }
        }
        if !self.keys.lock().expect("nobody panics").insert(key) {
            self.twice.fetch_add(1, Ordering::Relaxed);
        }
        Run(self, key)
    }
}

/// Has all callers ask for the last cell again and again, while a thread of its own does something else.
fn disturbed(pool: &ThreadPool, callers: Callers, cache: &Grid, rules: Rules, disturb: impl Fn(u64) + Sync) {
    struct Ends<'a>(&'a AtomicBool);
    impl Drop for Ends<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _ends = Ends(&ended);
            for n in 0..40 {
                disturb(n);
                let len = cache.len();
                assert!(len as u64 <= rules.room, "{len} values, {rules:?}");
                std::thread::yield_now();
            }
        });
        call_together(pool, callers, |_| {
            loop {
                assert_eq!(cache.get((SIDE - 1, SIDE - 1)), 10_400_600);
                cache.remove(&(SIDE - 1, SIDE - 1));
                if ended.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
    });
}

#[test]
fn no_key_has_two_calls_at_a_time_while_values_are_taken_out_and_put_in() {
    watched(|| {
        everywhere(1, |pool, callers| {
            let (rules, running) = (Rules { room: 90, life: FOR_EVER }, Arc::new(Running::default()));
            let noted = running.clone();
            let cache: Arc<Grid> = recursive!(rules, |cache, a, b| {
                let _run = noted.begin((a, b));
                if a == 0 || b == 0 {
                    1
                } else {
                    cache.ahead(|name| [(a - 1, b), (a, b - 1)].into_iter().for_each(name));
                    cache.get((a - 1, b)) + cache.get((a, b - 1))
                }
            });
            disturbed(pool, callers, &cache, rules, |n| {
                let (a, b) = (n * 17 % SIDE, n * 29 % SIDE);
                match n % 4 {
                    0 => _ = cache.remove(&(a, b)),
                    1 => cache.retain(|key, _| key.0 % 5 != n % 5),
                    2 => assert_eq!(cache.get((a, b)), paths(a, b)),
                    _ => _ = cache.insert((a, b), paths(a, b)),
                }
            });
            assert_eq!(running.twice.load(Ordering::Relaxed), 0);
            comes_home(pool, &cache, rules);
            // What was taken out while it was being put in still counts, until it comes to the front of the queue.
            let (len, weight) = (cache.len() as u64, cache.stats().weight);
            assert!(len <= weight && weight <= rules.room, "{len} values that weigh {weight}");
        });
    });
}

#[test]
fn values_that_are_renewed_ahead_or_left_idle_while_others_go() {
    watched(|| {
        everywhere(1, |pool, callers| {
            let rules = Rules { room: 90, life: 600 };
            let cache = Arc::new_cyclic(|own: &Weak<Grid>| {
                let own = own.clone();
                let body = move |a: u64, b: u64| {
                    let cache = own.upgrade().expect("it is being called");
                    if a == 0 || b == 0 { 1 } else { cache.get((a - 1, b)) + cache.get((a, b - 1)) }
                };
                let cache = Cache::from_fn(body).capacity(rules.room).ttl(STEP * rules.life);
                cache.idle(STEP * rules.life / 2).refresh_ahead(STEP * rules.life / 4)
            });
            disturbed(pool, callers, &cache, rules, |n| {
                CLOCK.advance(STEP * 40);
                cache.peek(&(n * 17 % SIDE, n * 29 % SIDE));
            });
            assert!(cache.entries().iter().all(|((a, b), value)| *value == paths(*a, *b)));
        });
    });
}

#[test]
fn a_chain_far_longer_than_the_room() {
    const LENGTH: u64 = 1_500;
    watched(|| {
        everywhere(2, |pool, callers| {
            for rules in Rules::of(16, 64) {
                let cache: Arc<Line> = recursive!(rules, |cache, n| {
                    work(n);
                    if n == 0 { 0 } else { cache.get((n - 1,)) + 1 }
                });
                let all = call_together(pool, callers, |caller| cache.get((LENGTH - caller as u64,)));
                for (caller, length) in all.into_iter().enumerate() {
                    assert_eq!(length, LENGTH - caller as u64);
                }
                assert_in_bounds(pool, &cache, rules);
            }
        });
    });
}

#[test]
fn a_random_graph_whose_values_go() {
    const NODES: u64 = 90;
    fn below(node: u64) -> [u64; 3] {
        std::array::from_fn(|at| scramble(seed().wrapping_mul(1_000_003).wrapping_add(node * 3 + at as u64)) % node)
    }
    watched(|| {
        let mut values = vec![1_u64];
        for node in 1..NODES {
            values.push(below(node).into_iter().fold(node, |sum, at| sum.wrapping_mul(31) ^ values[at as usize]));
        }
        everywhere(2, |pool, callers| {
            for rules in Rules::of(40, 200) {
                let cache: Arc<Line> = recursive!(rules, |cache, node| {
                    work(node);
                    if node == 0 {
                        1
                    } else {
                        let below = cache.get_all(below(node).map(|at| (at,)));
                        below.into_iter().fold(node, |sum, value| sum.wrapping_mul(31) ^ value)
                    }
                });
                let all = call_together(pool, callers, |caller| cache.get((NODES - 1 - caller as u64,)));
                for (caller, value) in all.into_iter().enumerate() {
                    assert_eq!(value, values[(NODES - 1) as usize - caller]);
                }
                assert_in_bounds(pool, &cache, rules);
            }
        });
    });
}
