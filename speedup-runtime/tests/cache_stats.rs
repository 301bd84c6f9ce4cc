//! What `stats()` says of a cache.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Barrier, Condvar, Mutex, atomic::AtomicUsize, atomic::Ordering},
    thread,
    time::Duration,
};

use speedup_runtime::{AsyncCache, Cache, Memo};

/// A body that takes a while, by computing.
fn work(n: u64) -> u64 {
    (0..20_000).fold(n, |sum, step| std::hint::black_box(sum.wrapping_mul(31) ^ step))
}

#[test]
fn every_call_is_counted_once() {
    let cache = Cache::from_fn(|n: u64| {
        assert!(n != 7, "seven");
        n
    });
    (0..10).filter(|n| *n != 7).for_each(|n| _ = cache.get((n,)));
    (0..3).for_each(|n| _ = cache.get((n,)));
    assert!(catch_unwind(AssertUnwindSafe(|| cache.get((7,)))).is_err());
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.misses, stats.computed, stats.panics), (3, 10, 9, 1));
    assert_eq!((stats.entries, stats.len, stats.in_flight, stats.waits), (9, 9, 0, 0));
    assert_eq!((stats.evictions, stats.expirations, stats.store_errors), (0, 0, 0));
}

#[test]
fn who_waits_is_counted_and_what_is_on_its_way_is_seen() {
    let (begun, go) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let (at, on) = (begun.clone(), go.clone());
    let cache = Arc::new(Cache::from_fn(move |n: u64| {
        at.wait();
        on.wait();
        n
    }));
    thread::scope(|scope| {
        scope.spawn(|| cache.get((1,)));
        begun.wait();
        assert_eq!((cache.stats().in_flight, cache.stats().computed), (1, 0));
        scope.spawn(|| cache.get((1,)));
        while cache.stats().waits == 0 {
            thread::yield_now();
        }
        go.wait();
    });
    let stats = cache.stats();
    assert_eq!((stats.in_flight, stats.computed, stats.misses), (0, 1, 1));
    assert!(stats.waits >= 1);
}

#[test]
fn a_call_costs_more_than_a_hit_where_there_is_work() {
    let cache = Cache::from_fn(work);
    assert_eq!((cache.stats().call_cost, cache.stats().hit_cost), (None, None));
    for n in 0..20 {
        cache.get((n,));
        cache.get((n,));
    }
    let stats = cache.stats();
    let (call, hit) = (stats.call_cost.expect("some were timed"), stats.hit_cost.expect("there are values"));
    assert!(call > hit, "a call takes {call:?}, a hit {hit:?}");
    assert_eq!(stats.time_saved, (call - hit) * 20);
}

#[test]
fn what_a_hit_costs_is_not_counted_as_hits() {
    let cache = Cache::from_fn(|text: String| text.len());
    cache.get(("ada".to_string(),));
    assert!(cache.stats().hit_cost.is_some());
    assert_eq!(cache.stats().hits, 0);
    cache.clear();
    assert_eq!(cache.stats().hit_cost, None, "there is nothing to look up");
}

#[test]
fn memory_grows_with_the_entries() {
    let (few, many) = (Cache::from_fn(|n: u64| n), Cache::from_fn(|n: u64| n));
    (0..10).for_each(|n| _ = few.get((n,)));
    (0..100_000).for_each(|n| _ = many.get((n,)));
    assert!(many.stats().estimated_bytes >= 100_000 * 8);
    assert!(few.stats().estimated_bytes < many.stats().estimated_bytes);
    let texts = Cache::from_fn(|text: String| text);
    (0..1_000).for_each(|n: u32| _ = texts.get((n.to_string(),)));
    assert!(texts.stats().estimated_bytes >= 1_000 * 2 * size_of::<String>());
}

#[test]
fn calls_on_other_threads_are_counted() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().expect("a pool");
    // Each waits until two are here, so the first ends only when another thread has begun one.
    let (here, both) = (Arc::new(Mutex::new(0)), Arc::new(Condvar::new()));
    let cache = Cache::from_fn(move |n: u64| {
        let mut here = here.lock().expect("no panic");
        *here += 1;
        both.notify_all();
        let waited = both.wait_timeout_while(here, Duration::from_secs(60), |here| *here < 2).expect("no panic");
        assert!(!waited.1.timed_out(), "one thread computes alone");
        n
    });
    pool.install(|| cache.get_all((0..64).map(|n| (n,))));
    assert!(cache.stats().side_by_side > 0);
    assert_eq!(cache.stats().computed, 64);
}

#[test]
fn a_memo_counts_like_a_cache() {
    let memo: Memo<(u64,), u64> = Memo::new();
    assert_eq!(memo.stats(), speedup_runtime::cache::Stats::default());
    memo.get_with((3,), |(n,): &(u64,)| work(*n));
    memo.get_with((3,), |(n,): &(u64,)| work(*n));
    let stats = memo.stats();
    assert_eq!((stats.hits, stats.computed, stats.entries), (1, 1, 1));
    assert!(stats.call_cost > stats.hit_cost);
}

#[test]
fn an_async_cache_counts_those_who_wait_and_those_who_leave() {
    let runs = Arc::new(AtomicUsize::new(0));

    let counted = runs.clone();
    let cache = AsyncCache::from_fn(move |n: u64| {
        let runs = counted.clone();
        async move {
            runs.fetch_add(1, Ordering::SeqCst);
            if n == 0 { std::future::pending().await } else { n }
        }
    });
    pollster::block_on(async {
        let mut first = std::pin::pin!(cache.get((0,)));
        let mut second = std::pin::pin!(cache.get((0,)));
        std::future::poll_fn(|context| {
            assert!(first.as_mut().poll(context).is_pending() && second.as_mut().poll(context).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        let stats = cache.stats();
        assert_eq!((stats.in_flight, stats.waits, stats.misses, stats.computed), (1, 1, 1, 0));
    });
    let stats = cache.stats();
    assert_eq!((stats.in_flight, stats.computed), (0, 0), "both have left");
    assert_eq!(pollster::block_on(cache.get((5,))), 5);
    let stats = cache.stats();
    assert_eq!((stats.computed, stats.entries, runs.load(Ordering::SeqCst)), (1, 1, 2));
    assert!(stats.call_cost.is_some() && stats.hit_cost.is_some());
}

#[test]
fn what_a_hit_costs_is_found_out_by_whatever_value_is_there() {
    let bounded = Cache::from_fn(|n: u64| n.to_string()).capacity(10);
    (0..1_000).for_each(|n| _ = bounded.get((n,)));
    _ = bounded.remove(&(0,));
    let told = |stats: speedup_runtime::cache::Stats| (stats.call_cost.is_some(), stats.hit_cost.is_some());
    assert_eq!(told(bounded.stats()), (true, true), "the first value has gone");

    let words = Cache::from_fn(|word: String| word.len());
    ["one", "two", "three"].into_iter().for_each(|word| _ = words.get((word.to_owned(),)));
    assert_eq!(words.remove(&("one".to_owned(),)), Some(3));
    assert_eq!(told(words.stats()), (true, true), "the first value was removed");

    let squares = Cache::from_fn(|n: u64| n * n);
    (0..10).for_each(|n| _ = squares.get((n,)));
    (0..9).for_each(|n| _ = squares.remove(&(n,)));
    assert_eq!(told(squares.stats()), (true, true), "so were all but one");
}
