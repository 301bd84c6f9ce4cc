//! The rest of the handle.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
};

use speedup_runtime::AsyncCache;

use crate::harness::{Gate, Hand};

/// A cache whose n-th call gives n.
fn counting() -> AsyncCache<(u8,), u64> {
    let gate = Gate::default();
    gate.open();
    counting_at(&gate)
}

/// The same, with calls that wait at a gate.
fn counting_at(gate: &Gate) -> AsyncCache<(u8,), u64> {
    let (gate, calls) = (gate.clone(), Arc::new(AtomicU64::new(0)));
    AsyncCache::from_fn(move |_: u8| {
        let (gate, calls) = (gate.clone(), calls.clone());
        async move {
            gate.pass().await;
            calls.fetch_add(1, Ordering::SeqCst) + 1
        }
    })
}

#[test]
fn values_can_be_looked_at_put_in_and_taken_out() {
    let cache = counting();
    assert_eq!((cache.peek(&(1,)), cache.contains(&(1,)), cache.is_empty()), (None, false, true));
    assert_eq!(pollster::block_on(cache.get((1,))), 1);
    assert_eq!((cache.peek(&(1,)), cache.contains(&(1,)), cache.len()), (Some(1), true, 1));
    assert_eq!((cache.insert((1,), 10), cache.insert((2,), 20)), (Some(1), None));
    assert_eq!(pollster::block_on(async { (cache.get((1,)).await, cache.get((2,)).await) }), (10, 20));
    assert_eq!((cache.remove(&(1,)), cache.remove(&(1,))), (Some(10), None));
    assert_eq!(pollster::block_on(cache.get((1,))), 2);
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.misses, stats.len), (2, 2, 2));
    assert!(format!("{cache:?}").contains("misses: 2"), "{cache:?}");
}

#[test]
fn a_refresh_replaces_the_value_which_others_get_until_then() {
    let gate = Gate::default();
    let cache = counting_at(&gate);
    cache.insert((1,), 10);
    let (mut one, mut two) = (Hand::new(cache.refresh((1,))), Hand::new(cache.refresh((1,))));
    one.waits();
    two.waits();
    assert_eq!(pollster::block_on(cache.get((1,))), 10);
    gate.open();
    assert_eq!((one.run(), two.run()), (Poll::Ready(1), Poll::Ready(1)));
    assert_eq!((cache.peek(&(1,)), cache.stats().misses), (Some(1), 1));
    assert_eq!(pollster::block_on(cache.refresh((2,))), 2);
}

#[test]
fn a_value_put_in_during_a_call_is_dropped() {
    let gate = Gate::default();
    let cache = counting_at(&gate);
    let mut get = Hand::new(cache.get((1,)));
    get.waits();
    assert_eq!((cache.insert((1,), 10), cache.peek(&(1,))), (None, None));
    gate.open();
    assert_eq!((get.run(), cache.peek(&(1,))), (Poll::Ready(1), Some(1)));
}

#[test]
fn a_call_from_before_a_clear_is_finished_and_not_kept() {
    let gate = Gate::default();
    let cache = counting_at(&gate);
    let mut before = Hand::new(cache.get((1,)));
    before.waits();
    cache.clear();
    let mut after = Hand::new(cache.get((1,)));
    after.waits();
    gate.open();
    assert_eq!((before.run(), cache.peek(&(1,))), (Poll::Ready(1), None));
    assert_eq!((after.run(), cache.peek(&(1,))), (Poll::Ready(2), Some(2)));
}

#[test]
fn a_call_is_finished_and_kept_though_its_key_is_removed_meanwhile() {
    let gate = Gate::default();
    let cache = counting_at(&gate);
    let mut get = Hand::new(cache.get((1,)));
    get.waits();
    assert_eq!(cache.remove(&(1,)), None);
    gate.open();
    assert_eq!((get.run(), cache.peek(&(1,))), (Poll::Ready(1), Some(1)));
}

#[test]
fn all_values_come_in_the_order_of_the_keys_and_each_is_computed_once() {
    let gates: Vec<Gate> = (0..40).map(|_| Gate::default()).collect();
    let cache = AsyncCache::from_fn({
        let gates = gates.clone();
        move |n: usize| {
            let gate = gates[n].clone();
            async move {
                gate.pass().await;
                n * 3
            }
        }
    });
    gates[5].open();
    assert_eq!(pollster::block_on(cache.get((5,))), 15);
    let keys: Vec<usize> = (0..40).chain([7, 7, 5]).collect();
    let mut all = Hand::new(cache.get_all(keys.iter().map(|n| (*n,))));
    all.waits();
    gates.iter().rev().for_each(Gate::open);
    assert_eq!(all.run(), Poll::Ready(keys.iter().map(|n| n * 3).collect()));
    assert_eq!(cache.stats().misses, 40);
    assert_eq!(pollster::block_on(cache.get_all([])), Vec::<usize>::new());
}

#[test]
fn a_group_is_awaited_together() {
    let (first, second) = (Gate::default(), Gate::default());
    let cache = AsyncCache::from_fn({
        let gates = [first.clone(), second.clone()];
        move |n: usize| {
            let gate = gates[n].clone();
            async move {
                gate.pass().await;
                n
            }
        }
    });
    let mut group = Hand::new(cache.group([(0,), (1,)]));
    group.waits();
    // Both have begun, so either may be first.
    second.open();
    group.waits();
    assert_eq!(cache.peek(&(1,)), Some(1));
    first.open();
    assert_eq!(group.poll(), Poll::Ready([0, 1]));
}

#[test]
fn texts_are_looked_up_without_being_owned() {
    let cache = AsyncCache::from_fn(|text: String, times: u32| async move { text.repeat(times as usize) });
    assert_eq!(pollster::block_on(cache.get_ref(("ab", &2))), "abab");
    assert_eq!(pollster::block_on(cache.get_ref(("ab", &2))), "abab");
    assert_eq!((cache.stats().hits, cache.stats().misses), (1, 1));
}
