//! Models of values that are removed and replaced: none is given out twice, none is lost.

use loom::sync::Arc;

use super::{Cache, check, registry, start};
use crate::cache::table::key::Key;

/// Whether these values are 10, 20, .. up to the last, each once.
fn are_all(values: impl IntoIterator<Item = Option<u32>>, last: u32) {
    let mut values: Vec<u32> = values.into_iter().flatten().collect();
    values.sort_unstable();
    assert_eq!(values, (1..=last / 10).map(|n| n * 10).collect::<Vec<_>>(), "lost, or given out twice");
}

/// | thread 0 | thread 1 |
/// |---|---|
/// | removes the value | removes the value, computes another |
fn two_that_remove_get_different_values<K: Key>(cache: fn() -> Arc<Cache<K>>) {
    check(move || {
        let cache = cache();
        let me = registry::numbered(0);
        cache.get(me, 1);
        let taken = std::sync::Arc::new(std::sync::Mutex::new(None));
        let by_other = taken.clone();
        let other = start(&cache, 1, move |cache, me| {
            *by_other.lock().unwrap() = cache.take(me, 1);
            cache.get_as(me, 1, 20);
        });
        let mine = cache.take(me, 1);
        other.join().unwrap();
        let (theirs, left) = (*taken.lock().unwrap(), cache.peek(me, 1));
        // Nothing was removed between the two, or all of it was.
        are_all([mine, theirs, left], if cache.runs(1) == 2 { 20 } else { 10 });
        cache.ends();
    });
}

#[test]
fn loom_two_that_remove_a_small_key_get_different_values() {
    two_that_remove_get_different_values(Cache::paged);
}

#[test]
fn loom_two_that_remove_a_hashed_key_get_different_values() {
    two_that_remove_get_different_values(Cache::hashed);
}

/// | thread 0 | thread 1 |
/// |---|---|
/// | replaces the value by 20 | replaces the value by 30 |
fn two_that_replace_displace_each_other<K: Key>(cache: fn() -> Arc<Cache<K>>) {
    check(move || {
        let cache = cache();
        let me = registry::numbered(0);
        cache.get(me, 1);
        let displaced = std::sync::Arc::new(std::sync::Mutex::new(None));
        let by_other = displaced.clone();
        let other = start(&cache, 1, move |cache, me| {
            *by_other.lock().unwrap() = Some(cache.replace(me, 1, 30));
        });
        let mine = cache.replace(me, 1, 20);
        assert!(cache.peek(me, 1).is_some(), "it is never without a value");
        other.join().unwrap();
        let theirs = displaced.lock().unwrap().unwrap();
        // Who finds the other at it may be told so, and has its own value back.
        let given = [mine, theirs].map(|end| end.unwrap_or_else(Some));
        are_all(given.into_iter().chain([cache.peek(me, 1)]), 30);
        cache.ends();
    });
}

#[test]
fn loom_two_that_replace_a_small_key_displace_each_other() {
    two_that_replace_displace_each_other(Cache::paged);
}

#[test]
fn loom_two_that_replace_a_hashed_key_displace_each_other() {
    two_that_replace_displace_each_other(Cache::hashed);
}

/// | thread 0 | thread 1 |
/// |---|---|
/// | replaces the value by 20 | removes the value, looks for it |
fn who_removes_while_another_replaces_gets_one_of_both<K: Key>(cache: fn() -> Arc<Cache<K>>) {
    check(move || {
        let cache = cache();
        let me = registry::numbered(0);
        cache.get(me, 1);
        let taken = std::sync::Arc::new(std::sync::Mutex::new(None));
        let by_other = taken.clone();
        let other = start(&cache, 1, move |cache, me| {
            let value = cache.take(me, 1);
            assert!(cache.peek(me, 1).is_none_or(|left| left == 20 && value == Some(10)));
            *by_other.lock().unwrap() = value;
        });
        let mine = cache.replace(me, 1, 20).unwrap_or_else(Some);
        other.join().unwrap();
        let (theirs, left) = (*taken.lock().unwrap(), cache.peek(me, 1));
        assert!(theirs.is_some(), "there was a value at every moment");
        are_all([mine, theirs, left], 20);
        cache.ends();
    });
}

#[test]
fn loom_who_removes_a_small_key_while_another_replaces_it_gets_one_of_both() {
    who_removes_while_another_replaces_gets_one_of_both(Cache::paged);
}

#[test]
fn loom_who_removes_a_hashed_key_while_another_replaces_it_gets_one_of_both() {
    who_removes_while_another_replaces_gets_one_of_both(Cache::hashed);
}
