//! Which keys have no value yet.

use std::collections::HashSet;

use foldhash::fast::RandomState;

use crate::cache::{
    call::state::Core,
    table::key::{Distinct, Key, Output},
    thread::registry::Worker,
};
use crate::panics;

/// Up to so many keys are compared one by one to find those named twice.
const FEW: usize = 16;

/// Which of these keys are missing, each once.
pub(super) fn missing<K: Key, R: Output>(
    core: &Core<K, R>,
    keys: &[K],
    of: &[usize],
    worker: &'static Worker,
) -> Vec<usize> {
    let mut missing: Vec<usize> = Vec::with_capacity(of.len());
    let mut known: HashSet<&Distinct<K>, RandomState> = HashSet::default();
    for index in of {
        let key = &keys[*index];
        // Hashing and comparing keys is users' code. The body meets a panic of it in its own time, and perhaps never.
        panics::contain(|| {
            let is_new = !core.contains(key, worker)
                && match missing.len() {
                    0..FEW => !missing.iter().any(|known| keys[*known].is_key(key)),
                    FEW => {
                        known.reserve(of.len());
                        known.extend(missing.iter().map(|index| Distinct::of(&keys[*index])));
                        known.insert(Distinct::of(key))
                    }
                    _ => known.insert(Distinct::of(key)),
                };
            if is_new {
                missing.push(*index);
            }
        });
    }
    missing
}
