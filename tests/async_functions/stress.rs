//! Many tasks on several threads: calls that are shared, cancelled, panic, fail, and are forgotten meanwhile.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use speedup::AsyncCache;

/// A number that looks random.
fn scramble(n: u64) -> u64 {
    let n = (n ^ (n >> 31)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    n ^ (n >> 29)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().expect("a runtime")
}

#[test]
fn each_key_is_computed_once_for_all_tasks() {
    const KEYS: u64 = 200;
    let runs: Arc<Vec<AtomicUsize>> = Arc::new((0..KEYS).map(|_| AtomicUsize::new(0)).collect());
    let cache = Arc::new(AsyncCache::from_fn({
        let runs = runs.clone();
        move |n: u64| {
            let runs = runs.clone();
            async move {
                runs[n as usize].fetch_add(1, Ordering::SeqCst);
                for _ in 0..n % 5 {
                    tokio::task::yield_now().await;
                }
                n * n
            }
        }
    }));
    runtime().block_on(async {
        let tasks: Vec<_> = (0..4_000)
            .map(|task| {
                let cache = cache.clone();
                tokio::spawn(async move {
                    let n = scramble(task) % KEYS;
                    assert_eq!(cache.get((n,)).await, n * n);
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no panic");
        }
    });
    assert!(runs.iter().all(|runs| runs.load(Ordering::SeqCst) <= 1));
    assert_eq!(cache.stats().misses, cache.len() as u64);
}

#[test]
fn cancelled_and_failing_callers_disturb_nobody() {
    let cache = Arc::new(AsyncCache::from_fn(|n: u64| async move {
        for _ in 0..n % 7 {
            tokio::task::yield_now().await;
        }
        assert!(n % 11 != 3, "this one fails");
        n + 1
    }));
    runtime().block_on(async {
        let tasks: Vec<_> = (0..4_000_u64)
            .map(|task| {
                let cache = cache.clone();
                let key = scramble(task) % 64;
                let handle = tokio::spawn(async move {
                    match task % 16 {
                        0 => cache.clear(),
                        1 => drop(cache.remove(&(key,))),
                        2 => drop(cache.refresh((key,)).await),
                        _ => assert_eq!(cache.get((key,)).await, key + 1),
                    }
                });
                if scramble(task + 1).is_multiple_of(3) {
                    handle.abort();
                }
                (key, handle)
            })
            .collect();
        for (key, task) in tasks {
            match task.await {
                Ok(()) => {}
                Err(end) if end.is_cancelled() => {}
                Err(end) => {
                    let payload = end.into_panic();
                    let text = payload.downcast_ref::<&str>().copied().unwrap_or_default();
                    assert_eq!((text, key % 11), ("this one fails", 3));
                }
            }
        }
        // Nothing is left over that anybody could wait for.
        for key in (0..64).filter(|key| key % 11 != 3) {
            assert_eq!(cache.get((key,)).await, key + 1);
        }
    });
}

#[test]
fn recursions_that_share_calls_and_are_cancelled() {
    fn value(x: u32, y: u32) -> u64 {
        if x == 0 || y == 0 { 1 } else { (value_of(x - 1, y) + value_of(x, y - 1)) % 1_000_007 }
    }
    #[speedup::cache]
    fn value_of(x: u32, y: u32) -> u64 {
        value(x, y)
    }
    #[speedup::cache]
    async fn grid(x: u32, y: u32) -> u64 {
        if scramble(u64::from(x) << 32 | u64::from(y)).is_multiple_of(3) {
            tokio::task::yield_now().await;
        }
        if x == 0 || y == 0 {
            return 1;
        }
        (grid(x - 1, y).await + grid(x, y - 1).await) % 1_000_007
    }
    runtime().block_on(async {
        for round in 0..6 {
            GRID.clear();
            let tasks: Vec<_> = (0..60_u32)
                .map(|task| {
                    let (x, y) = (20 + task % 7, 20 + task % 5);
                    let handle = tokio::spawn(grid(x, y));
                    if scramble(u64::from(task + round)).is_multiple_of(2) {
                        handle.abort();
                    }
                    (x, y, handle)
                })
                .collect();
            for (x, y, task) in tasks {
                match task.await {
                    Ok(found) => assert_eq!(found, value_of(x, y)),
                    Err(end) => assert!(end.is_cancelled(), "no panic: {end}"),
                }
            }
        }
    });
}

#[test]
fn circles_from_many_sides_end() {
    #[speedup::cache]
    async fn around(n: u64) -> u64 {
        for _ in 0..n % 3 {
            tokio::task::yield_now().await;
        }
        around((n + 1) % 10).await
    }
    runtime().block_on(async {
        for _ in 0..50 {
            let tasks: Vec<_> = (0..10).map(|n| tokio::spawn(around(n))).collect();
            for task in tasks {
                let payload = task.await.expect_err("a circle").into_panic();
                let text = payload.downcast_ref::<String>().expect("a text");
                assert!(text.starts_with("cycle in cached calls: around("), "{text}");
            }
        }
    });
    assert_eq!(AROUND.len(), 0);
}
