//! Which keys have no value yet.

use std::{cmp::Ordering, collections::HashSet};

use foldhash::fast::RandomState;

use crate::cache::{
    call::state::Core,
    table::{
        distinct::Distinct,
        key::{Key, Output},
    },
    thread::{board::WINDOW, registry::Worker},
};
use crate::panics;

/// Up to so many keys are compared one by one to find those named twice.
const FEW: usize = 16;

/// Keys whose places go up from one to the next, or down, as a loop over a range names them: none of them comes twice.
#[derive(Default)]
struct Ordered {
    last: Option<(u64, u64)>,
    direction: Option<Ordering>,
    is_over: bool,
}

impl Ordered {
    /// Whether this key, too, is further in their direction than all before it. Once one is not, none is.
    fn goes_on<K: Key>(&mut self, key: &K) -> bool {
        let place = if self.is_over { None } else { key.rank() };
        self.is_over = match (self.last, place) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(last), Some(place)) => {
                let step = place.cmp(&last);
                step.is_eq() || step != *self.direction.get_or_insert(step)
            }
        };
        self.last = place;
        !self.is_over
    }
}

/// Which of these keys are missing, each once.
pub(super) fn missing<K: Key, R: Output>(
    core: &Core<K, R>,
    keys: &[K],
    of: impl ExactSizeIterator<Item = usize>,
    worker: &'static Worker,
) -> Vec<usize> {
    let count = of.len();
    let mut missing: Vec<usize> = Vec::with_capacity(count);
    // Looking small integers up runs no code of users, so one pin is enough for all.
    let pin = K::is_small().then(|| worker.pin());
    let table = pin.as_ref().map(|pin| (core.table(pin.at()), pin.at()));
    let is_there = |key: &K| match table {
        Some((table, pin)) => table.is_some_and(|table| table.find(key, key.pack(), pin).is_some()),
        None => core.contains(key, worker),
    };
    let (mut ordered, mut known) = (Ordered::default(), HashSet::<&Distinct<K>, RandomState>::default());
    for index in of {
        let key = &keys[index];
        // Hashing and comparing keys is users' code. The body meets a panic of it in its own time, and perhaps never.
        panics::contain(|| {
            if is_there(key) {
                return;
            }
            let is_new = ordered.goes_on(key)
                || match missing.len() {
                    0..FEW => !missing.iter().any(|known| keys[*known].is_key(key)),
                    named => {
                        if known.is_empty() {
                            known.reserve(count);
                        }
                        known.extend(missing[known.len()..named].iter().map(|index| Distinct::of(&keys[*index])));
                        known.insert(Distinct::of(key))
                    }
                };
            if is_new {
                missing.push(index);
            }
        });
    }
    missing
}

/// The same of few keys, without taking memory.
pub(super) fn few_missing<'a, K: Key, R: Output>(
    core: &Core<K, R>,
    keys: &[K],
    numbers: &'a mut [usize; WINDOW],
    worker: &'static Worker,
) -> &'a mut [usize] {
    let mut count = 0;
    for (number, key) in keys.iter().enumerate().take(WINDOW) {
        let mut look = || {
            let is_new = !numbers[..count].iter().any(|known| keys[*known].is_key(key));
            if is_new && !core.contains(key, worker) {
                numbers[count] = number;
                count += 1;
            }
        };
        // As in `missing`.
        if K::is_small() { look() } else { panics::contain(look) }
    }
    &mut numbers[..count]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_go_up_or_down_are_known_to_differ_until_one_does_not() {
        let ordered = |keys: &[i32]| {
            let mut ordered = Ordered::default();
            keys.iter().map(|key| ordered.goes_on(&(*key,))).collect::<Vec<_>>()
        };
        assert_eq!(ordered(&[-1, 0, 3, 7]), [true; 4]);
        assert_eq!(ordered(&[9, 2, -5]), [true; 3]);
        assert_eq!(ordered(&[1, 2, 2, 3]), [true, true, false, false]);
        assert_eq!(ordered(&[1, 3, 2, 4]), [true, true, false, false]);
        let mut others = Ordered::default();
        assert!(!others.goes_on(&(String::from("a"),)), "no place");
    }

    #[test]
    fn each_is_found_once_in_order_or_not() {
        let cache = crate::Cache::from_fn(|n: u32| n);
        cache.get((40,));
        let missing = |keys: &[u32]| {
            let keys: Vec<(u32,)> = keys.iter().map(|key| (*key,)).collect();
            let found = super::missing(cache.core(), &keys, 0..keys.len(), crate::cache::thread::registry::current());
            found.into_iter().map(|index| keys[index].0).collect::<Vec<_>>()
        };
        let up: Vec<u32> = (0..60).collect();
        let without: Vec<u32> = (0..60).filter(|n| *n != 40).collect();
        assert_eq!(missing(&up), without);
        // Out of order early, and late.
        assert_eq!(missing(&[&[3, 1], &up[..]].concat()), [&[3, 1, 0, 2], &without[4..]].concat());
        assert_eq!(missing(&[&up[..], &[7, 80, 59, 80, 40]].concat()), [&without[..], &[80]].concat());
    }
}
