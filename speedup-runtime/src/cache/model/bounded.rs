//! Models of caches with a bound: values come in and go out while others read, renew, remove and clear.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use loom::{sync::Arc, thread};

use super::{LIVE, Watched, check, registry};
use crate::cache::{
    bound::{Admitted, Comes, Hashed, Room, Stored},
    call::{claim_guard::Flight, state::Core},
    table::{Claim, Table, key::Key},
    thread::registry::Worker,
};

/// A cache with room for so few values, whose value of a key is a multiple of the number in it.
struct Bounded<K: Key> {
    core: Core<Hashed<K>, Stored<Watched>>,
    room: Room,
    number: fn(&K) -> u32,
    key: fn(u32) -> K,
    bound: usize,
    /// How many values were put out. Not watched: every thread adds to it at a moment of its own.
    gone: AtomicU32,
}

impl Bounded<(Watched,)> {
    /// With keys that the checker watches, too.
    fn watched(bound: usize) -> Arc<Self> {
        Self::new(bound, |(number,)| number.read(), |number| (Watched::new(number),))
    }
}

impl Bounded<(u32,)> {
    /// With keys to which there are short cuts.
    fn hinted(bound: usize) -> Arc<Self> {
        Self::new(bound, |(number,)| *number, |number| (number,))
    }

    /// With two queues.
    fn in_parts(bound: usize) -> Arc<Self> {
        Self::with(2, bound, |(number,)| *number, |number| (number,))
    }
}

impl<K: Key> Bounded<K> {
    fn new(bound: usize, number: fn(&K) -> u32, key: fn(u32) -> K) -> Arc<Self> {
        Self::with(1, bound, number, key)
    }

    /// The same with so many queues.
    fn with(queues: u32, bound: usize, number: fn(&K) -> u32, key: fn(u32) -> K) -> Arc<Self> {
        LIVE.set(0);
        let (core, room) = (Core::new(), Room::with(queues, bound as u64, false));
        Arc::new(Self { core, room, number, key, bound, gone: AtomicU32::new(0) })
    }

    fn key(&self, number: u32) -> Hashed<K> {
        Hashed((self.key)(number))
    }

    /// The value of a key, computed if need be as this multiple of its number.
    fn get_as(&self, me: &'static Worker, number: u32, factor: u32) -> u32 {
        let key = self.key(number);
        loop {
            let pin = me.pin();
            let table = self.core.table.get_or_make(|| Table::new(me), pin.at());
            match table.claim(&key, None, me, pin.at()) {
                Claim::Ready(value) => {
                    value.visit();
                    return value.get().read();
                }
                Claim::Mine(slot) => {
                    let flight = Flight::new(&self.core, me, table.id(), slot);
                    drop(pin);
                    flight.publish(Stored::of(Watched::new(number * factor)));
                    self.settle(me, &key);
                    return number * factor;
                }
                Claim::Busy(..) => thread::yield_now(),
            }
        }
    }

    /// What follows the publishing of a value.
    fn settle(&self, me: &'static Worker, key: &Hashed<K>) {
        let pin = me.pin();
        let Some(table) = self.core.table(pin.at()) else { return };
        let Some(found) = table.find_place(key, pin.at()) else { return };
        let comes = Comes { weight: 1, is_nested: false, born: Some(1) };
        let admitted = self.room.admit(&self.core.table, &found, comes, (me, pin.at()), |key, value| {
            assert_eq!(value.read() % (self.number)(key), 0, "the value of another key");
            self.gone.fetch_add(1, Relaxed);
        });
        assert_eq!(admitted, Admitted::Stays, "no value is too heavy");
    }

    /// Puts another value in the place of one that is there.
    fn renew(&self, me: &'static Worker, number: u32, value: u32) {
        let key = self.key(number);
        let old = {
            let pin = me.pin();
            let Some(table) = self.core.table(pin.at()) else { return };
            // SAFETY: tables are retired later than what is removed from them.
            match unsafe { table.replace(&key, Stored::of(Watched::new(value)), me, pin.at()) } {
                Ok(old) => old.cloned(),
                Err(_) => return,
            }
        };
        if let Some(old) = old {
            self.room.forget(old.marks().ticket());
        }
        self.settle(me, &key);
    }

    /// Takes a value out by name.
    fn remove(&self, me: &'static Worker, number: u32) {
        let pin = me.pin();
        let Some(table) = self.core.table(pin.at()) else { return };
        // SAFETY: as above.
        if let Some(old) = unsafe { table.remove(&self.key(number), me, pin.at()) } {
            self.room.forget(old.marks().ticket());
        }
    }

    fn clear(&self, me: &'static Worker) {
        self.core.table.clear();
        self.room.clear(&self.core.table, me.pin().at());
    }

    /// The value of a key if it is there.
    fn peek(&self, me: &'static Worker, number: u32) -> Option<u32> {
        let pin = me.pin();
        let (table, key) = (self.core.table(pin.at())?, self.key(number));
        // As a hit does.
        let value = table.find_hinted(&key, pin.at()).or_else(|| table.find(&key, None, pin.at()))?;
        value.visit();
        Some(value.get().read())
    }

    /// Asserts that no more is kept than there is room for, that the queue knows of all of it, and that everything is given back in the end.
    fn ends(&self, me: &'static Worker) {
        {
            let pin = me.pin();
            let table = self.core.table(pin.at());
            let len = table.map_or(0, |table| table.len(pin.at()));
            let weight = self.room.weight(table.map(Table::id));
            assert!(len <= self.bound, "{len} values");
            // What was taken out while it was let in counts until it comes to the front.
            assert!((len as u64..=self.bound as u64).contains(&weight), "{len} values that weigh {weight}");
        }
        registry::set_frees(true);
        self.clear(me);
        registry::collect();
        registry::collect();
        assert_eq!(LIVE.get(), 0, "values and keys that were not dropped, or dropped twice");
    }
}

/// Computes the first keys, so many of them, has two threads do their parts, and asserts that this holds at the end.
fn together<K: Key>(
    make: impl Fn() -> Arc<Bounded<K>> + Send + Sync + 'static,
    filled: u32,
    [mine, others]: [fn(&Bounded<K>, &'static Worker); 2],
    at_the_end: impl Fn(&Bounded<K>, &'static Worker) + Send + Sync + 'static,
) {
    check(move || {
        let (cache, me) = (make(), registry::numbered(0));
        for number in 1..=filled {
            assert_eq!(cache.get_as(me, number, 10), number * 10);
        }
        let shared = cache.clone();
        let other = thread::spawn(move || others(&shared, registry::numbered(1)));
        mine(&cache, me);
        other.join().unwrap();
        at_the_end(&cache, me);
        cache.ends(me);
    });
}

/// The part of a thread that computes a key.
fn computes<const NUMBER: u32, K: Key>(cache: &Bounded<K>, me: &'static Worker) {
    assert_eq!(cache.get_as(me, NUMBER, 10), NUMBER * 10);
}

/// The part of one that removes the first key by name.
fn removes<K: Key>(cache: &Bounded<K>, me: &'static Worker) {
    cache.remove(me, 1);
}

/// | threads 0 and 1, with room for one |
/// |---|
/// | compute different keys |
#[test]
fn loom_of_two_values_that_come_in_at_once_one_goes() {
    together(
        || Bounded::watched(1),
        0,
        [computes::<1, _>, computes::<2, _>],
        |cache, _| {
            assert_eq!(cache.gone.load(Relaxed), 1);
        },
    );
}

/// | threads 0 and 1, with room for two in two queues |
/// |---|
/// | compute different keys, where there are as many as there is room for |
#[test]
fn loom_of_two_that_come_into_different_queues_each_takes_the_room_of_another() {
    together(
        || Bounded::in_parts(2),
        2,
        [computes::<4, _>, computes::<3, _>],
        |cache, _| {
            assert_eq!(cache.gone.load(Relaxed), 2);
        },
    );
}

/// | thread 0 | thread 1 |
/// |---|---|
/// | removes a value by name | computes another one, with two queues that are full |
#[test]
fn loom_a_value_of_another_queue_that_is_removed_leaves_room() {
    together(
        || Bounded::in_parts(2),
        2,
        [removes, computes::<3, _>],
        |cache, me| {
            assert_eq!(cache.peek(me, 1), None);
        },
    );
}

/// | thread 0 | thread 1 |
/// |---|---|
/// | looks for both keys | computes the second one, for which the first one goes; frees it; computes a third in its place |
fn a_value_stays_whole_while_it_is_put_out<K: Key>(cache: fn(usize) -> Arc<Bounded<K>>) {
    let looks = |cache: &Bounded<K>, me| {
        assert!(cache.peek(me, 1).is_none_or(|value| value == 10));
        assert!(cache.peek(me, 3).is_none_or(|value| value == 30));
    };
    let computes = |cache: &Bounded<K>, me| {
        cache.get_as(me, 2, 10);
        registry::collect();
        cache.get_as(me, 3, 10);
    };
    let made = move || {
        let cache = cache(1);
        let me = registry::numbered(0);
        cache.get_as(me, 1, 10);
        // A short cut is made by who looks.
        assert_eq!(cache.peek(me, 1), Some(10));
        cache
    };
    together(made, 0, [looks, computes], |_, _| ());
}

#[test]
fn loom_a_value_stays_whole_while_it_is_put_out() {
    a_value_stays_whole_while_it_is_put_out(Bounded::watched);
}

#[test]
fn loom_a_value_to_which_there_is_a_short_cut_stays_whole_while_it_is_put_out() {
    a_value_stays_whole_while_it_is_put_out(Bounded::hinted);
}

/// | thread 0 | thread 1 |
/// |---|---|
/// | renews the value of a key | computes another one, for which the first goes, or the new one |
#[test]
fn loom_a_value_that_is_renewed_while_others_go_has_one_place() {
    together(
        || Bounded::watched(1),
        1,
        [|cache, me| cache.renew(me, 1, 30), computes::<2, _>],
        |cache, me| {
            assert!(cache.peek(me, 1).is_none_or(|value| value == 30));
        },
    );
}

/// | threads 0 and 1, of which each goes to another queue | thread 2 |
/// |---|---|
/// | say that a value lives from now on | looks at it |
#[test]
fn loom_of_two_who_give_a_value_a_place_one_does() {
    loom::model(|| {
        let value = Arc::new(Stored::of(7_u32));
        let (placed, seen) = (value.clone(), value.clone());
        let other = thread::spawn(move || placed.marks().begin_in_queue(1));
        let reader = thread::spawn(move || seen.visit());
        let mine = value.marks().begin_in_queue(1);
        assert!(mine ^ other.join().unwrap(), "one of them is the first");
        reader.join().unwrap();
    });
}

/// | thread 0 | thread 1 |
/// |---|---|
/// | removes a value by name | computes another one, for which the first goes |
#[test]
fn loom_a_value_that_is_removed_while_it_is_put_out_goes_once() {
    together(|| Bounded::watched(1), 1, [removes, computes::<2, _>], |cache, me| assert_eq!(cache.peek(me, 1), None));
}

/// | thread 0 | thread 1 |
/// |---|---|
/// | computes a key, for which another goes | clears the cache, computes a third |
#[test]
fn loom_places_are_those_of_the_table_in_use() {
    let clears = |cache: &Bounded<_>, me| {
        cache.clear(me);
        cache.get_as(me, 3, 10);
    };
    together(|| Bounded::watched(1), 1, [computes::<2, _>, clears], |_, _| ());
}
