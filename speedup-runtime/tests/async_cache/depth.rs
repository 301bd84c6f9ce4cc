//! Depth is bounded by memory: polls, wakes and drops of a long chain of calls, on the small stack of a test.

use std::{sync::OnceLock, task::Poll};

use speedup_runtime::{
    AsyncCache,
    cache::{AsyncFunction, AsyncState, boxed},
};

use crate::harness::{Gate, Hand};

const DEPTH: u64 = 100_000;

#[test]
fn a_chain_that_does_not_rest() {
    static STATE: AsyncState<(u64,), u64> = AsyncState::new();
    static CACHE: OnceLock<AsyncCache<(u64,), u64>> = OnceLock::new();
    let cache = CACHE.get_or_init(|| {
        let start = |(n,): (u64,)| boxed(async move { if n == 0 { 0 } else { CACHE.wait().get((n - 1,)).await + 1 } });
        AsyncCache::of(&STATE, AsyncFunction::new("chain", start))
    });
    assert_eq!(pollster::block_on(cache.get((DEPTH,))), DEPTH);
    assert_eq!(cache.stats().misses, DEPTH + 1);
}

/// Each waits for the next, and the last at a gate.
macro_rules! resting {
    () => {{
        static STATE: AsyncState<(u64,), u64> = AsyncState::new();
        static CACHE: OnceLock<(AsyncCache<(u64,), u64>, Gate)> = OnceLock::new();
        CACHE.get_or_init(|| {
            let start = |(n,): (u64,)| {
                boxed(async move {
                    let (cache, gate) = CACHE.wait();
                    if n > 0 {
                        return cache.get((n - 1,)).await + 1;
                    }
                    gate.pass().await;
                    0
                })
            };
            (AsyncCache::of(&STATE, AsyncFunction::new("chain", start)), Gate::default())
        })
    }};
}

#[test]
fn a_chain_whose_last_call_is_woken() {
    let (cache, gate) = resting!();
    let mut first = Hand::new(cache.get((DEPTH,)));
    first.waits();
    gate.open();
    assert_eq!((first.wakes(), first.poll()), (1, Poll::Ready(DEPTH)));
}

#[test]
fn a_chain_that_is_dropped() {
    let (cache, _gate) = resting!();
    let mut first = Hand::new(cache.get((DEPTH,)));
    first.waits();
    drop(first);
    assert_eq!((cache.len(), cache.stats().misses), (0, DEPTH + 1));
}
