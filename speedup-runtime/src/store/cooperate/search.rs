//! Looking for a call that nobody computes, among those that a claimed one needs.
//!
//! Who helps claims the call first and computes it then. Who comes too late goes on looking, and does not wait within the call that was
//! lost: it would be buried there, below calls that have nothing to do for it, while others are free.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use super::{Begun, Cooperate, First, Looked, order, place};
use crate::store::Result;

/// Calls: of each a store, and the bytes of a key.
type Calls = Mutex<Option<HashSet<(usize, Vec<u8>)>>>;

/// Calls that were claimed and are about to be computed by [`begin`].
static RESERVED: Calls = Mutex::new(None);
/// Claimed calls that threads of this process compute.
static COMPUTED: Calls = Mutex::new(None);

fn with<T>(calls: &Calls, act: impl FnOnce(&mut HashSet<(usize, Vec<u8>)>) -> T) -> T {
    act(calls.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default())
}

fn reserved<T>(act: impl FnOnce(&mut HashSet<(usize, Vec<u8>)>) -> T) -> T {
    with(&RESERVED, act)
}

/// A thread begins or ends to compute a claimed call.
pub(in crate::store) fn computes<K, V>(store: &dyn Cooperate<K, V>, key: &K, begins: bool) {
    let call = (place(store), store.bytes(key));
    with(&COMPUTED, |calls| if begins { calls.insert(call) } else { calls.remove(&call) });
}

/// As [`Cooperate::begin`], for a call that [`together`](super::together) may have claimed already before it asked for help with it.
///
/// # Errors
/// If the store could not be asked.
pub fn begin<K, V>(store: &dyn Cooperate<K, V>, key: &K) -> Result<Begun<K, V>> {
    let is_ours = reserved(|calls| !calls.is_empty() && calls.remove(&(place(store), store.bytes(key))));
    if is_ours { Ok(Begun::Mine) } else { store.begin(key) }
}

/// What a search has come to.
pub(in crate::store) enum Found<'a, K, V> {
    /// A call that nobody computed: it is claimed.
    Free(Reserved<'a, K, V>),
    /// None, but this one is computed by a thread of this process.
    Ours(K),
    /// None; these are computed by others, with the numbers of what they need.
    Taken(Vec<(K, u64)>),
}

/// A call that was claimed, to be computed. The claim is given up if that does not come to pass.
pub(in crate::store) struct Reserved<'a, K, V> {
    store: &'a dyn Cooperate<K, V>,
    pub(in crate::store) key: K,
}

impl<K, V> Drop for Reserved<'_, K, V> {
    fn drop(&mut self) {
        if reserved(|calls| calls.remove(&(place(self.store), self.store.bytes(&self.key)))) {
            self.store.give_up(&self.key);
        }
    }
}

/// Looks among these calls, then among what those need that others compute, and so on, but for those that are known. Each step is a round trip.
///
/// # Errors
/// If the store could not be asked.
pub(in crate::store) fn search<'a, K: Clone, V>(
    store: &'a dyn Cooperate<K, V>,
    needs: Vec<K>,
    known: &HashSet<Vec<u8>>,
) -> Result<Found<'a, K, V>> {
    let (mut ahead, mut known, mut taken) = (needs, known.clone(), Vec::new());
    loop {
        ahead.retain(|key| known.insert(store.bytes(key)));
        if ahead.is_empty() {
            let is_ours =
                |(key, _): &(K, u64)| with(&COMPUTED, |calls| calls.contains(&(place(store), store.bytes(key))));
            return Ok(match taken.iter().position(is_ours) {
                Some(at) => Found::Ours(taken.swap_remove(at).0),
                None => Found::Taken(taken),
            });
        }
        let group: Vec<(usize, &K, bool)> = ahead.iter().enumerate().map(|(index, key)| (index, key, false)).collect();
        let mut rest = order(store, &group);
        let mut next = Vec::new();
        while !rest.is_empty() {
            let keys: Vec<&K> = rest.iter().map(|index| &ahead[*index]).collect();
            let First { is_claimed, before } = store.claim_first(&keys)?;
            let shown = before.len().min(rest.len());
            for (index, looked) in rest.drain(..shown).zip(before) {
                if let Looked::Taken { needs, seen } = looked {
                    taken.push((ahead[index].clone(), seen));
                    next.extend(needs);
                }
            }
            if let Some(index) = rest.first().filter(|_| is_claimed) {
                let key = ahead[*index].clone();
                reserved(|calls| calls.insert((place(store), store.bytes(&key))));
                return Ok(Found::Free(Reserved { store, key }));
            }
            if shown == 0 {
                // A store that says nothing of any: there is nothing to be had of it.
                break;
            }
        }
        ahead = next;
    }
}
