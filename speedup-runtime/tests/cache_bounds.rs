//! Caches with a bound: never above it, and all promises hold while values are put out.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use speedup_runtime::{
    Cache, PolicyCache,
    cache::{Function, Hashed, PolicyState, Rules, Stored},
};

fn pools() -> impl Iterator<Item = rayon::ThreadPool> {
    [1, 2, 4, 8].into_iter().map(|threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap())
}

#[test]
fn there_are_never_more_values_than_the_bound() {
    let cache = Cache::from_fn(|n: u64| n + 1).capacity(100);
    for n in 0..10_000 {
        assert_eq!(cache.get((n,)), n + 1);
        assert!(cache.len() <= 100);
    }
    let stats = cache.stats();
    assert_eq!((stats.misses, stats.evictions, stats.weight), (10_000, 9_900, 100));
}

#[test]
fn what_is_asked_for_often_stays() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = runs.clone();
    let cache = Cache::from_fn(move |n: u64| {
        counted.fetch_add(usize::from(n < 10), Ordering::Relaxed);
        n
    })
    .capacity(100);
    for n in 0..20_000 {
        cache.get((n % 10,));
        cache.get((1_000 + n,));
    }
    assert!(runs.load(Ordering::Relaxed) <= 20, "{runs:?}");
}

#[test]
fn values_weigh_what_the_function_says() {
    let cache =
        Cache::from_fn(|n: u64| vec![0_u8; n as usize]).weight(|value: &Vec<u8>| value.len() as u64).capacity(1_000);
    for n in 0..100 {
        cache.get((n,));
        assert!(cache.stats().weight <= 1_000);
    }
    assert_eq!(cache.get((1_001,)).len(), 1_001);
    assert!(!cache.contains(&(1_001,)), "too heavy to be kept");
    let kept: usize = cache.entries().iter().map(|(_, value)| value.len()).sum();
    assert_eq!(kept as u64, cache.stats().weight);
}

#[test]
fn a_value_whose_weight_panics_is_not_kept() {
    let cache = Cache::from_fn(|n: u64| n).weight(|value: &u64| 10 / (value % 10)).capacity(20);
    for n in 1..100 {
        let end = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| cache.get((n,))));
        assert_eq!(end.is_err(), n % 10 == 0);
        assert!(!cache.contains(&(n / 10 * 10,)) && cache.stats().weight <= 20);
    }
}

#[test]
fn whoever_wants_to_is_told_what_goes() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = told.clone();
    let cache = Cache::from_fn(|n: u64| n * 2)
        .capacity(3)
        .on_evict(move |key: &(u64,), value: &u64| tell.lock().unwrap().push((key.0, *value)));
    for n in 0..10 {
        cache.get((n,));
    }
    cache.remove(&(9,));
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 7);
    assert!(told.iter().all(|(key, value)| *value == 2 * key));
}

#[test]
fn values_put_in_removed_and_cleared_are_counted_right() {
    let cache = Cache::from_fn(|n: u64| n).capacity(50);
    for round in 0..200_u64 {
        for n in 0..40 {
            cache.insert((n,), round);
        }
        for n in 0..20 {
            assert_eq!(cache.remove(&(n,)), Some(round));
        }
        assert_eq!(cache.stats().weight, 20);
        if round % 10 == 0 {
            cache.clear();
            assert_eq!((cache.len(), cache.stats().weight), (0, 0));
        }
    }
    assert_eq!(cache.stats().evictions, 0);
}

/// `grid(x, y)` with all cells below it, in a cache with room for so few of them.
fn grid(room: u64) -> Arc<PolicyCache<(u64, u64), u64>> {
    Arc::new_cyclic(|cache: &std::sync::Weak<PolicyCache<(u64, u64), u64>>| {
        let cache = cache.clone();
        Cache::from_fn(move |x: u64, y: u64| {
            if x == 0 || y == 0 {
                return 1;
            }
            let cache = cache.upgrade().unwrap();
            cache.ahead(|name| [(x - 1, y), (x, y - 1)].into_iter().for_each(name));
            cache.get((x - 1, y)) % 1_000_007 + cache.get((x, y - 1)) % 1_000_007
        })
        .capacity(room)
    })
}

fn paths(x: u64, y: u64) -> u64 {
    let mut row = vec![1_u64; x as usize + 1];
    for _ in 0..y {
        for at in 1..row.len() {
            row[at] = row[at] % 1_000_007 + row[at - 1] % 1_000_007;
        }
    }
    row[x as usize]
}

#[test]
fn a_recursion_over_a_grid_is_right_with_room_for_a_few_rows() {
    for pool in pools() {
        let cache = grid(300);
        assert_eq!(pool.install(|| cache.get((24, 24))), paths(24, 24));
        // A helper may be about to keep its last value and to make room for it: it comes home first.
        pool.broadcast(|_| ());
        assert!(cache.len() <= 300);
    }
}

#[test]
fn a_recursion_far_deeper_than_the_room_ends() {
    let cache = Arc::new_cyclic(|cache: &std::sync::Weak<PolicyCache<(u64,), u64>>| {
        let cache = cache.clone();
        Cache::from_fn(move |n: u64| if n == 0 { 0 } else { cache.upgrade().unwrap().get((n - 1,)) + 1 }).capacity(10)
    });
    assert_eq!(cache.get((100_000,)), 100_000);
    assert_eq!(cache.stats().misses, 100_001);
    assert!(cache.len() <= 10);
}

#[test]
fn many_threads_at_once_never_keep_too_much_and_each_key_has_one_call_at_a_time() {
    const THREADS: usize = 8;
    let running: Arc<Vec<AtomicUsize>> = Arc::new((0..500).map(|_| AtomicUsize::new(0)).collect());
    let inside = running.clone();
    let cache = Cache::from_fn(move |n: u64| {
        assert_eq!(inside[n as usize].fetch_add(1, Ordering::SeqCst), 0, "two calls of one key at the same time");
        inside[n as usize].fetch_sub(1, Ordering::SeqCst);
        n * n
    })
    .capacity(64);
    let start = Barrier::new(THREADS);
    thread::scope(|scope| {
        for number in 0..THREADS as u64 {
            let (cache, start) = (&cache, &start);
            scope.spawn(move || {
                start.wait();
                let mut at = number * 7_919 + 1;
                for round in 0..20_000 {
                    at = at.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let n = (at >> 33) % 500;
                    assert_eq!(cache.get((n,)), n * n);
                    match round % 1_000 {
                        17 => _ = cache.remove(&(n,)),
                        27 => _ = cache.insert((n,), n * n),
                        57 => assert!(cache.len() <= 64 + THREADS, "{}", cache.len()),
                        _ => {}
                    }
                }
            });
        }
    });
    cache.get((499,));
    assert!(cache.len() <= 64);
    assert!(cache.stats().weight <= 64);
    assert!(cache.entries().iter().all(|((n,), value)| *value == n * n));
}

#[test]
fn what_is_refreshed_and_cleared_meanwhile_is_counted_right() {
    let cache = Cache::from_fn(|n: u64| n * n).capacity(64);
    thread::scope(|scope| {
        for number in 0..4_u64 {
            let cache = &cache;
            scope.spawn(move || {
                for round in 0..5_000 {
                    let n = (round * 31 + number * 7) % 200;
                    assert_eq!(cache.get((n,)), n * n);
                    match round % 100 {
                        1..20 => assert_eq!(cache.refresh((n,)), n * n),
                        30 if number == 0 => cache.clear(),
                        _ => {}
                    }
                }
            });
        }
    });
    for n in 0..200 {
        cache.get((n,));
        assert!(cache.len() <= 64);
    }
    assert_eq!(cache.stats().weight, cache.len() as u64);
}

#[test]
fn a_panic_reaches_the_caller_and_the_next_call_tries_again() {
    let tries = Arc::new(AtomicU64::new(0));
    let counted = tries.clone();
    let cache = Cache::from_fn(move |n: u64| {
        assert!(counted.fetch_add(1, Ordering::Relaxed) > 0, "the first one fails");
        n
    })
    .capacity(4);
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| cache.get((1,)))).is_err());
    assert_eq!(cache.get((1,)), 1);
    assert_eq!(cache.stats().weight, 1);
}

#[test]
fn a_cycle_is_told() {
    let cache = Arc::new_cyclic(|cache: &std::sync::Weak<PolicyCache<(u64,), u64>>| {
        let cache = cache.clone();
        Cache::from_fn(move |n: u64| cache.upgrade().unwrap().get(((n + 1) % 3,))).capacity(2)
    });
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| cache.get((0,)))).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.contains("needs"), "{text}");
}

#[test]
fn some_are_kept_others_go() {
    let cache = Cache::from_fn(|n: u64| n).capacity(1_000);
    let all = cache.get_all((0..100).map(|n| (n,)));
    assert_eq!(all, (0..100).collect::<Vec<_>>());
    // A helper that has computed one is about to note it.
    rayon::broadcast(|_| ());
    cache.retain(|(n,), _| n % 2 == 0);
    assert_eq!((cache.len(), cache.stats().weight), (50, 50));
    let mut entries = cache.entries();
    entries.sort_unstable();
    assert_eq!(entries.first(), Some(&((0,), 0)));
    assert_eq!(entries.last(), Some(&((98,), 98)));
}

#[test]
fn those_in_statics_work_alike() {
    const RULES: Rules<(u64,), String> = Rules::new().capacity(64).weight(&|value: &String| value.len() as u64);
    static STATE: PolicyState<(u64,), String> = PolicyState::new(RULES);
    const NAMES: &PolicyCache<(u64,), String> = &PolicyCache::of(
        &STATE,
        RULES,
        Function::new("names", |Hashed((n,)): &Hashed<(u64,)>| Stored::of("x".repeat(*n as usize))),
    );
    for n in 0..64 {
        assert_eq!(NAMES.get((n,)).len() as u64, n);
        assert!(NAMES.stats().weight <= 64);
    }
    assert!(NAMES.stats().evictions > 0);
}

#[test]
fn a_bound_holds_whatever_the_function_says_it_keeps() {
    const RULES: Rules<(u64,), u64> = Rules::new().capacity(16);
    static STATE: PolicyState<(u64,), u64> = PolicyState::new(RULES);
    const SQUARES: &PolicyCache<(u64,), u64> = &PolicyCache::of(
        &STATE,
        RULES,
        Function::keeping("squares", |Hashed((n,)): &Hashed<(u64,)>| Stored::of(n * n), |_| true),
    );
    for n in 0..100 {
        assert_eq!(SQUARES.get((n,)), n * n);
        assert!(SQUARES.len() <= 16);
    }
    assert!(SQUARES.stats().evictions >= 84);
}

#[test]
fn who_refreshes_a_key_at_the_same_time_shares_one_call() {
    let (runs, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Barrier::new(2)));
    let (counted, held) = (runs.clone(), gate.clone());
    let cache = Cache::from_fn(move |_: u64| {
        let run = counted.fetch_add(1, Ordering::SeqCst);
        if run == 1 {
            held.wait();
            held.wait();
        }
        run
    });
    assert_eq!(cache.get((1,)), 0);
    thread::scope(|scope| {
        let first = scope.spawn(|| cache.refresh((1,)));
        // The first one is running; the second one finds it claimed.
        gate.wait();
        let second = scope.spawn(|| cache.refresh((1,)));
        assert_eq!(cache.get((1,)), 0, "the old value stays in service");
        gate.wait();
        assert_eq!(first.join().unwrap(), 1);
        // It joined the first one, or came after it.
        assert!(second.join().unwrap() <= 2);
    });
    assert_eq!(cache.peek(&(1,)).unwrap() + 1, runs.load(Ordering::SeqCst));
    assert_eq!(cache.stats().misses as usize, runs.load(Ordering::SeqCst));
}

/// As large a bound as has several queues: nobody goes while there is room, and there are never more at rest, whatever happened.
#[test]
fn a_large_bound_is_filled_to_the_brim() {
    const ROOM: u64 = 5_500;
    let cache = Cache::from_fn(|n: u64| n).capacity(ROOM);
    thread::scope(|scope| {
        for number in 0..4_u64 {
            let cache = &cache;
            scope.spawn(move || {
                for step in 0..20_000_u64 {
                    let key = (step * (2 * number + 1)) % 12_000;
                    assert_eq!(cache.get((key,)), key);
                    match step % 500 {
                        7 => drop(cache.remove(&(key,))),
                        77 => assert_eq!(cache.refresh((key,)), key),
                        277 => drop(cache.insert((key,), key)),
                        _ if step == 10_000 && number == 0 => cache.clear(),
                        _ => {}
                    }
                }
            });
        }
    });
    assert!(cache.len() as u64 <= ROOM);
    (10_000..10_000 + 3 * ROOM).for_each(|key| assert_eq!(cache.get((key,)), key));
    assert_eq!((cache.len() as u64, cache.stats().weight), (ROOM, ROOM));
    cache.clear();
    let before = cache.stats().evictions;
    (0..ROOM).for_each(|key| assert_eq!(cache.get((key,)), key));
    assert!((0..ROOM).all(|key| cache.contains(&(key,))));
    assert_eq!(cache.stats().evictions, before, "there was room for all");
}

#[test]
fn a_value_whose_life_panics_is_not_kept() {
    let life = |n: &u64| if n.is_multiple_of(2) { panic!("no life") } else { Duration::from_secs(3_600) };
    let cache = Cache::from_fn(|n: u64| n).capacity(4).ttl_of(life);
    for n in 0..40 {
        let got = catch_unwind(AssertUnwindSafe(|| cache.get((n,))));
        assert_eq!(got.is_ok(), n % 2 == 1);
        assert_eq!(cache.contains(&(n,)), n % 2 == 1);
    }
    assert_eq!((cache.len(), cache.stats().weight), (4, 4));
}

/// Of a loop over more keys than there is room for a part is kept from the start, in each of several queues: where one of them has fewer
/// values than the others, its keys do not chase each other.
#[test]
fn of_a_loop_a_large_bound_keeps_a_part() {
    let runs = Arc::new(AtomicU64::new(0));
    let counted = runs.clone();
    let count = move |n: u64| {
        counted.fetch_add(1, Ordering::Relaxed);
        n
    };
    let cache = Cache::from_fn(count).capacity(20_000);
    const CALLS: u64 = 240_000;
    (0..CALLS).for_each(|call| assert_eq!(cache.get((call % 24_000,)), call % 24_000));
    // Of nine tenths of them at best 20,000 of 24,000.
    let hits = CALLS - runs.load(Ordering::Relaxed);
    assert!(hits > CALLS * 6 / 10, "{hits} of {CALLS} are hits");
}

/// Whatever was computed is either still there or was told of, once: with one queue and with several.
#[test]
fn each_value_that_goes_is_told_of_once() {
    for (room, keys) in [(50, 400), (6_000, 14_000)] {
        let (made, told) = (Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (counted, tell) = (made.clone(), told.clone());
        let cache = Cache::from_fn(move |n: u64| (n, counted.fetch_add(1, Ordering::Relaxed))).capacity(room).on_evict(
            move |key: &(u64,), value: &(u64, u64)| {
                assert_eq!(key.0, value.0);
                tell.lock().unwrap().push(value.1);
            },
        );
        thread::scope(|scope| {
            for number in 0..4_u64 {
                let cache = &cache;
                scope.spawn(move || {
                    for step in 0..20_000_u64 {
                        let key = (step * step * (2 * number + 1) + number) % keys;
                        assert_eq!(cache.get((key,)).0, key);
                    }
                });
            }
        });
        let mut all: Vec<u64> = cache.entries().into_iter().map(|(_, (_, number))| number).collect();
        assert!(all.len() as u64 <= room);
        all.extend(told.lock().unwrap().iter());
        all.sort_unstable();
        assert!(all.into_iter().eq(0..made.load(Ordering::Relaxed)), "each once");
    }
}

/// Whatever was made and not told of as gone is in the cache, or its call has not ended: one value a thread.
#[test]
fn there_are_never_more_values_than_the_bound_and_one_a_thread() {
    for (room, threads) in [64, 6_000].into_iter().flat_map(|room| [1, 2, 4, 8].map(|threads| (room, threads))) {
        let (made, told) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (make, tell) = (made.clone(), told.clone());
        let cache = Cache::from_fn(move |n: u64| n + make.fetch_add(1, Ordering::SeqCst))
            .capacity(room)
            .on_evict(move |_, _| _ = tell.fetch_add(1, Ordering::SeqCst));
        thread::scope(|scope| {
            for number in 0..threads {
                let (cache, made, told) = (&cache, &made, &told);
                scope.spawn(move || {
                    for step in 0..40_000 / threads {
                        cache.get((step * threads + number,));
                        let made = made.load(Ordering::SeqCst);
                        let kept = made - told.load(Ordering::SeqCst).min(made);
                        assert!(kept <= room + threads, "{kept} of {room} at {threads} threads");
                    }
                });
            }
        });
        assert_eq!(made.load(Ordering::SeqCst) - told.load(Ordering::SeqCst), room, "at {threads} threads");
        assert_eq!(cache.entries().len() as u64, room);
    }
}
