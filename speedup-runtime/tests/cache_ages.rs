//! Values that age. All tests set the clock, so they run one after the other.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use speedup_runtime::{Cache, clock::Mock};

const SECOND: Duration = Duration::from_secs(1);

/// A function that counts its runs, and returns the count.
fn counting() -> (Arc<AtomicU64>, impl Fn(u64) -> u64 + Send + Sync + 'static) {
    let runs = Arc::new(AtomicU64::new(0));
    let counted = runs.clone();
    (runs, move |_: u64| counted.fetch_add(1, Ordering::SeqCst) + 1)
}

#[test]
fn an_expired_value_is_computed_again() {
    let clock = Mock::new();
    let (_, function) = counting();
    let cache = Cache::from_fn(function).ttl(30 * SECOND);
    assert_eq!(cache.get((1,)), 1);
    clock.advance(29 * SECOND);
    assert_eq!(cache.get((1,)), 1);
    assert_eq!(cache.age(&(1,)), Some(29 * SECOND));
    assert_eq!(cache.get_if_fresh(&(1,), 20 * SECOND), None);
    assert_eq!(cache.get_if_fresh(&(1,), 30 * SECOND), Some(1));
    clock.advance(SECOND);
    assert_eq!((cache.peek(&(1,)), cache.contains(&(1,)), cache.age(&(1,))), (None, false, None));
    assert_eq!(cache.get((1,)), 2);
    assert_eq!(cache.get_all([(1,), (2,)]), [2, 3]);
    rayon::broadcast(|_| ());
    clock.advance(30 * SECOND);
    // Whichever is computed first.
    let mut again = cache.get_all([(1,), (2,)]);
    again.sort_unstable();
    assert_eq!(again, [4, 5]);
}

#[test]
fn the_age_counts_from_the_end_of_the_computation() {
    let clock = Arc::new(Mock::new());
    let inside = clock.clone();
    let cache = Cache::from_fn(move |n: u64| {
        inside.advance(100 * SECOND);
        n
    })
    .ttl(30 * SECOND);
    cache.get((1,));
    assert_eq!(cache.age(&(1,)), Some(Duration::ZERO));
    clock.advance(29 * SECOND);
    assert!(cache.contains(&(1,)));
}

#[test]
fn what_has_expired_is_let_go_of_without_being_asked_for() {
    let clock = Mock::new();
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = told.clone();
    let cache = Cache::from_fn(|n: u64| n)
        .ttl(10 * SECOND)
        .on_evict(move |key: &(u64,), _: &u64| tell.lock().unwrap().push(key.0));
    cache.get((1,));
    clock.advance(5 * SECOND);
    cache.get((2,));
    assert_eq!(cache.len(), 2);
    clock.advance(20 * SECOND);
    clock.advance(20 * SECOND);
    assert_eq!(cache.len(), 0);
    assert_eq!(cache.stats().expirations, 2);
    let mut told = told.lock().unwrap().clone();
    told.sort_unstable();
    assert_eq!(told, [1, 2]);
}

#[test]
fn each_value_can_say_how_long_it_lives() {
    let clock = Mock::new();
    let cache = Cache::from_fn(|n: u64| n).ttl_of(|value: &u64| Duration::from_secs(*value));
    cache.get_all([(10,), (20,)]);
    // A helper that has computed one is about to give it its time.
    rayon::broadcast(|_| ());
    clock.advance(10 * SECOND);
    assert!(!cache.contains(&(10,)));
    assert!(cache.contains(&(20,)));
}

#[test]
fn who_is_asked_for_is_not_idle() {
    let clock = Mock::new();
    let (_, function) = counting();
    let cache = Cache::from_fn(function).idle(60 * SECOND);
    cache.get((1,));
    for _ in 0..10 {
        clock.advance(50 * SECOND);
        assert_eq!(cache.get((1,)), 1);
    }
    clock.advance(64 * SECOND);
    assert_eq!(cache.get((1,)), 2);
}

#[test]
fn a_hit_late_in_life_is_served_and_starts_one_renewal() {
    let clock = Mock::new();
    let (runs, function) = counting();
    let cache = Cache::from_fn(function).ttl(30 * SECOND).refresh_ahead(5 * SECOND);
    assert_eq!(cache.get((1,)), 1);
    clock.advance(24 * SECOND);
    assert_eq!(cache.get((1,)), 1);
    assert_eq!(runs.load(Ordering::SeqCst), 1, "too early");
    clock.advance(SECOND);
    for _ in 0..10 {
        assert!(cache.get((1,)) <= 2);
    }
    while cache.stats().renewals == 0 {
        thread::yield_now();
    }
    assert_eq!((cache.peek(&(1,)), runs.load(Ordering::SeqCst)), (Some(2), 2));
    // The new one lives from now on.
    clock.advance(20 * SECOND);
    assert_eq!(cache.get((1,)), 2);
    assert_eq!(cache.stats().renewals, 1);
}

#[test]
fn an_error_on_renewal_leaves_the_last_value_in_service() {
    let clock = Mock::new();
    let fails = Arc::new(AtomicBool::new(false));
    let failing = fails.clone();
    let cache = Cache::from_fn(move |n: u64| if failing.load(Ordering::SeqCst) { Err("down") } else { Ok(n) })
        .ttl(10 * SECOND)
        .stale_on_err();
    assert_eq!(cache.get((1,)), Ok(1));
    fails.store(true, Ordering::SeqCst);
    assert_eq!(cache.refresh((1,)), Ok(1));
    clock.advance(15 * SECOND);
    assert_eq!(cache.get((1,)), Ok(1));
    assert_eq!(cache.get((2,)), Err("down"), "there is nothing to serve instead");
    // Not for ever.
    clock.advance(5 * SECOND);
    assert_eq!(cache.get((1,)), Err("down"));
    fails.store(false, Ordering::SeqCst);
    assert_eq!(cache.get((1,)), Ok(1));
}

#[test]
fn a_panic_on_renewal_reaches_the_caller_and_leaves_the_old_value() {
    let _clock = Mock::new();
    let fails = Arc::new(AtomicBool::new(false));
    let failing = fails.clone();
    let cache = Cache::from_fn(move |n: u64| {
        assert!(!failing.load(Ordering::SeqCst), "down");
        n
    })
    .ttl(10 * SECOND);
    cache.get((1,));
    fails.store(true, Ordering::SeqCst);
    assert!(catch_unwind(AssertUnwindSafe(|| cache.refresh((1,)))).is_err());
    assert_eq!(cache.peek(&(1,)), Some(1));
}

#[test]
fn many_who_find_an_expired_value_share_one_call() {
    let clock = Mock::new();
    let (runs, function) = counting();
    let (entered, told) = mpsc::channel();
    let gate = Arc::new(Mutex::new(()));
    let (held, told_of) = (gate.clone(), Mutex::new(entered));
    let cache = Cache::from_fn(move |n: u64| {
        let run = function(n);
        if run > 1 {
            told_of.lock().unwrap().send(()).unwrap();
            drop(held.lock());
        }
        run
    })
    .ttl(10 * SECOND);
    assert_eq!(cache.get((1,)), 1);
    clock.advance(10 * SECOND);
    let closed = gate.lock().unwrap();
    thread::scope(|scope| {
        let all: Vec<_> = (0..4).map(|_| scope.spawn(|| cache.get((1,)))).collect();
        told.recv().unwrap();
        drop(closed);
        for one in all {
            assert_eq!(one.join().unwrap(), 2);
        }
    });
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

#[test]
fn bounded_and_aging_caches_are_both() {
    let clock = Mock::new();
    let cache = Cache::from_fn(|n: u64| n).capacity(10).ttl(10 * SECOND);
    for n in 0..100 {
        cache.get((n,));
        assert!(cache.len() <= 10);
    }
    clock.advance(20 * SECOND);
    assert_eq!((cache.len(), cache.stats().weight), (0, 0));
}
