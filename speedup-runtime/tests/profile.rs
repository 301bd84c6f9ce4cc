//! `profile`, in a process of its own: it is for the whole process.

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Condvar, LazyLock, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use speedup_runtime::{
    AsyncCache, Cache, profile,
    profile::{Advice, Off},
    profile_within,
};

/// One test at a time: while a profile is taken, other caches keep nothing.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> impl Drop {
    ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn work(n: u64) -> u64 {
    (0..20_000).fold(n, |sum, step| std::hint::black_box(sum.wrapping_mul(31) ^ step))
}

#[test]
fn with_caching_off_every_call_runs_its_body_and_with_it_on_each_key_once() {
    let _alone = alone();
    let runs = std::sync::Arc::new(AtomicU64::new(0));
    let counted = runs.clone();
    let cache = Cache::from_fn(move |n: u64| {
        counted.fetch_add(1, Ordering::Relaxed);
        work(n)
    });
    let mut seen = Vec::new();
    let profile = profile(|| {
        (0..100).for_each(|n| _ = cache.get((n % 10,)));
        seen.push(runs.swap(0, Ordering::Relaxed));
    });
    assert_eq!(seen, [10, 10, 100]);
    assert_eq!(profile.caches.len(), 1);
    assert_eq!((profile.caches[0].stats.hits, profile.caches[0].stats.misses), (90, 10));
    assert!(matches!(profile.off, Off::Took(_)));
    assert_ne!(profile.advice, Advice::NothingCached);
}

#[test]
fn values_and_counts_are_there_afterwards() {
    let _alone = alone();
    let (numbers, texts) = (Cache::from_fn(work), Cache::from_fn(|text: String| text.len()));
    (0..50).for_each(|n| _ = (numbers.get((n,)), texts.get((n.to_string(),))));
    numbers.get((0,));
    let (before, of_texts) = (numbers.stats(), texts.stats());
    let mut empty = Vec::new();
    profile(|| {
        empty.push((numbers.len(), texts.len()));
        (0..60).for_each(|n| _ = (numbers.get((n,)), texts.get((n.to_string(),))));
    });
    assert_eq!(empty, [(0, 0); 3]);
    assert_eq!((numbers.len(), texts.len()), (50, 50));
    assert_eq!(numbers.peek(&(3,)), Some(work(3)));
    assert_eq!((numbers.stats().hits, numbers.stats().misses), (before.hits, before.misses));
    assert_eq!((texts.stats().hits, texts.stats().misses), (of_texts.hits, of_texts.misses));
    assert_eq!(numbers.get((70,)), work(70), "and goes on");
    assert_eq!(numbers.len(), 51);
}

static FIBONACCI: LazyLock<Cache<(u64,), u64>> = LazyLock::new(|| {
    Cache::from_fn(|n: u64| if n < 2 { n } else { FIBONACCI.get((n - 1,)).wrapping_add(FIBONACCI.get((n - 2,))) })
});

#[test]
fn what_would_take_for_ever_without_a_cache_is_given_up() {
    let _alone = alone();
    let profile = profile_within(Duration::from_millis(50), || FIBONACCI.get((90,)));
    assert_eq!(profile.off, Off::MoreThan(Duration::from_millis(50)));
    assert_eq!((profile.caches[0].stats.misses, profile.caches[0].stats.panics), (91, 0));
    assert!(profile.to_string().contains("more than 50.0 ms"), "{profile}");
    assert_eq!(FIBONACCI.get((90,)), 2_880_067_194_370_816_120);
}

#[test]
fn no_call_of_another_thread_is_given_up() {
    let _alone = alone();
    let profile = profile_within(Duration::from_millis(50), || {
        let found = thread::scope(|scope| scope.spawn(|| FIBONACCI.get((90,))).join());
        assert_eq!(found.expect("nobody has taken it away"), 2_880_067_194_370_816_120);
    });
    assert_eq!(profile.off, Off::MoreThan(Duration::from_millis(50)));
    assert_eq!((profile.caches[0].stats.misses, profile.caches[0].stats.panics), (91, 0));
}

#[test]
fn only_the_second_run_is_shared_out() {
    let _alone = alone();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().expect("a pool");
    // In the second run each call waits until another thread has begun one.
    let (run, begun, came) = (AtomicU64::new(0), Mutex::new(HashSet::new()), Condvar::new());
    let meeting = std::sync::Arc::new((run, begun, came));
    let meets = meeting.clone();
    let cache = Cache::from_fn(move |n: u64| {
        let (run, begun, came) = &*meets;
        if run.load(Ordering::SeqCst) == 2 {
            let mut begun = begun.lock().expect("no panic");
            begun.insert(std::thread::current().id());
            came.notify_all();
            let waited = came.wait_timeout_while(begun, Duration::from_secs(60), |begun| begun.len() < 2);
            assert!(!waited.expect("no panic").1.timed_out(), "nobody else comes");
        }
        n
    });
    let mut taken = Vec::new();
    pool.install(|| {
        profile(|| {
            meeting.0.fetch_add(1, Ordering::SeqCst);
            let before = cache.stats().side_by_side;
            cache.get_all((0..32).map(|n| (n,)));
            taken.push(cache.stats().side_by_side - before);
        })
    });
    assert_eq!((taken[0], taken[2]), (0, 0));
    assert!(taken[1] > 0);
}

#[test]
fn an_async_cache_is_off_as_well() {
    let _alone = alone();
    let runs = std::sync::Arc::new(AtomicU64::new(0));
    let counted = runs.clone();
    let cache = AsyncCache::from_fn(move |n: u64| {
        counted.fetch_add(1, Ordering::Relaxed);
        async move { n }
    });
    let mut seen = Vec::new();
    profile(|| {
        (0..20).for_each(|n| _ = pollster::block_on(cache.get((n % 2,))));
        seen.push(runs.swap(0, Ordering::Relaxed));
    });
    assert_eq!(seen, [2, 2, 20]);
    assert_eq!(cache.len(), 0);
}

#[test]
fn a_panic_comes_through_and_leaves_everything_as_it_was() {
    let _alone = alone();
    let cache = Cache::from_fn(work);
    cache.get((1,));
    let end = catch_unwind(AssertUnwindSafe(|| profile(|| -> u64 { panic!("the closure's own") })));
    assert_eq!(end.expect_err("it panics").downcast_ref::<&str>(), Some(&"the closure's own"));
    assert_eq!(cache.len(), 1);
    cache.get((1,));
    assert_eq!(cache.stats().hits, 1, "caching is on again");
}

#[test]
fn a_profile_in_a_profile_is_refused() {
    let _alone = alone();
    let end = catch_unwind(AssertUnwindSafe(|| profile(|| profile(|| 1))));
    let payload = end.expect_err("it panics");
    assert!(payload.downcast_ref::<&str>().is_some_and(|text| text.contains("cannot take one itself")));
}

#[test]
fn a_closure_without_caches_is_told_so() {
    let _alone = alone();
    let profile = profile(|| work(1));
    assert_eq!((profile.advice, profile.caches.len()), (Advice::NothingCached, 0));
}

/// A cache that is listed and has no table: it was first used in another profile, or has been cleared.
#[test]
fn a_cache_without_values_is_profiled_again() {
    let _alone = alone();
    let (cache, cleared) = (Cache::from_fn(work), Cache::from_fn(|text: String| text.len()));
    cleared.get(("text".to_owned(),));
    cleared.clear();
    for _ in 0..3 {
        let profile = profile(|| cache.get((1,)) + cleared.get(("text".to_owned(),)) as u64);
        assert_eq!(profile.caches.len(), 2);
        assert_eq!((cache.len(), cleared.len()), (0, 0));
    }
    assert_eq!(cache.get((1,)), work(1));
}
