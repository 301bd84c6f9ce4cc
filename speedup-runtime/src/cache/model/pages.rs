//! Models of the pages: made, missed for want of values, and left. A page has two slots here, and only one page is free.

use super::{Cache, check, registry, start};

/// | threads 0 and 1 |
/// |---|
/// | ask for the same key of an empty cache |
#[test]
fn loom_a_small_key_is_computed_once() {
    check(|| {
        let cache = Cache::paged();
        let other = start(&cache, 1, |cache, me| cache.get(me, 1));
        cache.get(registry::numbered(0), 1);
        other.join().unwrap();
        assert_eq!(cache.runs(1), 1);
        cache.ends();
    });
}

/// | thread 0 | thread 1 |
/// |---|---|
/// | finds a key of the first page, and asks for one of the page to come | asks for a key far off, for whose page the directory grows |
#[test]
fn loom_keys_are_found_while_the_directory_grows() {
    check(|| {
        let cache = Cache::paged();
        let me = registry::numbered(0);
        cache.get(me, 0);
        let other = start(&cache, 1, |cache, me| cache.get(me, 10));
        assert_eq!(cache.peek(me, 0), Some(0));
        cache.get(me, 11);
        other.join().unwrap();
        assert_eq!((cache.peek(me, 10), cache.peek(me, 11)), (Some(100), Some(110)));
        assert_eq!((cache.runs(10), cache.runs(11)), (1, 1));
        cache.ends();
    });
}

/// | thread 0 | thread 1 |
/// |---|---|
/// | asks for key 2, whose page is refused as long as there is no value | computes key 0; asks for key 2, whose page is made if it comes then |
#[test]
fn loom_a_key_that_strays_while_its_page_is_made_has_one_slot() {
    check(|| {
        let cache = Cache::paged();
        let me = registry::numbered(0);
        // The free page, without a value.
        cache.with(me, 0, |table, key, pin| {
            table.slot(key, Some(0), me, pin);
        });
        let other = start(&cache, 1, |cache, me| {
            cache.get(me, 0);
            cache.get(me, 2);
        });
        cache.get(me, 2);
        other.join().unwrap();
        assert_eq!((cache.runs(2), cache.peek(me, 2)), (1, Some(20)));
        cache.ends();
    });
}

/// | thread 0 | thread 1 |
/// |---|---|
/// | has computed key 2 in the hash table; asks for the key | computes key 0; asks for the key, whose page is made if it comes then |
fn behind_a_key_that_strayed(key: u32) {
    check(move || {
        let cache = Cache::paged();
        let me = registry::numbered(0);
        cache.with(me, 0, |table, key, pin| {
            table.slot(key, Some(0), me, pin);
        });
        cache.get(me, 2);
        let other = start(&cache, 1, move |cache, me| {
            cache.get(me, 0);
            cache.get(me, key);
        });
        cache.get(me, key);
        other.join().unwrap();
        assert_eq!((cache.runs(2), cache.runs(key)), (1, 1));
        assert_eq!((cache.peek(me, 2), cache.peek(me, key)), (Some(20), Some(10 * key)));
        cache.ends();
    });
}

/// Key 3 goes to the hash table, too.
#[test]
fn loom_a_key_that_follows_one_that_strayed_has_one_slot() {
    behind_a_key_that_strayed(3);
}

/// The page of key 4 is no mixed one if it is made before that key strays.
#[test]
fn loom_a_key_that_strayed_says_nothing_of_other_pages() {
    behind_a_key_that_strayed(4);
}

/// | thread 0 | thread 1 |
/// |---|---|
/// | has computed key 2 in the hash table; removes it | computes key 0, after which pages come; asks for key 2 |
#[test]
fn loom_a_key_that_strayed_is_removed_while_its_page_comes() {
    check(|| {
        let cache = Cache::paged();
        let me = registry::numbered(0);
        cache.with(me, 0, |table, key, pin| {
            table.slot(key, Some(0), me, pin);
        });
        cache.get(me, 2);
        let other = start(&cache, 1, |cache, me| {
            cache.get(me, 0);
            cache.get(me, 2);
        });
        let removed = cache.remove(me, 2);
        other.join().unwrap();
        cache.get(me, 2);
        assert!(removed, "it was there");
        assert_eq!((cache.runs(2), cache.peek(me, 2)), (2, Some(20)));
        cache.ends();
    });
}

/// | threads 0 and 1 |
/// |---|
/// | remove the same key, ask for it again |
#[test]
fn loom_a_small_key_that_two_remove_moves_once() {
    check(|| {
        let cache = Cache::paged();
        let me = registry::numbered(0);
        cache.get(me, 1);
        let other = start(&cache, 1, |cache, me| {
            cache.remove(me, 1);
            cache.get(me, 1);
        });
        cache.remove(me, 1);
        cache.get(me, 1);
        other.join().unwrap();
        assert!((2..=3).contains(&cache.runs(1)), "{}", cache.runs(1));
        assert_eq!(cache.peek(me, 1), Some(10));
        cache.ends();
    });
}
