//! One call a key, and nobody who waits depends on another.
//!
//! | test | who | does what |
//! |---|---|---|
//! | second waits | A begins, B asks | both get it from one call |
//! | first is dropped | A begins, B asks, A is dropped | B goes on with the same future |
//! | first is not polled again | A begins, B asks, A stays where it is | B goes on all the same |
//! | woken in vain | A is woken and dropped before it polls | B goes on |

use std::task::Poll;

use speedup_runtime::AsyncCache;

use crate::harness::{Count, Gate, Hand, pause};

/// A cache whose calls wait at a gate, then return the double; and how often they began.
fn gated() -> (AsyncCache<(u64,), u64>, Gate, Count) {
    let (gate, begun) = (Gate::default(), Count::default());
    let cache = AsyncCache::from_fn({
        let (gate, begun) = (gate.clone(), begun.clone());
        move |n: u64| {
            let (gate, begun) = (gate.clone(), begun.clone());
            async move {
                begun.add();
                gate.pass().await;
                n * 2
            }
        }
    });
    (cache, gate, begun)
}

#[test]
fn who_asks_while_a_call_is_on_its_way_waits_for_it() {
    let (cache, gate, begun) = gated();
    let (mut first, mut second) = (Hand::new(cache.get((4,))), Hand::new(cache.get((4,))));
    first.waits();
    second.waits();
    gate.open();
    assert_eq!((first.wakes(), second.wakes()), (1, 1));
    assert_eq!((second.poll(), first.poll()), (Poll::Ready(8), Poll::Ready(8)));
    assert_eq!((begun.get(), cache.stats().misses, cache.len()), (1, 1, 1));
}

#[test]
fn the_first_may_be_dropped() {
    let (cache, gate, begun) = gated();
    let (mut first, mut second) = (Hand::new(cache.get((4,))), Hand::new(cache.get((4,))));
    first.waits();
    second.waits();
    drop(first);
    gate.open();
    assert_eq!(second.wakes(), 1);
    assert_eq!(second.poll(), Poll::Ready(8));
    assert_eq!(begun.get(), 1);
}

#[test]
fn the_first_may_be_polled_never_again() {
    let (cache, gate, begun) = gated();
    let (mut first, mut second) = (Hand::new(cache.get((4,))), Hand::new(cache.get((4,))));
    first.waits();
    second.waits();
    gate.open();
    assert_eq!(second.poll(), Poll::Ready(8));
    assert_eq!((begun.get(), first.poll()), (1, Poll::Ready(8)));
}

#[test]
fn who_was_woken_may_be_dropped_before_it_polls() {
    let (cache, gate, begun) = gated();
    let (mut first, mut second) = (Hand::new(cache.get((4,))), Hand::new(cache.get((4,))));
    first.waits();
    second.waits();
    gate.open();
    drop(first);
    assert_eq!(second.poll(), Poll::Ready(8));
    assert_eq!(begun.get(), 1);
}

#[test]
fn who_comes_after_the_wake_goes_on_too() {
    let (cache, gate, begun) = gated();
    let mut first = Hand::new(cache.get((4,)));
    first.waits();
    gate.open();
    assert_eq!(pollster::block_on(cache.get((4,))), 8);
    assert_eq!(begun.get(), 1);
    drop(first);
}

#[test]
fn a_call_that_waits_for_one_that_was_woken_is_due_too() {
    let gate = Gate::default();
    let inner = std::sync::Arc::new(AsyncCache::from_fn({
        let gate = gate.clone();
        move |n: u64| {
            let gate = gate.clone();
            async move {
                gate.pass().await;
                n
            }
        }
    }));
    let outer = AsyncCache::from_fn(move |n: u64| {
        let inner = inner.clone();
        async move { inner.get((n,)).await + 1 }
    });
    // The first is woken for all, and never polled again.
    let mut first = Hand::new(outer.get((1,)));
    first.waits();
    gate.open();
    assert_eq!(Hand::new(outer.get((1,))).poll(), Poll::Ready(2));
}

#[test]
fn a_body_that_wakes_itself_is_polled_again() {
    let cache = AsyncCache::from_fn(|n: u64| async move {
        for _ in 0..n {
            pause().await;
        }
        n
    });
    let (mut first, mut second) = (Hand::new(cache.get((3,))), Hand::new(cache.get((3,))));
    first.waits();
    // Woken before there was a second: it is due for whoever comes.
    second.waits();
    assert_eq!(second.run(), Poll::Ready(3));
    assert_eq!(first.run(), Poll::Ready(3));
    assert_eq!(cache.stats().misses, 1);
}

#[test]
fn nothing_begins_before_it_is_polled() {
    let (cache, _gate, begun) = gated();
    let get = cache.get((1,));
    drop(get);
    assert_eq!((begun.get(), cache.stats().misses), (0, 0));
}

#[test]
#[should_panic(expected = "polled after it was ready")]
fn a_value_is_given_once() {
    let cache = AsyncCache::from_fn(|n: u64| async move { n });
    let mut get = Hand::new(cache.get((1,)));
    assert_eq!(get.poll(), Poll::Ready(1));
    let _ = get.poll();
}
