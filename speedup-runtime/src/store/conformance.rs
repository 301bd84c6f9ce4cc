//! A test suite for anybody's store.

use std::{
    fmt::Debug,
    thread,
    time::{Duration, Instant},
};

use super::{
    Claim, Store,
    cooperate::{Begun, Foretold},
};

/// Makes a module of tests that a store must pass: `conformance!(mine, MyStore::new)`.
///
/// The expression, a function or closure, is called for each test and makes an empty [`Store<(u64, String), Vec<u8>>`](Store). It may return a tuple `(store, rest)` whose rest is
/// kept for as long as the test runs: a folder, a server.
///
/// # Examples
/// ```
/// mod tests {
///     use speedup_runtime::store::MemoryStore;
///
///     speedup_runtime::store::conformance!(memory, MemoryStore::new);
/// }
/// # fn main() {}
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __store_conformance {
    ($name:ident, $make:expr) => {
        #[cfg(test)]
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            $crate::__store_conformance!(@tests $make;
                values_come_back_as_they_were
                the_last_value_counts
                nothing_comes_back_after_remove
                nothing_comes_back_after_clear
                keys_are_never_mixed_up
                odd_values_come_back
                many_are_as_one_by_one
                what_is_over_does_not_come_back
                the_time_left_is_no_more_than_was_given
                many_threads_see_whole_values
                claims_are_given_to_one
                processes_begin_each_key_once
                entries_are_what_was_put
            );
        }
    };
    (@tests $make:expr; $($test:ident)*) => {$(
        #[test]
        fn $test() {
            let (store, _rest) = $crate::store::conformance::Made::made(($make)());
            $crate::store::conformance::$test(&store);
        }
    )*};
}

#[doc(inline)]
pub use crate::__store_conformance as conformance;

/// What the expression of [`conformance!`](crate::store::conformance!) returns: a store, alone or with what it needs.
#[doc(hidden)]
pub trait Made {
    /// The store.
    type Store: Store<Key, Value>;
    /// What it needs.
    type Rest;
    /// Both.
    fn made(self) -> (Self::Store, Self::Rest);
}

/// The keys of the suite.
pub type Key = (u64, String);
/// The values of the suite.
pub type Value = Vec<u8>;

impl<S: Store<Key, Value>> Made for S {
    type Store = S;
    type Rest = ();
    fn made(self) -> (S, ()) {
        (self, ())
    }
}

impl<S: Store<Key, Value>, R> Made for (S, R) {
    type Store = S;
    type Rest = R;
    fn made(self) -> (S, R) {
        self
    }
}

fn key(number: u64) -> Key {
    (number, format!("key {number}"))
}

fn value(number: u64) -> Value {
    number.to_le_bytes().repeat(1 + number as usize % 40)
}

/// The result of a call that must not fail.
fn good<T, E: Debug>(result: Result<T, E>) -> T {
    result.expect("a store that is there does not fail")
}

/// What was put comes back, and nothing else is there.
pub fn values_come_back_as_they_were(store: &impl Store<Key, Value>) {
    assert_eq!(good(store.get(&key(0))), None);
    for number in 0..200 {
        good(store.put(&key(number), &value(number), None));
    }
    good(store.flush());
    for number in 0..200 {
        assert_eq!(good(store.get(&key(number))), Some(value(number)), "key {number}");
    }
    assert_eq!(good(store.get(&key(200))), None);
}

/// A later value replaces an earlier one.
pub fn the_last_value_counts(store: &impl Store<Key, Value>) {
    for round in 0..20 {
        good(store.put(&key(1), &value(round), None));
        assert_eq!(good(store.get(&key(1))), Some(value(round)));
    }
}

/// `remove` forgets one key, there or not.
pub fn nothing_comes_back_after_remove(store: &impl Store<Key, Value>) {
    good(store.remove(&key(1)));
    good(store.put(&key(1), &value(1), None));
    good(store.put(&key(2), &value(2), None));
    good(store.remove(&key(1)));
    assert_eq!(good(store.get(&key(1))), None);
    assert_eq!(good(store.get(&key(2))), Some(value(2)));
    good(store.put(&key(1), &value(3), None));
    assert_eq!(good(store.get(&key(1))), Some(value(3)));
}

/// `clear` forgets all, and the store goes on.
pub fn nothing_comes_back_after_clear(store: &impl Store<Key, Value>) {
    good(store.clear());
    for number in 0..50 {
        good(store.put(&key(number), &value(number), None));
    }
    good(store.clear());
    for number in 0..50 {
        assert_eq!(good(store.get(&key(number))), None);
    }
    good(store.put(&key(7), &value(7), None));
    assert_eq!(good(store.get(&key(7))), Some(value(7)));
}

/// Long, empty, odd and similar keys are told apart.
pub fn keys_are_never_mixed_up(store: &impl Store<Key, Value>) {
    let long = "long ".repeat(500);
    let texts = ["", " ", "\0", "\r\n", "a", "A", "a ", "ä", "\u{1f980}", "get x\r\nquit\r\n", &long, &long[1..]];
    let keys: Vec<Key> =
        texts.iter().flat_map(|text| [0, 1, u64::MAX].map(|number| (number, (*text).to_owned()))).collect();
    for (number, key) in keys.iter().enumerate() {
        good(store.put(key, &value(number as u64), None));
    }
    for (number, key) in keys.iter().enumerate() {
        assert_eq!(good(store.get(key)), Some(value(number as u64)), "{key:?}");
    }
}

/// Values of no byte, of any byte, and of many bytes.
pub fn odd_values_come_back(store: &impl Store<Key, Value>) {
    let values = [Vec::new(), vec![0], (0..=255).collect(), vec![0xff; 200_000]];
    for (number, value) in (0..).zip(&values) {
        good(store.put(&key(number), value, None));
    }
    for (number, value) in (0..).zip(values) {
        assert!(good(store.get(&key(number))) == Some(value), "value {number}");
    }
}

/// `get_many` and `put_many` do what `get` and `put` do, in order.
pub fn many_are_as_one_by_one(store: &impl Store<Key, Value>) {
    let pairs: Vec<(Key, Value)> = (0..300).map(|number| (key(number), value(number))).collect();
    let entries: Vec<(&Key, &Value)> = pairs.iter().map(|(key, value)| (key, value)).collect();
    good(store.put_many(&entries, None));
    good(store.put_many(&[], None));
    let wanted: Vec<Key> = [5, 999, 0, 5, 299].map(key).into();
    let found = good(store.get_many(&wanted.iter().collect::<Vec<_>>()));
    assert_eq!(found, [Some(value(5)), None, Some(value(0)), Some(value(5)), Some(value(299))]);
    assert_eq!(good(store.get_many(&[])), Vec::<Option<Value>>::new());
    assert_eq!(good(store.get(&key(123))), Some(value(123)));
}

/// A time to live ends.
pub fn what_is_over_does_not_come_back(store: &impl Store<Key, Value>) {
    good(store.put(&key(1), &value(1), Some(Duration::from_millis(1_100))));
    good(store.put(&key(2), &value(2), Some(Duration::from_secs(3_600))));
    good(store.put(&key(3), &value(3), None));
    // Time must pass; how much more than enough does not matter.
    let end = Instant::now() + Duration::from_secs(30);
    while good(store.get(&key(1))).is_some() {
        assert!(Instant::now() < end, "it is still there");
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(good(store.get(&key(2))), Some(value(2)));
    assert_eq!(good(store.get(&key(3))), Some(value(3)));
}

/// `get_with_time_left` finds what `get_many` does. A store that can tell says how much time values have left; none says that one has more than it was given.
pub fn the_time_left_is_no_more_than_was_given(store: &impl Store<Key, Value>) {
    let hour = Duration::from_secs(3_600);
    good(store.put(&key(1), &value(1), Some(hour)));
    good(store.put(&key(2), &value(2), None));
    good(store.put_many(&[(&key(3), &value(3)), (&key(4), &value(4))], Some(hour)));
    good(store.put(&key(4), &value(5), None));
    let wanted: Vec<Key> = [3, 999, 1, 2, 4, 3].map(key).into();
    let found = good(store.get_with_time_left(&wanted.iter().collect::<Vec<_>>()));
    let values: Vec<Option<Value>> = found.iter().map(|found| found.as_ref().map(|(value, _)| value.clone())).collect();
    assert_eq!(values, [Some(value(3)), None, Some(value(1)), Some(value(2)), Some(value(5)), Some(value(3))]);
    let left: Vec<Option<Duration>> = found.into_iter().map(|found| found?.1).collect();
    assert!(left.iter().flatten().all(|left| *left <= hour), "more than was given: {left:?}");
    let ending = [left[0], left[2], left[5]];
    assert!(
        ending.iter().all(Option::is_some) || ending.iter().all(Option::is_none),
        "some are told and some not: {left:?}"
    );
    assert_eq!(good(store.get_with_time_left(&[])), []);
}

/// Values are never seen in part, whoever writes.
pub fn many_threads_see_whole_values(store: &impl Store<Key, Value>) {
    thread::scope(|scope| {
        for thread in 0..4_u64 {
            scope.spawn(move || {
                for round in 0..100 {
                    good(store.put(&key(round % 5), &value(round + thread), None));
                    let found = good(store.get(&key(round % 5))).expect("it was put");
                    let first = found.first_chunk().copied().map(u64::from_le_bytes);
                    assert_eq!(first.map(value), Some(found), "a whole value");
                }
            });
        }
    });
}

/// A claim is given to one, ends when it is given up, and is not needed where there is a value. Stores without claims pass.
pub fn claims_are_given_to_one(store: &impl Store<Key, Value>) {
    let hour = Duration::from_secs(3_600);
    let Claim::Mine(token) = good(store.claim(&key(1), hour)) else {
        assert_eq!(good(store.claim(&key(1), hour)), Claim::Unsupported, "the first who asks gets it");
        return;
    };
    assert_eq!(good(store.claim(&key(1), hour)), Claim::Taken);
    assert!(good(store.renew(&key(1), token, hour)));
    good(store.release(&key(1), token));
    let Claim::Mine(other) = good(store.claim(&key(1), hour)) else { panic!("it was given up") };
    assert_ne!(token, other, "each claim has a token of its own");
    good(store.release(&key(1), token));
    assert_eq!(good(store.claim(&key(1), hour)), Claim::Taken, "a former token gives nothing up");
    assert!(!good(store.renew(&key(1), token, hour)));
    good(store.put(&key(1), &value(1), None));
    assert_eq!(good(store.claim(&key(1), hour)), Claim::Ready);
}

/// Of processes that compute together each key is begun once, one by one or as a group, until it is given up or has its value. Stores without
/// [`cooperation`](Store::cooperation) pass.
pub fn processes_begin_each_key_once(store: &impl Store<Key, Value>) {
    let Some(together) = store.cooperation() else { return };
    let taken = |begun: &Begun<Key, Value>| matches!(begun, Begun::Taken { .. });
    good(store.put(&key(0), &value(0), None));
    assert_eq!(good(together.begin(&key(0))), Begun::Value(value(0)));
    assert_eq!(good(together.begin(&key(1))), Begun::Mine);
    assert!(taken(&good(together.begin(&key(1)))), "a claim is given to one");
    let keys = [0, 1, 2, 3].map(key);
    let group: Vec<&Key> = keys.iter().collect();
    let owner = together.bytes(&key(1));
    let begun = good(together.begin_all(Some(&owner), &group));
    assert_eq!((&begun[0], &begun[2..]), (&Begun::Value(value(0)), &[Begun::Mine, Begun::Mine][..]));
    assert!(taken(&begun[1]));
    let Begun::Taken { needs, .. } = good(together.begin(&key(1))) else { panic!("a claim is given to one") };
    assert_eq!(needs, keys, "what its owner needs is told");
    assert!(good(together.begin_all(None, &group[1..])).iter().all(taken), "claims of a group are as good as others");
    assert_eq!(good(together.begin_all(None, &[])), []);
    together.give_up(&key(2));
    good(store.put(&key(3), &value(3), None));
    let begun = good(together.begin_all(None, &group[2..]));
    assert_eq!(begun, [Begun::Mine, Begun::Value(value(3))]);
    let foretold = good(together.foretell_and_claim(None, &[&key(1), &key(3), &key(4), &key(5)]));
    assert_eq!(foretold[..2], [Foretold::Taken, Foretold::Value(value(3))]);
    assert_eq!(foretold[3], Foretold::Free, "no more than one is claimed");
    let is_claimed = foretold[2] == Foretold::Mine;
    assert_eq!(taken(&good(together.begin(&key(4)))), is_claimed, "what is said to be claimed is");
}

/// `entries` lists what is there, each once. Stores that cannot list pass.
pub fn entries_are_what_was_put(store: &impl Store<Key, Value>) {
    for number in 0..40 {
        good(store.put(&key(number), &value(1_000 + number), None));
        good(store.put(&key(number), &value(number), None));
    }
    good(store.remove(&key(7)));
    let mut found = Vec::new();
    let listed = store.entries(&mut |key, value| {
        found.push((key, value));
        true
    });
    if good(listed) {
        found.sort();
        let wanted: Vec<_> = (0..40).filter(|number| *number != 7).map(|number| (key(number), value(number))).collect();
        assert_eq!(found, wanted);
    }
}
