//! Models of claims that outlive a `clear`, and of claims to renew.

use loom::sync::{Arc, atomic::fence};

use super::{Cache, check, registry, start};
use crate::cache::{
    model::Watched,
    table::{State, Word, key::Key},
};
use crate::sync::Ordering;

/// | thread 0 | thread 1 |
/// |---|---|
/// | has claimed a key; publishes its value | clears the cache, asks for the key |
fn what_is_in_flight_is_not_kept<K: Key>(cache: fn() -> Arc<Cache<K>>) {
    check(move || {
        let cache = cache();
        let me = registry::numbered(0);
        let Ok(flight) = cache.claim(me, 1) else { panic!("nobody has computed it") };
        let other = start(&cache, 1, |cache, me| {
            cache.core.table.clear();
            assert_eq!(cache.get_as(me, 1, 20), 20);
        });
        flight.publish(Watched::new(10));
        other.join().unwrap();
        assert_eq!(cache.peek(me, 1), Some(20), "the value of the table that was cleared is gone");
        cache.ends();
    });
}

#[test]
fn loom_a_small_key_in_flight_at_a_clear_is_not_kept() {
    what_is_in_flight_is_not_kept(Cache::paged);
}

#[test]
fn loom_a_hashed_key_in_flight_at_a_clear_is_not_kept() {
    what_is_in_flight_is_not_kept(Cache::hashed);
}

/// | thread 0 | thread 1 |
/// |---|---|
/// | has claimed a key; gives the claim back, and asks for the key | clears the cache, asks for the key |
fn a_claim_given_back_frees_no_later_one<K: Key>(cache: fn() -> Arc<Cache<K>>) {
    check(move || {
        let cache = cache();
        let me = registry::numbered(0);
        let Ok(flight) = cache.claim(me, 1) else { panic!("nobody has computed it") };
        let other = start(&cache, 1, |cache, me| {
            cache.core.table.clear();
            cache.get(me, 1);
        });
        drop(flight);
        cache.get(me, 1);
        other.join().unwrap();
        // Once in each table, if at all in the first.
        assert!((1..=2).contains(&cache.runs(1)), "{}", cache.runs(1));
        assert_eq!(cache.peek(me, 1), Some(10));
        cache.ends();
    });
}

#[test]
fn loom_a_claim_of_a_small_key_given_back_frees_no_later_one() {
    a_claim_given_back_frees_no_later_one(Cache::paged);
}

#[test]
fn loom_a_claim_of_a_hashed_key_given_back_frees_no_later_one() {
    a_claim_given_back_frees_no_later_one(Cache::hashed);
}

/// | thread 0 | thread 1 |
/// |---|---|
/// | removes a value, and looks for it | clears the cache |
fn a_value_that_is_removed_at_a_clear_goes_once<K: Key>(cache: fn() -> Arc<Cache<K>>) {
    check(move || {
        let cache = cache();
        let me = registry::numbered(0);
        cache.get(me, 1);
        let other = start(&cache, 1, |cache, _| cache.core.table.clear());
        cache.remove(me, 1);
        registry::collect();
        assert_eq!(cache.peek(me, 1), None);
        other.join().unwrap();
        cache.ends();
    });
}

#[test]
fn loom_a_small_key_that_is_removed_at_a_clear_goes_once() {
    a_value_that_is_removed_at_a_clear_goes_once(Cache::paged);
}

#[test]
fn loom_a_hashed_key_that_is_removed_at_a_clear_goes_once() {
    a_value_that_is_removed_at_a_clear_goes_once(Cache::hashed);
}

/// | thread 0 | thread 1 |
/// |---|---|
/// | has claimed the renewal of a key; looks whether its value is still there | takes the value out; looks whether the key is being renewed |
///
/// Both look behind a fence, as `call/renewal.rs` does.
#[test]
fn loom_who_renews_a_value_that_goes_or_who_misses_it_sees_the_other() {
    check(|| {
        let words = Arc::new((State::ready(), State::empty()));
        let theirs = words.clone();
        let other = loom::thread::spawn(move || {
            let (value, renewal) = &*theirs;
            assert!(value.take_ready());
            fence(Ordering::SeqCst);
            renewal.word() == Word::Empty
        });
        let (value, renewal) = &*words;
        assert_eq!(renewal.claim(0), Ok(()));
        fence(Ordering::SeqCst);
        let renews = value.is_ready();
        let computes = other.join().unwrap();
        assert!(!(renews && computes), "both compute it");
    });
}
