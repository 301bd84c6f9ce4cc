//! Models of the hash table: linked, found, grown, removed and used again.

use super::{Cache, check, registry, start};
use crate::cache::table::Member;

/// | threads 0 and 1 |
/// |---|
/// | ask for the same key of an empty cache |
#[test]
fn loom_a_hashed_key_is_computed_once() {
    Cache::check_hashed_and_far(|cache| {
        let other = start(&cache, 1, |cache, me| cache.get(me, 1));
        cache.get(registry::numbered(0), 1);
        other.join().unwrap();
        assert_eq!(cache.runs(1), 1);
        cache.ends();
    });
}

/// | thread 0 | thread 1 |
/// |---|---|
/// | finds old keys, looks for the new one | links the seventh key, for which the index grows; frees the old index |
#[test]
fn loom_keys_are_found_while_the_index_grows() {
    Cache::check_hashed_and_far(|cache| {
        let me = registry::numbered(0);
        // Buckets have two lanes here, so some of the keys are not in the bucket where they are looked for first.
        (0..6).for_each(|number| cache.get(me, number));
        let other = start(&cache, 1, |cache, me| {
            cache.get(me, 6);
            registry::collect();
        });
        assert!((1..4).all(|number| cache.peek(me, number) == Some(number * 10)));
        assert!(cache.peek(me, 6).is_none_or(|value| value == 60));
        other.join().unwrap();
        assert!((0..7).all(|number| cache.peek(me, number) == Some(number * 10)));
        cache.ends();
    });
}

/// | thread 0 | thread 1 |
/// |---|---|
/// | removes an old key | links the seventh key, for which the index grows |
#[test]
fn loom_a_key_that_is_removed_while_the_index_grows_is_in_neither() {
    Cache::check_hashed_and_far(|cache| {
        let me = registry::numbered(0);
        (0..6).for_each(|number| cache.get(me, number));
        let other = start(&cache, 1, |cache, me| cache.get(me, 6));
        assert!(cache.remove(me, 1));
        assert_eq!(cache.peek(me, 1), None);
        other.join().unwrap();
        cache.get(me, 1);
        assert_eq!(cache.runs(1), 2);
        assert!((0..7).all(|number| cache.peek(me, number) == Some(number * 10)));
        cache.ends();
    });
}

/// | thread 0 | thread 1 |
/// |---|---|
/// | looks for both keys | removes one key; frees it; computes another, which gets the same entry |
#[test]
fn loom_a_value_stays_whole_while_it_is_removed_and_its_entry_used_again() {
    Cache::check_hashed_and_far(|cache| {
        let me = registry::numbered(0);
        cache.get(me, 1);
        let other = start(&cache, 1, |cache, me| {
            assert!(cache.remove(me, 1));
            registry::collect();
            cache.get(me, 2);
        });
        assert!(cache.peek(me, 1).is_none_or(|value| value == 10));
        assert!(cache.peek(me, 2).is_none_or(|value| value == 20));
        other.join().unwrap();
        assert_eq!((cache.peek(me, 1), cache.peek(me, 2)), (None, Some(20)));
        cache.ends();
    });
}

/// | threads 0 and 1 |
/// |---|
/// | remove the same key, ask for it again |
#[test]
fn loom_a_key_that_two_remove_goes_once_and_comes_once_at_a_time() {
    check(|| {
        let cache = Cache::hashed();
        let me = registry::numbered(0);
        cache.get(me, 1);
        let other = start(&cache, 1, |cache, me| {
            cache.remove(me, 1);
            cache.get(me, 1);
        });
        cache.remove(me, 1);
        cache.get(me, 1);
        other.join().unwrap();
        // Each removal lets it be computed once more, and there were one or two.
        assert!((2..=3).contains(&cache.runs(1)), "{}", cache.runs(1));
        assert_eq!(cache.peek(me, 1), Some(10));
        registry::collect();
        cache.ends();
    });
}

/// | thread 0 | thread 1 |
/// |---|---|
/// | claims what stands behind a name on a board | removes the key that was named; makes another, in the same entry, and asks for it |
#[test]
fn loom_the_name_of_an_entry_leads_to_no_other_key() {
    check(|| {
        let cache = Cache::hashed();
        let me = registry::numbered(0);
        cache.get(me, 1);
        let name = cache.with(me, 1, |table, key, pin| table.member(key, me, pin));
        let other = start(&cache, 1, |cache, me| {
            assert!(cache.remove(me, 1));
            registry::collect();
            cache.with(me, 2, |table, key, pin| {
                table.slot(key, None, me, pin);
            });
            cache.get(me, 2);
        });
        // SAFETY: the name is one of this table, which stays the current one.
        let settled = cache.with(me, 1, |table, _, pin| match unsafe { table.claim_member(name, me, pin) } {
            Some(Member::Settled) => true,
            Some(Member::Mine(..) | Member::Busy(..)) | None => false,
        });
        assert!(settled);
        other.join().unwrap();
        assert_eq!((cache.runs(2), cache.peek(me, 2)), (1, Some(20)));
        cache.ends();
    });
}
