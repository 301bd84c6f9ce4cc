//! What a cache does for one caller.

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use speedup_runtime::{
    Cache,
    cache::{Function, State},
};

const FIBONACCI: &Cache<(u64,), u128> = {
    static STATE: State<(u64,), u128> = State::new();
    &Cache::of(&STATE, Function::new("fibonacci", |(n,)| fibonacci_uncached(*n)))
};

fn fibonacci_uncached(n: u64) -> u128 {
    if n < 2 {
        1
    } else {
        let [a, b] = FIBONACCI.group([(n - 1,), (n - 2,)]);
        a + b
    }
}

#[test]
fn a_recursion_is_memoized() {
    assert_eq!(FIBONACCI.get((100,)), 573_147_844_013_817_084_101);
    assert!(FIBONACCI.len() >= 101);
    assert_eq!(FIBONACCI.peek(&(5,)), Some(8));
    assert_eq!(FIBONACCI.spawn((90,)).join(), 4_660_046_610_375_530_309);
    assert_eq!(FIBONACCI.get_all((0..6).map(|n| (n,))), [1, 1, 2, 3, 5, 8]);
}

fn counting<K: Clone + Send + Sync + std::hash::Hash + Eq + 'static>() -> (Arc<AtomicUsize>, Cache<(K,), K>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let cache = Cache::from_fn(move |key: K| {
        counted.fetch_add(1, Ordering::Relaxed);
        key
    });
    (count, cache)
}

#[test]
fn every_kind_of_key_is_computed_once() {
    fn check<K: Clone + Send + Sync + std::hash::Hash + Eq + std::fmt::Debug + 'static>(keys: &[K]) {
        let (count, cache) = counting::<K>();
        for _ in 0..3 {
            for key in keys {
                assert_eq!(&cache.get((key.clone(),)), key);
            }
        }
        assert_eq!(count.load(Ordering::Relaxed), keys.len());
        assert_eq!(cache.len(), keys.len());
        let stats = cache.stats();
        assert_eq!((stats.misses, stats.hits), (keys.len() as u64, 2 * keys.len() as u64));
    }
    check(&[0_u8, 1, 255]);
    check(&[i64::MIN, -5, -1, 0, 1, i64::MAX]);
    check(&[u128::MAX, 0, 7]);
    check(&[true, false]);
    check(&['a', 'ß', '\u{10ffff}']);
    check(&["".to_string(), "a".to_string()]);
    check(&[(1_u32, -1_i32), (-1_i32 as u32, 1)]);
    check(&[None, Some(3_u8)]);
    check(&(0..100_000_u64).collect::<Vec<_>>());
    check(&(0..50_000_u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect::<Vec<_>>());
    check(&(0..50_000_u64).map(|n| n * 4_099 % (1 << 28)).collect::<Vec<_>>());
    check(&(0..20_000).map(|n: u32| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn pairs_and_triples_are_found_in_tables_of_any_shape() {
    let cache = Cache::from_fn(|a: i16, b: u64| (a, b));
    let long = (-2..3).flat_map(|a| (0..20_000).step_by(3).map(move |b| (a, b)));
    let keys: Vec<_> = long.chain([(i16::MIN, u64::MAX), (i16::MAX, 0)]).collect();
    for _ in 0..2 {
        for key in &keys {
            assert_eq!(cache.get(*key), *key);
        }
    }
    assert_eq!(cache.len(), keys.len());
    let cache = Cache::from_fn(|a: u8, b: char, c: bool| (a, b, c));
    for key in (0..=255).flat_map(|a| ['x', '語'].map(|b| [(a, b, true), (a, b, false)])).flatten() {
        assert_eq!(cache.get(key), key);
    }
    assert_eq!(cache.len(), 1024);
}

#[test]
fn fours_are_found_in_tables_of_any_shape() {
    let cache = Cache::from_fn(|a: u8, b: i32, c: bool, d: u64| (a, b, c, d));
    let cube = (0..4096_u64).map(|n| ((n % 16) as u8, (n / 16 % 16) as i32 - 8, n & 256 == 0, n / 512));
    // Too sparse for pages, and beyond their range.
    let sparse = (0..6000_u64).map(|n| (n as u8, (n * 7919 % 16_384) as i32, n % 3 == 0, n * 104_729 % 32_768));
    let keys: HashSet<_> =
        cube.chain(sparse).chain([(255, i32::MIN, true, u64::MAX), (0, 0, false, 1 << 15)]).collect();
    for _ in 0..2 {
        for key in &keys {
            assert_eq!(cache.get(*key), *key);
        }
    }
    assert_eq!(cache.len(), keys.len());
    let entries: HashSet<_> = cache.entries().into_iter().map(|(key, value)| (key == value).then_some(key)).collect();
    assert_eq!(entries, keys.iter().map(|key| Some(*key)).collect());
    for key in &keys {
        assert_eq!(cache.remove(key), Some(*key));
    }
    assert!(cache.is_empty());
}

#[test]
fn values_are_replaced_and_forgotten() {
    for shift in [0_u64, 40] {
        let (count, cache) = counting::<u64>();
        let key = 5 << shift;
        assert_eq!(cache.insert((key,), 1), None);
        assert_eq!(cache.get((key,)), 1);
        assert_eq!(cache.insert((key,), 2), Some(1));
        assert_eq!(cache.insert((key,), 3), Some(2));
        assert_eq!(cache.peek(&(key,)), Some(3));
        assert_eq!(cache.refresh((key,)), key);
        assert_eq!(cache.get((key,)), key);
        assert_eq!(cache.remove(&(key,)), Some(key));
        assert_eq!(cache.remove(&(key,)), None);
        assert!(!cache.contains(&(key,)) && cache.is_empty());
        assert_eq!(cache.get((key,)), key);
        assert_eq!(count.load(Ordering::Relaxed), 2);
        cache.clear();
        assert!(cache.is_empty());
        assert_eq!(cache.get((key,)), key);
        assert_eq!(count.load(Ordering::Relaxed), 3);
    }
}

#[test]
fn removed_entries_are_used_again() {
    let (count, cache) = counting::<String>();
    for round in 0..2_000 {
        let key = (round.to_string(),);
        cache.get(key.clone());
        assert_eq!(cache.remove(&key), Some(key.0));
    }
    assert_eq!((count.load(Ordering::Relaxed), cache.len()), (2_000, 0));
}

#[test]
fn values_are_dropped_when_the_cache_is() {
    struct Live(Arc<AtomicUsize>);
    impl Clone for Live {
        fn clone(&self) -> Self {
            self.0.fetch_add(1, Ordering::Relaxed);
            Self(self.0.clone())
        }
    }
    impl Drop for Live {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }
    let live = Arc::new(AtomicUsize::new(0));
    let source = live.clone();
    let cache = Cache::from_fn(move |key: u64| {
        source.fetch_add(1, Ordering::Relaxed);
        let _ = key;
        Live(source.clone())
    });
    for key in (0..100).chain(1 << 40..(1 << 40) + 100) {
        drop(cache.get((key,)));
    }
    assert_eq!(live.load(Ordering::Relaxed), 200);
    cache.remove(&(3,));
    cache.remove(&(1 << 40,));
    assert_eq!(cache.len(), 198);
    drop(cache);
    // Other tests of this process may be looking at their own caches at this moment.
    while live.load(Ordering::Relaxed) > 0 {
        Cache::from_fn(|n: u64| n).clear();
        std::thread::yield_now();
    }
}

#[test]
fn a_panic_is_passed_on_and_nothing_is_kept() {
    let count = Arc::new(AtomicUsize::new(0));
    let calls = count.clone();
    let cache = Cache::from_fn(move |n: u64| {
        assert!(calls.fetch_add(1, Ordering::Relaxed) > 1, "no luck with {n}");
        n
    });
    for _ in 0..2 {
        let payload = catch_unwind(AssertUnwindSafe(|| cache.get((7,)))).unwrap_err();
        assert_eq!(payload.downcast_ref::<String>().map(String::as_str), Some("no luck with 7"));
        assert!(!cache.contains(&(7,)));
    }
    assert_eq!(cache.get((7,)), 7);
    assert_eq!(cache.stats().panics, 2);
}

const LOOP: &Cache<(u64,), u64> = {
    static STATE: State<(u64,), u64> = State::new();
    &Cache::of(&STATE, Function::new("lap", |(n,)| LOOP.get(((n + 1) % 3,))).show(|key, out| write!(out, "{key:?}")))
};

#[test]
fn a_cycle_is_an_error_that_names_the_chain() {
    for _ in 0..2 {
        let payload = catch_unwind(|| LOOP.get((0,))).unwrap_err();
        let text = payload.downcast_ref::<String>().expect("a message");
        assert!(text.contains("lap(0) -> lap(1) -> lap(2) -> lap(0)"), "{text}");
    }
    let payload =
        rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(|| catch_unwind(|| LOOP.get((1,))));
    let text = payload.unwrap_err();
    let text = text.downcast_ref::<String>().expect("a message");
    assert!(text.contains("lap(") && text.contains(" -> "), "{text}");
}

#[test]
fn only_good_results_are_kept_where_that_is_asked_for() {
    static STATE: State<(u64,), Result<u64, String>> = State::new();
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    fn even((n,): &(u64,)) -> Result<u64, String> {
        CALLS.fetch_add(1, Ordering::Relaxed);
        if n % 2 == 0 { Ok(*n) } else { Err(format!("{n} is odd")) }
    }
    let cache = Cache::of(&STATE, Function::new("even", even).keep(Result::is_ok));
    for _ in 0..2 {
        assert_eq!(cache.get((4,)), Ok(4));
        assert_eq!(cache.get((5,)), Err("5 is odd".to_string()));
    }
    assert_eq!(CALLS.load(Ordering::Relaxed), 3);
    assert_eq!(cache.len(), 1);
}

#[test]
fn what_a_function_says_it_keeps_is_kept_and_all_else_is_computed_again() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    const HALVES: &Cache<(u64,), Option<u64>> = {
        static STATE: State<(u64,), Option<u64>> = State::new();
        &Cache::of(&STATE, Function::keeping("halves", |(n,)| half(*n), |half: &Option<u64>| half.is_some()))
    };
    fn half(n: u64) -> Option<u64> {
        RUNS.fetch_add(1, Ordering::SeqCst);
        n.is_multiple_of(2).then_some(n / 2)
    }
    let runs = |n| {
        let before = RUNS.load(Ordering::SeqCst);
        assert_eq!(HALVES.get((n,)), n.is_multiple_of(2).then_some(n / 2));
        RUNS.load(Ordering::SeqCst) - before
    };
    assert_eq!([8, 8, 7, 7].map(runs), [1, 0, 1, 1]);
    assert_eq!((HALVES.peek(&(8,)), HALVES.peek(&(7,)), HALVES.len()), (Some(Some(4)), None, 1));
    // What is computed again goes to where the old value is, whatever it is.
    HALVES.insert((6,), Some(0));
    assert_eq!((HALVES.refresh((6,)), HALVES.peek(&(6,))), (Some(3), Some(Some(3))));
    HALVES.insert((5,), Some(0));
    assert_eq!((HALVES.refresh((5,)), HALVES.peek(&(5,))), (None, Some(Some(0))));
    assert_eq!(HALVES.len(), 3);
}
