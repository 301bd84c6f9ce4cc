//! Bounds and ages of values that live with their instance, and of caches that stand alone.

use std::{
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use speedup::{AsyncCache, AsyncMemo, Memo, cache, clock::Mock};

use crate::{Count, SECOND};

#[derive(Clone, Default)]
struct Shop {
    memo: Memo<(u64,), u64>,
}

impl Shop {
    #[cache(field = memo, capacity = 10, ttl = "30s")]
    fn price(&self, article: u64) -> u64 {
        article * 3
    }
}

#[test]
fn each_instance_has_a_bound_of_its_own() {
    let _clock = Mock::new();
    let (near, far) = (Shop::default(), Shop::default());
    for article in 0..100 {
        assert_eq!((near.price(article), far.price(article)), (article * 3, article * 3));
    }
    assert_eq!((near.memo.len(), far.memo.len(), near.clone().memo.len()), (10, 10, 0));
    assert_eq!(near.memo.stats().evictions, 90);
    near.memo.retain(|(article,), _| article % 2 == 0);
    assert!(near.memo.entries().iter().all(|((article,), price)| article % 2 == 0 && *price == article * 3));
    near.memo.clear();
    assert!(near.memo.is_empty() && !far.memo.is_empty());
}

#[test]
fn values_of_an_instance_that_has_gone_are_not_looked_for() {
    let clock = Mock::new();
    let (stays, goes) = (Shop::default(), Shop::default());
    assert_eq!((stays.price(1), goes.price(1)), (3, 3));
    drop(goes);
    clock.advance(60 * SECOND);
    assert_eq!((stays.memo.peek(&(1,)), stays.memo.contains(&(1,))), (None, false));
    assert_eq!(stays.price(1), 3);
    assert_eq!(stays.memo.remove(&(1,)), Some(3));
}

#[test]
fn one_memo_for_a_function_with_a_bound_and_for_what_is_put_in_by_hand() {
    let _clock = Mock::new();
    let shop = Shop::default();
    assert_eq!(shop.memo.get_with((1_000,), |(n,): &(u64,)| *n), 1_000);
    (0..100).for_each(|article| assert_eq!(shop.price(article), article * 3));
    assert_eq!(shop.memo.len(), 11);
    assert_eq!((shop.memo.peek(&(1_000,)), shop.memo.entries().len()), (Some(1_000), 11));
}

#[test]
fn an_async_memo_has_bounds_and_ages() {
    #[derive(Default)]
    struct Shop {
        memo: AsyncMemo<(u64,), u64>,
    }

    impl Shop {
        #[cache(field = memo, capacity = 10, ttl = "30s")]
        async fn price(self: Arc<Self>, article: u64) -> u64 {
            article * 3
        }
    }

    let clock = Mock::new();
    let (shop, other) = (Arc::new(Shop::default()), Arc::new(Shop::default()));
    pollster::block_on(async {
        for article in 0..100 {
            assert_eq!(shop.clone().price(article).await, article * 3);
        }
        assert_eq!(other.clone().price(1).await, 3);
    });
    assert_eq!((shop.memo.len(), shop.memo.stats().evictions), (10, 90));
    drop(other);
    clock.advance(60 * SECOND);
    assert_eq!((shop.memo.peek(&(99,)), shop.memo.contains(&(99,))), (None, false));
}

#[test]
fn an_async_cache_that_stands_alone() {
    static RUNS: Count = Count::new();

    let clock = Mock::new();
    let squares = AsyncCache::from_fn(|n: u64| async move {
        RUNS.up();
        n * n
    });
    let squares = squares.capacity(10).ttl(30 * SECOND);
    pollster::block_on(async {
        for n in 0..100 {
            assert_eq!(squares.get((n,)).await, n * n);
            assert!(squares.len() <= 10);
        }
        assert_eq!((squares.get((99,)).await, RUNS.get()), (9_801, 100));
        clock.advance(31 * SECOND);
        assert_eq!((squares.get((99,)).await, RUNS.get()), (9_801, 101));
    });
    assert_eq!(squares.stats().evictions, 90);
}

#[test]
fn an_async_cache_that_keeps_the_last_ok() {
    static RUNS: Count = Count::new();

    let clock = Mock::new();
    let rates = AsyncCache::from_fn(|n: u64| async move { if RUNS.up() == 0 { Ok(n) } else { Err("down") } });
    let rates = rates.ttl(30 * SECOND).stale_on_err();
    assert_eq!(pollster::block_on(rates.get((1,))), Ok(1));
    clock.advance(31 * SECOND);
    assert_eq!((pollster::block_on(rates.get((1,))), RUNS.get()), (Ok(1), 2));
    assert_eq!(pollster::block_on(rates.get((2,))), Err("down"));
}

/// Whom a cache has let go, and how often each.
static GONE: Mutex<Vec<u64>> = Mutex::new(Vec::new());

fn let_go(article: u64) {
    GONE.lock().expect("nobody panics").push(article);
}

#[derive(Default)]
struct Filled {
    memo: Memo<(u64,), u64>,
    later: AsyncMemo<(u64,), u64>,
}

impl Filled {
    #[cache(field = memo, capacity = 4, on_evict = |(article,): &(u64,), _: &u64| let_go(*article))]
    fn price(&self, article: u64) -> u64 {
        article * 3
    }

    #[cache(field = later, capacity = 4, on_evict = |(article,): &(u64,), _: &u64| let_go(1_000 + *article))]
    async fn later(self: Arc<Self>, article: u64) -> u64 {
        article * 3
    }
}

/// Who was put in and is not there any more has been let go, once.
fn each_of_those_has_gone_once(put_in: std::ops::Range<u64>, left: impl Fn(u64) -> bool) {
    let mut gone = GONE.lock().expect("nobody panics").clone();
    gone.retain(|article| put_in.contains(article));
    gone.sort_unstable();
    assert_eq!(gone, put_in.filter(|article| !left(*article)).collect::<Vec<_>>());
}

#[test]
fn what_was_put_in_ahead_goes_once() {
    let shop = Arc::new(Filled::default());
    (0..40).for_each(|article| assert_eq!(shop.memo.insert((article,), article), None));
    assert_eq!((shop.price(50), shop.memo.len(), shop.memo.stats().evictions), (150, 4, 37));
    each_of_those_has_gone_once(0..40, |article| shop.memo.contains(&(article,)));

    (0..40).for_each(|article| assert_eq!(shop.later.insert((article,), article), None));
    assert_eq!(pollster::block_on(shop.clone().later(50)), 150);
    assert_eq!((shop.later.len(), shop.later.stats().evictions), (4, 37));
    each_of_those_has_gone_once(1_000..1_040, |article| shop.later.contains(&(article - 1_000,)));
}

#[test]
fn what_was_put_in_ahead_goes_once_whoever_makes_the_first_call() {
    for round in 1..100 {
        let shop = Arc::new(Filled::default());
        let (first, all) = (10_000 * round, Barrier::new(3));
        let articles = || first..first + 20;
        articles().for_each(|article| assert_eq!(shop.memo.insert((article,), article), None));
        let calls = AtomicU64::new(0);
        thread::scope(|threads| {
            for caller in 0..3 {
                let (shop, all, calls) = (&shop, &all, &calls);
                threads.spawn(move || {
                    all.wait();
                    calls.fetch_add(shop.price(first + 100 + caller), Ordering::Relaxed);
                });
            }
        });
        assert_eq!(calls.into_inner(), 3 * (3 * first + 303));
        assert_eq!(shop.memo.len(), 4);
        each_of_those_has_gone_once(articles(), |article| shop.memo.contains(&(article,)));
    }
}
