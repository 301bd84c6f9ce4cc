//! The same functions under different runtimes.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use speedup::cache;
use tokio::sync::Semaphore;

/// Asserts that a future can be sent to another thread.
fn is_send<T: Send>(value: T) -> T {
    value
}

static BEGUN: AtomicUsize = AtomicUsize::new(0);
static DOOR: Semaphore = Semaphore::const_new(0);

#[cache]
async fn slow(id: u64) -> u64 {
    BEGUN.fetch_add(1, Ordering::SeqCst);
    DOOR.acquire().await.expect("a door").forget();
    id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokio_cancels_the_first_and_the_others_go_on() {
    let first = tokio::spawn(is_send(slow(1)));
    while BEGUN.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    let others: Vec<_> = (0..20).map(|_| tokio::spawn(slow(1))).collect();
    // Polled by somebody, and dropped with the call on its way.
    assert!(tokio::time::timeout(Duration::from_millis(1), slow(1)).await.is_err());
    first.abort();
    assert!(first.await.expect_err("aborted").is_cancelled());
    DOOR.add_permits(1);
    for other in others {
        assert_eq!(other.await.expect("no panic"), 1);
    }
    assert!(BEGUN.load(Ordering::SeqCst) <= 2, "begun anew only if all had been dropped");
}

#[cache]
async fn paths(x: u32, y: u32) -> u64 {
    if (x + y).is_multiple_of(7) {
        tokio::task::yield_now().await;
    }
    if x == 0 || y == 0 {
        return 1;
    }
    let left = paths(x - 1, y).await;
    let up = paths(x, y - 1).await;
    (left + up) % 1_000_007
}

fn paths_by_hand(x: usize, y: usize) -> u64 {
    let mut row = vec![1; x + 1];
    for _ in 0..y {
        for at in 1..=x {
            row[at] = (row[at] + row[at - 1]) % 1_000_007;
        }
    }
    row[x]
}

#[tokio::test(flavor = "current_thread")]
async fn tokio_on_one_thread() {
    assert_eq!(paths(30, 20).await, paths_by_hand(30, 20));
}

#[test]
fn tokio_on_several_threads() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).build().expect("a runtime");
    runtime.block_on(async {
        let tasks: Vec<_> = (0..12).map(|n| tokio::spawn(paths(40 + n % 4, 40))).collect();
        for (n, task) in (0..).zip(tasks) {
            assert_eq!(task.await.expect("no panic"), paths_by_hand(40 + n % 4, 40));
        }
    });
}

#[cache]
async fn words(text: &str) -> usize {
    smol::future::yield_now().await;
    match text.split_once(' ') {
        Some((_, rest)) => 1 + words(rest).await,
        None => 1,
    }
}

#[test]
fn smol_on_several_threads() {
    let tasks: Vec<_> = (1..=30)
        .map(|n| {
            let text = vec!["word"; n].join(" ");
            smol::spawn(async move { words(&text).await })
        })
        .collect();
    for (n, task) in (1..).zip(tasks) {
        assert_eq!(smol::block_on(task), n);
    }
    assert_eq!(WORDS.stats().misses, 30);
}

#[cache]
async fn sum_of_all(n: u64) -> u64 {
    smol::future::yield_now().await;
    if n == 0 { 0 } else { n + sum_of_all(n - 1).await }
}

#[test]
fn a_local_executor_of_smol() {
    let executor = smol::LocalExecutor::new();
    let tasks: Vec<_> = (0..20).map(|n| executor.spawn(sum_of_all(n * 10))).collect();
    smol::block_on(executor.run(async {
        for (n, task) in (0..).zip(tasks) {
            assert_eq!(task.await, n * 10 * (n * 10 + 1) / 2);
        }
    }));
}

#[test]
fn callers_on_different_runtimes_share_a_call() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    static GATE: Semaphore = Semaphore::const_new(0);
    #[cache]
    async fn shared(n: u64) -> u64 {
        RUNS.fetch_add(1, Ordering::SeqCst);
        GATE.acquire().await.expect("a gate").forget();
        n + 1
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a runtime");
    let on_tokio = runtime.spawn(shared(1));
    while RUNS.load(Ordering::SeqCst) == 0 {
        std::thread::yield_now();
    }
    let on_smol = smol::spawn(shared(1));
    GATE.add_permits(1);
    assert_eq!((smol::block_on(on_smol), runtime.block_on(on_tokio).expect("no panic")), (2, 2));
    assert_eq!(RUNS.load(Ordering::SeqCst), 1);
}
