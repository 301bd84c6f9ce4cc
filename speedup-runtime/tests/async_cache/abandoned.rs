//! Calls for which nobody waits any more.

use std::{sync::Arc, task::Poll};

use speedup_runtime::AsyncCache;

use crate::harness::{Count, Gate, Hand, OnDrop};

#[test]
fn the_last_who_leaves_takes_the_call_along_and_the_next_begins_anew() {
    let (gate, begun, dropped) = (Gate::default(), Count::default(), Count::default());
    let cache = AsyncCache::from_fn({
        let (gate, begun, dropped) = (gate.clone(), begun.clone(), dropped.clone());
        move |n: u64| {
            let (gate, begun, guard) = (gate.clone(), begun.clone(), OnDrop(dropped.clone()));
            async move {
                let _guard = guard;
                begun.add();
                gate.pass().await;
                n
            }
        }
    });
    let (mut first, mut second) = (Hand::new(cache.get((1,))), Hand::new(cache.get((1,))));
    first.waits();
    second.waits();
    drop(first);
    assert_eq!(dropped.get(), 0);
    drop(second);
    assert_eq!((dropped.get(), begun.get(), cache.len()), (1, 1, 0));
    gate.open();
    assert_eq!(pollster::block_on(cache.get((1,))), 1);
    assert_eq!((begun.get(), dropped.get()), (2, 2));
}

#[test]
fn what_a_dropped_call_waited_for_is_dropped_with_it() {
    let (gate, dropped) = (Gate::default(), Count::default());
    let inner = Arc::new(AsyncCache::from_fn({
        let (gate, dropped) = (gate.clone(), dropped.clone());
        move |n: u64| {
            let (gate, guard) = (gate.clone(), OnDrop(dropped.clone()));
            async move {
                let _guard = guard;
                gate.pass().await;
                n
            }
        }
    }));
    let outer = AsyncCache::from_fn({
        let inner = inner.clone();
        move |n: u64| {
            let inner = inner.clone();
            async move { inner.get((n,)).await }
        }
    });
    let mut first = Hand::new(outer.get((1,)));
    first.waits();
    drop(first);
    assert_eq!(dropped.get(), 1);

    // Somebody else who needs it keeps it.
    let (mut first, mut second) = (Hand::new(outer.get((1,))), Hand::new(inner.get((1,))));
    first.waits();
    second.waits();
    drop(first);
    assert_eq!(dropped.get(), 1);
    gate.open();
    assert_eq!(second.poll(), Poll::Ready(1));
}

#[test]
fn a_body_may_drop_a_call_that_it_has_begun() {
    let gate = Gate::default();
    let slow = Arc::new(AsyncCache::from_fn(move |n: u64| {
        let gate = gate.clone();
        async move {
            gate.pass().await;
            n
        }
    }));
    let impatient = AsyncCache::from_fn({
        let slow = slow.clone();
        move |n: u64| {
            let slow = slow.clone();
            async move {
                let mut get = Box::pin(slow.get((n,)));
                let waited = std::future::poll_fn(|context| Poll::Ready(get.as_mut().poll(context).is_pending()));
                if waited.await { 0 } else { n }
            }
        }
    });
    assert_eq!(pollster::block_on(impatient.get((5,))), 0);
    assert_eq!((slow.len(), slow.stats().misses), (0, 1));
}

#[test]
fn a_body_whose_destructor_panics_harms_nobody() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("a destructor that panics");
        }
    }
    let gate = Gate::default();
    let cache = AsyncCache::from_fn({
        let gate = gate.clone();
        move |n: u64| {
            let gate = gate.clone();
            async move {
                let guard = Panics;
                gate.pass().await;
                std::mem::forget(guard);
                n
            }
        }
    });
    let mut first = Hand::new(cache.get((1,)));
    first.waits();
    drop(first);
    gate.open();
    assert_eq!(pollster::block_on(cache.get((1,))), 1);
}
