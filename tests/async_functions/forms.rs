//! Arguments, results, options, places and recursion.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use pollster::block_on;
use speedup::cache;

use super::rest;

static FETCHES: AtomicUsize = AtomicUsize::new(0);

#[cache]
async fn fetch(site: &str, parts: &[u8], page: u32) -> String {
    FETCHES.fetch_add(1, Ordering::SeqCst);
    rest().await;
    format!("{site}{parts:?}{page}")
}

#[test]
fn borrowed_arguments_are_owned_by_the_call() {
    let fetched = {
        let (site, parts) = ("a.example".to_owned(), vec![1, 2]);
        block_on(async { (fetch(&site, &parts, 3).await, fetch(&site, &parts, 3).await) })
    };
    assert_eq!(fetched, ("a.example[1, 2]3".to_owned(), "a.example[1, 2]3".to_owned()));
    assert_eq!((FETCHES.load(Ordering::SeqCst), FETCH.len(), FETCH.stats().hits), (1, 1, 1));
    assert_eq!(FETCH.peek(&("a.example".to_owned(), vec![1, 2], 3)), Some(fetched.0));
}

#[cache]
async fn fibonacci(n: u64) -> u128 {
    rest().await;
    if n < 2 { 1 } else { fibonacci(n - 1).await + fibonacci(n - 2).await }
}

#[test]
fn a_recursion_is_boxed_and_each_call_made_once() {
    assert_eq!(block_on(fibonacci(100)), 573_147_844_013_817_084_101);
    assert_eq!((FIBONACCI.len(), FIBONACCI.stats().misses), (101, 101));
}

static TRIES: AtomicUsize = AtomicUsize::new(0);

#[cache]
async fn flaky(id: u64) -> Result<u64, String> {
    rest().await;
    if TRIES.fetch_add(1, Ordering::SeqCst) == 0 { Err(format!("{id} is away")) } else { Ok(id) }
}

#[cache(cache_err)]
async fn stubborn(id: u64) -> Result<u64, u8> {
    if id == 0 { Err(7) } else { Ok(id) }
}

#[cache]
async fn maybe(id: u64) -> Option<u64> {
    id.checked_sub(10)
}

#[cache(cache_none, name = PERHAPS_TABLE)]
async fn perhaps(id: u64) -> Option<u64> {
    id.checked_sub(10)
}

#[test]
fn what_is_kept() {
    block_on(async {
        assert_eq!((flaky(1).await, flaky(1).await), (Err("1 is away".to_owned()), Ok(1)));
        assert_eq!((stubborn(0).await, maybe(5).await, perhaps(5).await), (Err(7), None, None));
    });
    assert_eq!((FLAKY.len(), STUBBORN.len(), MAYBE.len(), PERHAPS_TABLE.len()), (1, 1, 0, 1));
}

struct Shape;

impl Shape {
    #[cache]
    pub(crate) async fn volume(n: u64) -> u64 {
        if n == 0 { 1 } else { Self::volume(n - 1).await + Shape::volume(n / 2).await }
    }
}

#[test]
fn an_associated_function() {
    assert_eq!(block_on(Shape::volume(4)), 10);
    assert_eq!(Shape::VOLUME.len(), 5);
}

#[cache]
async fn zero() -> Arc<str> {
    rest().await;
    "nothing to it".into()
}

#[test]
fn no_arguments() {
    assert_eq!(&*block_on(zero()), "nothing to it");
    assert!(Arc::ptr_eq(&block_on(zero()), &block_on(zero())));
}

/// A plain cached function, whose calls inside of an `async fn` are as everywhere.
#[cache]
fn steps(n: u64) -> u64 {
    if n == 1 { 0 } else { 1 + steps(if n.is_multiple_of(2) { n / 2 } else { 3 * n + 1 }) }
}

#[cache]
async fn longest(n: u64) -> u64 {
    rest().await;
    let mine = steps(n + 1);
    if n == 0 { mine } else { longest(n - 1).await.max(mine) }
}

#[test]
fn a_plain_cached_function_inside() {
    assert_eq!(block_on(longest(1_000)), 178);
    assert!(STEPS.len() > 1_000);
}

#[cache]
async fn leaf(n: u64) -> Result<u64, String> {
    if n == 13 { Err("unlucky".to_owned()) } else { Ok(n) }
}

#[cache]
async fn tree(left: u64, right: u64) -> Result<u64, String> {
    rest().await;
    if left >= 4 {
        return leaf(left + right).await;
    }
    let next = left + 1;
    let a = tree(next, right).await?;
    let b = tree(next, 9).await?;
    Ok(a + b)
}

#[test]
fn errors_go_up_through_calls_that_are_awaited_together() {
    assert_eq!(block_on(tree(0, 1)), Err("unlucky".to_owned()));
    assert_eq!(block_on(tree(4, 1)), Ok(5));
    assert_eq!((TREE.peek(&(0, 1)), TREE.peek(&(4, 1))), (None, Some(Ok(5))));
}

#[cache(sequential)]
async fn first_fails(n: u64) -> Result<u64, u64> {
    if n < 10 { Err(n) } else { Ok(first_fails(n - 10).await? + first_fails(n - 11).await?) }
}

#[cache]
async fn underflows(n: u64) -> Result<u64, u64> {
    if n == 0 { Err(0) } else { Ok(underflows(n - 1).await? + underflows(n - 2).await?) }
}

#[test]
fn an_argument_that_panics_is_not_evaluated_before_an_error_in_front_of_it() {
    assert_eq!(block_on(underflows(1)), Err(0));
    assert_eq!(block_on(first_fails(10)), Err(0));
}

#[allow(unconditional_recursion, reason = "the circle is what is tested")]
#[cache]
async fn needs_itself(n: u64) -> u64 {
    rest().await;
    needs_itself((n + 1) % 3).await
}

#[test]
fn a_circle_is_an_error_that_names_the_calls() {
    let payload = std::panic::catch_unwind(|| block_on(needs_itself(1))).expect_err("a panic");
    let text = payload.downcast_ref::<String>().expect("a text");
    assert_eq!(
        text,
        "cycle in cached calls: needs_itself(1) -> needs_itself(2) -> needs_itself(0) -> needs_itself(1); `needs_itself(1)` needs its own result"
    );
    assert_eq!(NEEDS_ITSELF.len(), 0);
}

#[test]
fn the_handle_works_beside_the_function() {
    #[cache]
    async fn double(n: u64) -> u64 {
        n * 2
    }
    block_on(async {
        assert_eq!(DOUBLE.get_all((0..5).map(|n| (n,))).await, [0, 2, 4, 6, 8]);
        DOUBLE.insert((1,), 100);
        assert_eq!((double(1).await, DOUBLE.refresh((1,)).await, double(1).await), (100, 2, 2));
    });
    assert_eq!((DOUBLE.remove(&(1,)), DOUBLE.len()), (Some(2), 4));
    DOUBLE.clear();
    assert!(DOUBLE.is_empty());
}

#[cache]
async fn named(id: u64, prefix: &'static str) -> &'static str {
    rest().await;
    if id == 0 { prefix } else { named(id - 1, prefix).await.max(named(id / 2, prefix).await) }
}

#[cache]
async fn chain(id: u64) -> Arc<dyn Fn(u64) -> u64 + Send + Sync> {
    if id == 0 {
        return Arc::new(|n| n);
    }
    let below = chain(id - 1).await;
    Arc::new(move |n| below(n) + 1)
}

#[test]
fn a_recursion_may_have_lifetimes_in_its_key_and_result() {
    assert_eq!(block_on(named(20, "a name")), "a name");
    assert_eq!(block_on(chain(20))(5), 25);
    assert_eq!((NAMED.len(), CHAIN.len()), (21, 21));
}
