//! Calls that are begun ahead of need.

use std::{
    panic::AssertUnwindSafe,
    sync::atomic::{AtomicUsize, Ordering},
};

use pollster::block_on;
use speedup::{AsyncTask, cache};

use super::rest;

static ASKED: AtomicUsize = AtomicUsize::new(0);

#[cache]
async fn fetch(page: u32) -> String {
    ASKED.fetch_add(1, Ordering::SeqCst);
    rest().await;
    format!("page {page}")
}

#[test]
fn a_call_begins_when_it_is_spawned_and_is_the_call_of_all_who_ask() {
    let task = FETCH.spawn((1,));
    assert_eq!((ASKED.load(Ordering::SeqCst), task.is_finished(), FETCH.stats().in_flight), (1, false, 1));
    let same = FETCH.spawn((1,));
    assert_eq!(block_on(async { (fetch(1).await, task.await, same.await) }).0, "page 1");
    assert_eq!(ASKED.load(Ordering::SeqCst), 1);
    let there = FETCH.spawn((1,));
    assert!(there.is_finished());
    assert_eq!(block_on(there), "page 1");
    // Who leaves last takes the call along.
    drop(FETCH.spawn((2,)));
    assert_eq!((FETCH.stats().in_flight, FETCH.peek(&(2,))), (0, None));
    assert_eq!(ASKED.load(Ordering::SeqCst), 2);
}

#[test]
fn a_runtime_takes_a_task_to_its_end() {
    #[cache]
    async fn timed(n: u64) -> u64 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        n * n
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..20).map(|n| tokio::spawn(TIMED.spawn((n % 10,)))).collect();
        for (n, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.await.unwrap(), (n as u64 % 10).pow(2));
        }
    });
    assert_eq!(TIMED.stats().misses, 10);
}

#[test]
fn a_panic_waits_for_who_awaits_the_task() {
    #[cache]
    async fn fails(n: u64) -> u64 {
        assert!(n > 10, "{n} is too small");
        n
    }
    let task: AsyncTask<'static, u64> = FAILS.spawn((3,));
    assert!(task.is_finished());
    let payload = std::panic::catch_unwind(AssertUnwindSafe(|| block_on(task))).unwrap_err();
    assert_eq!(payload.downcast_ref::<String>().unwrap(), "3 is too small");
    assert!(FAILS.is_empty());
}

#[test]
fn a_bounded_one_begins_alike() {
    #[cache(capacity = 4, ttl = "1h")]
    async fn bounded(n: u64) -> u64 {
        rest().await;
        n + 1
    }
    let tasks: Vec<_> = (0..8).map(|n| BOUNDED.spawn((n,))).collect();
    for (n, task) in tasks.into_iter().enumerate() {
        assert_eq!(block_on(task), n as u64 + 1);
    }
    assert_eq!((BOUNDED.stats().misses, BOUNDED.len()), (8, 4));
}
