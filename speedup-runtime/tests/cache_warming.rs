//! Keys computed ahead of need: at what speed, with what harm, and who waits for them.
//!
//! The tests that stop the clock are in one program with those that do not: these set no speed.

use std::{
    sync::{
        Arc, Barrier,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use speedup_runtime::{
    Cache, PolicyCache, Warming,
    cache::{Function, State},
    clock::Mock,
};

/// Waits for something that another thread is about to do.
fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        thread::yield_now();
    }
}

#[test]
fn all_keys_are_there_when_it_has_been_joined() {
    let runs = Arc::new(AtomicU64::new(0));
    let counted = runs.clone();
    let cache = Cache::from_fn(move |n: u64| {
        counted.fetch_add(1, Ordering::Relaxed);
        n * n
    });
    cache.insert((3,), 9);
    let warming = cache.warm((0..1_000).map(|n| (n % 500,)));
    warming.join();
    assert!(warming.is_finished());
    assert_eq!((warming.total(), warming.done(), warming.failed()), (1_000, 1_000, 0));
    assert_eq!((cache.len(), runs.load(Ordering::Relaxed)), (500, 499));
}

#[test]
fn a_key_that_panics_is_counted_and_harms_no_other() {
    let cache = Cache::from_fn(|n: u64| {
        assert!(n % 10 != 3, "no such number");
        n
    });
    let warming = cache.warm((0..100).map(|n| (n,)));
    warming.join();
    assert_eq!((warming.done(), warming.failed(), cache.len()), (100, 10, 90));
}

#[test]
fn a_result_that_is_not_kept_is_counted() {
    static STATE: State<(u64,), Option<u64>> = State::new();
    let function = Function::new("odd", |&(n,): &(u64,)| (n % 2 == 1).then_some(n)).keep(Option::is_some);
    let cache = Cache::of(&STATE, function);
    let warming = cache.warm((0..100).map(|n| (n,)));
    warming.join();
    assert_eq!((warming.done(), warming.failed(), cache.len()), (100, 50, 50));
}

#[test]
fn it_goes_on_when_it_is_dropped_and_keeps_its_cache() {
    let last = Arc::new(AtomicU64::new(0));
    let seen = last.clone();
    let cache = Cache::from_fn(move |n: u64| seen.fetch_max(n, Ordering::Relaxed));
    drop(cache.warm((0..500).map(|n| (n,))));
    drop(cache);
    until(|| last.load(Ordering::Relaxed) == 499);
}

#[test]
fn no_key_is_begun_after_it_has_been_cancelled() {
    let (meet, leave) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let (met, left) = (meet.clone(), leave.clone());
    let cache = Cache::from_fn(move |n: u64| {
        if n == 0 {
            met.wait();
            left.wait();
        }
        n
    });
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let warming = pool.install(|| {
        let warming = cache.warm((0..100).map(|n| (n,)));
        assert!(!warming.is_finished());
        warming
    });
    meet.wait();
    warming.cancel();
    assert!(!warming.is_finished(), "one is being called");
    assert!(warming.join_timeout(Duration::ZERO).is_err());
    leave.wait();
    warming.join();
    assert_eq!((warming.total(), warming.done(), cache.len()), (100, 1, 1));
}

#[test]
fn a_speed_is_kept() {
    let clock = Mock::new();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let cache = Cache::from_fn(|n: u64| n).ttl(Duration::from_secs(3_600));
    let warming = pool.install(|| cache.warm((0..100).map(|n| (n,))).per_second(10));
    until(|| warming.done() == 1);
    for second in 1..=9 {
        clock.advance(Duration::from_secs(1));
        until(|| warming.done() == 10 * second + 1);
    }
    // What is late is made up for, and no more.
    clock.advance(Duration::from_secs(60));
    warming.join();
    assert_eq!((warming.done(), cache.len()), (100, 100));
    drop(clock);
}

#[test]
fn who_joins_on_the_only_thread_of_a_pool_takes_part() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let cache = Cache::from_fn(|n: u64| n);
    pool.install(|| cache.warm((0..1_000).map(|n| (n,))).join());
    assert_eq!(cache.len(), 1_000);
}

#[test]
fn a_call_that_joins_what_needs_it_goes_on() {
    for threads in [1, 2, 4] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let cache: Arc<Cache<(u64,), u64>> = Arc::new_cyclic(|cache: &std::sync::Weak<Cache<(u64,), u64>>| {
            let cache = cache.clone();
            Cache::from_fn(move |n: u64| {
                let cache = cache.upgrade().unwrap();
                if n == 0 {
                    cache.warm((0..10).map(|n| (n,))).join();
                }
                n
            })
        });
        assert_eq!(pool.install(|| cache.get((0,))), 0);
        pool.broadcast(|_| ());
        assert!((1..10).all(|n| cache.contains(&(n,))));
    }
}

#[test]
fn a_recursion_is_warmed_at_all_pool_sizes() {
    for threads in [1, 2, 4, 8] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let sums: Arc<PolicyCache<(u64,), u64>> =
            Arc::new_cyclic(|sums: &std::sync::Weak<PolicyCache<(u64,), u64>>| {
                let sums = sums.clone();
                Cache::from_fn(move |n: u64| if n == 0 { 0 } else { n + sums.upgrade().unwrap().get((n - 1,)) })
                    .capacity(10_000)
            });
        let warmings: Vec<Warming> = pool.install(|| (0..4).map(|_| sums.warm((0..500).map(|n| (n,)))).collect());
        warmings.iter().for_each(Warming::join);
        assert!(warmings.iter().all(|warming| (warming.done(), warming.failed()) == (500, 0)));
        assert_eq!((sums.peek(&(499,)), sums.stats().misses), (Some(499 * 250), 500));
    }
}
