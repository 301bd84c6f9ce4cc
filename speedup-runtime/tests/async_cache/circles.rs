//! Calls that need themselves: an error that names them, not a hang.

use std::{
    sync::{Arc, OnceLock},
    task::Poll,
};

use speedup_runtime::{
    AsyncCache,
    cache::{AsyncFunction, AsyncState, Boxed, boxed},
};

use crate::harness::{Gate, Hand, panic_of, pause};

type Steps = AsyncCache<(u64,), u64>;

/// `step(n)` needs the next `step`, and the last one the first.
fn ring(name: &'static str, state: &'static AsyncState<(u64,), u64>, start: fn((u64,)) -> Boxed<u64>) -> Steps {
    AsyncCache::of(state, AsyncFunction::new(name, start).show(std::fmt::Debug::fmt))
}

#[test]
fn a_call_that_awaits_itself_at_once() {
    static STATE: AsyncState<(u64,), u64> = AsyncState::new();
    static CACHE: OnceLock<Steps> = OnceLock::new();
    let cache = CACHE.get_or_init(|| ring("step", &STATE, |(n,)| boxed(async move { CACHE.wait().get((n,)).await })));
    let text = panic_of(|| pollster::block_on(cache.get((1,))));
    assert_eq!(text, "cycle in cached calls: step(1) -> step(1); `step(1)` needs its own result");
    assert_eq!(cache.len(), 0);
}

#[test]
fn a_ring_of_calls_that_do_not_rest() {
    static STATE: AsyncState<(u64,), u64> = AsyncState::new();
    static CACHE: OnceLock<Steps> = OnceLock::new();
    let cache =
        CACHE.get_or_init(|| ring("step", &STATE, |(n,)| boxed(async move { CACHE.wait().get(((n + 1) % 3,)).await })));
    let text = panic_of(|| pollster::block_on(cache.get((0,))));
    assert_eq!(text, "cycle in cached calls: step(0) -> step(1) -> step(2) -> step(0); `step(0)` needs its own result");
}

#[test]
fn a_ring_of_calls_that_rest_before() {
    static STATE: AsyncState<(u64,), u64> = AsyncState::new();
    static CACHE: OnceLock<Steps> = OnceLock::new();
    let start = |(n,)| {
        boxed(async move {
            pause().await;
            CACHE.wait().get(((n + 1) % 3,)).await
        })
    };
    let cache = CACHE.get_or_init(|| ring("step", &STATE, start));
    // Each is begun by somebody of its own, so none is polled inside of another.
    let mut all: Vec<_> = (0..3).map(|n| Hand::new(cache.get((n,)))).collect();
    all.iter_mut().for_each(Hand::waits);
    let texts: Vec<_> = all.iter_mut().map(|waiting| panic_of(|| waiting.run())).collect();
    for text in &texts {
        assert!(text.starts_with("cycle in cached calls: step(") && text.matches(" -> ").count() == 3, "{text}");
    }
}

#[test]
fn a_ring_that_closes_while_nobody_polls_any_of_it() {
    static STATE: AsyncState<(u64,), u64> = AsyncState::new();
    static CACHE: OnceLock<(Steps, [Gate; 2])> = OnceLock::new();
    let start = |(n,): (u64,)| {
        boxed(async move {
            let (cache, gates) = CACHE.wait();
            gates[n as usize].pass().await;
            cache.get((1 - n,)).await
        })
    };
    let (cache, gates) = CACHE.get_or_init(|| (ring("step", &STATE, start), Default::default()));
    let (mut first, mut second) = (Hand::new(cache.get((0,))), Hand::new(cache.get((1,))));
    first.waits();
    second.waits();
    gates[0].open();
    // 0 waits for 1, which waits at its gate.
    first.waits();
    gates[1].open();
    let text = panic_of(|| second.poll());
    assert_eq!(text, "cycle in cached calls: step(1) -> step(0) -> step(1); `step(1)` needs its own result");
    assert!(panic_of(|| first.poll()).starts_with("cycle in cached calls: "));
}

#[test]
fn a_diamond_is_no_circle() {
    let gate = Gate::default();
    let last = Arc::new(AsyncCache::from_fn({
        let gate = gate.clone();
        move |n: u64| {
            let gate = gate.clone();
            async move {
                gate.pass().await;
                n
            }
        }
    }));
    let middle = Arc::new(AsyncCache::from_fn(move |n: u64| {
        let last = last.clone();
        async move { last.get((0,)).await + n }
    }));
    let first = AsyncCache::from_fn(move |n: u64| {
        let middle = middle.clone();
        async move {
            let [a, b] = middle.group([(n,), (n + 1,)]).await;
            a + b
        }
    });
    let (mut one, mut two) = (Hand::new(first.get((1,))), Hand::new(first.get((2,))));
    one.waits();
    two.waits();
    gate.open();
    assert_eq!((one.run(), two.run()), (Poll::Ready(3), Poll::Ready(5)));
}

#[test]
fn a_wait_that_was_given_up_is_no_part_of_a_circle() {
    static STATE: AsyncState<(u64,), u64> = AsyncState::new();
    static CACHE: OnceLock<(Steps, Gate)> = OnceLock::new();
    let start = |(n,): (u64,)| {
        boxed(async move {
            let (cache, gate) = CACHE.wait();
            if n == 0 {
                // Asks for 1, and does not wait for it.
                let mut get = Box::pin(cache.get((1,)));
                std::future::poll_fn(|context| Poll::Ready(get.as_mut().poll(context).is_pending())).await;
                drop(get);
                gate.pass().await;
                return 5;
            }
            gate.pass().await;
            cache.get((0,)).await + 1
        })
    };
    let (cache, gate) = CACHE.get_or_init(|| (ring("step", &STATE, start), Gate::default()));
    let (mut one, mut zero) = (Hand::new(cache.get((1,))), Hand::new(cache.get((0,))));
    one.waits();
    zero.waits();
    gate.open();
    assert_eq!((one.run(), zero.run()), (Poll::Ready(6), Poll::Ready(5)));
}
