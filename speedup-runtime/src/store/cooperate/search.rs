//! Looking for a call that nobody computes, among those that a claimed one needs.
//!
//! Who helps claims the call first and computes it then. Who comes too late goes on looking, and does not wait within the call that was
//! lost: it would be buried there, below calls that have nothing to do for it, while others are free.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{Cooperate, First, Looked, place, policy};
use crate::store::Result;

/// A call: the store, and the bytes of the key.
type Call = (usize, Vec<u8>);
type Calls = Mutex<Option<HashSet<Call>>>;

/// Calls that were claimed and are about to be computed by whoever asks for them next in this process: see [`take`]. Each with a number of
/// the claim's.
static RESERVED: Mutex<Option<HashMap<Call, u64>>> = Mutex::new(None);
/// Claimed calls that threads of this process compute.
static COMPUTED: Calls = Mutex::new(None);

fn with<T>(calls: &Calls, act: impl FnOnce(&mut HashSet<Call>) -> T) -> T {
    act(calls.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default())
}

fn reserved<T>(act: impl FnOnce(&mut HashMap<Call, u64>) -> T) -> T {
    act(RESERVED.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default())
}

/// Takes a call that a search or a group of this process has claimed: from here on it is the caller's, who computes it.
///
/// Whoever waits for a claimed call has to look here, too. The search asks its own process for the call it has found, where another may be
/// at it already, and then waits for that one.
#[must_use = "it has to be computed, or given up"]
pub fn take<K, V>(store: &dyn Cooperate<K, V>, key: &K) -> bool {
    reserved(|calls| !calls.is_empty() && calls.remove(&(place(store), store.bytes(key))).is_some())
}

/// A thread begins or ends to compute a claimed call.
pub(in crate::store) fn computes<K, V>(store: &dyn Cooperate<K, V>, key: &K, begins: bool) {
    let call = (place(store), store.bytes(key));
    with(&COMPUTED, |calls| if begins { calls.insert(call) } else { calls.remove(&call) });
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
    number: u64,
}

impl<'a, K, V> Reserved<'a, K, V> {
    /// Keeps a call, which was claimed just now, for whoever asks for it next.
    pub(super) fn new(store: &'a dyn Cooperate<K, V>, key: K) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        reserved(|calls| calls.insert((place(store), store.bytes(&key)), number));
        store.stir(&key);
        Self { store, key, number }
    }
}

impl<K, V> Drop for Reserved<'_, K, V> {
    fn drop(&mut self) {
        let call = (place(self.store), self.store.bytes(&self.key));
        // If it was taken, it may have been kept again since, by another search.
        if reserved(|calls| calls.get(&call) == Some(&self.number) && calls.remove(&call).is_some()) {
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
    descend(store, needs, known, |ahead, taken| {
        let bytes: Vec<Vec<u8>> = ahead.iter().map(|key| store.bytes(key)).collect();
        let mut rest = policy::order(store.member(), bytes.iter().map(Vec::as_slice));
        while !rest.is_empty() {
            let keys: Vec<&K> = rest.iter().map(|index| &ahead[*index]).collect();
            let First { is_claimed, before } = store.claim_first(&keys)?;
            let shown = before.len().min(rest.len());
            rest.drain(..shown).zip(before).for_each(|(index, looked)| taken(index, looked));
            if let Some(index) = rest.first().filter(|_| is_claimed) {
                return Ok(Some(Reserved::new(store, ahead[*index].clone())));
            }
            if shown == 0 {
                // A store that says nothing of any: there is nothing to be had of it.
                break;
            }
        }
        Ok(None)
    })
}

/// The same without a claim to any, for who could compute none: what comes of it is [`Ours`](Found::Ours) or [`Taken`](Found::Taken).
///
/// # Errors
/// If the store could not be asked.
pub(in crate::store) fn look_around<'a, K: Clone, V>(
    store: &'a dyn Cooperate<K, V>,
    needs: Vec<K>,
    known: &HashSet<Vec<u8>>,
) -> Result<Found<'a, K, V>> {
    descend(store, needs, known, |ahead, taken| {
        let looked = store.look(&ahead.iter().collect::<Vec<_>>())?;
        looked.into_iter().take(ahead.len()).enumerate().for_each(|(index, looked)| taken(index, looked));
        Ok(None)
    })
}

/// Goes from calls to what they need. Each `step` tells of those ahead which are taken, by their place among them, unless it has claimed one.
fn descend<'a, K: Clone, V>(
    store: &'a dyn Cooperate<K, V>,
    mut ahead: Vec<K>,
    known: &HashSet<Vec<u8>>,
    step: impl Fn(&[K], &mut dyn FnMut(usize, Looked<K>)) -> Result<Option<Reserved<'a, K, V>>>,
) -> Result<Found<'a, K, V>> {
    let (mut known, mut taken) = (known.clone(), Vec::new());
    loop {
        ahead.retain(|key| known.insert(store.bytes(key)));
        if ahead.is_empty() {
            return Ok(none_free(store, taken));
        }
        let mut next = Vec::new();
        let claimed = step(&ahead, &mut |index, looked| {
            if let Looked::Taken { needs, seen } = looked {
                taken.push((ahead[index].clone(), seen));
                next.extend(needs);
            }
        })?;
        if let Some(claimed) = claimed {
            return Ok(Found::Free(claimed));
        }
        ahead = next;
    }
}

/// What a search has come to that has found no free call, but these, which are computed.
fn none_free<'a, K, V>(store: &'a dyn Cooperate<K, V>, mut taken: Vec<(K, u64)>) -> Found<'a, K, V> {
    let is_ours = |(key, _): &(K, u64)| with(&COMPUTED, |calls| calls.contains(&(place(store), store.bytes(key))));
    match taken.iter().position(is_ours) {
        Some(at) => Found::Ours(taken.swap_remove(at).0),
        None => Found::Taken(taken),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::cooperate::{Begun, Foretold, together};

    /// Numbers, of which each can be claimed once, and claims given up.
    #[derive(Default)]
    struct Numbers {
        claimed: Mutex<HashSet<u8>>,
        waits: AtomicU64,
    }

    impl Numbers {
        fn claimed(&self) -> std::sync::MutexGuard<'_, HashSet<u8>> {
            self.claimed.lock().unwrap()
        }
    }

    impl Cooperate<u8, u8> for Numbers {
        fn begin(&self, key: &u8) -> Result<Begun<u8, u8>> {
            let is_mine = self.claimed().insert(*key);
            Ok(if is_mine { Begun::Mine } else { Begun::Taken { needs: Vec::new(), seen: 0 } })
        }

        fn wait(&self, key: &u8, _: u64) -> Result<Begun<u8, u8>> {
            assert!(self.waits.fetch_add(1, Ordering::Relaxed) < 10, "nobody will ever end it");
            self.begin(key)
        }

        fn foretell(&self, _: Option<&[u8]>, keys: &[&u8]) -> Result<Vec<Foretold<u8>>> {
            let claimed = self.claimed();
            let foretold = |key: &&u8| if claimed.contains(*key) { Foretold::Taken } else { Foretold::Free };
            Ok(keys.iter().map(foretold).collect())
        }

        fn needs(&self, _: &[u8], _: &[&u8]) -> Result<()> {
            Ok(())
        }

        fn give_up(&self, key: &u8) {
            self.claimed().remove(key);
        }

        fn bytes(&self, key: &u8) -> Vec<u8> {
            vec![*key]
        }

        fn member(&self) -> u64 {
            1
        }
    }

    fn free(store: &Numbers, key: u8) -> Reserved<'_, u8, u8> {
        match search(store, vec![key], &HashSet::new()) {
            Ok(Found::Free(call)) => call,
            _ => panic!("{key} is free"),
        }
    }

    #[test]
    fn who_waits_for_a_call_takes_it_when_a_search_of_its_process_claims_it() {
        let store = Numbers::default();
        // Another process has it, and gives it up; a search of this one is quicker than who waits.
        assert_eq!(store.begin(&7).unwrap(), Begun::Mine);
        let begun = store.begin(&7).unwrap();
        store.give_up(&7);
        let call = free(&store, 7);
        let value = together(&store, &7, begun, || (49, true), None).unwrap();
        assert_eq!((value, store.waits.load(Ordering::Relaxed)), (49, 0));
        drop(call);
        assert!(store.claimed().contains(&7), "it was taken, and is no longer the search's to give up");
    }

    #[test]
    fn who_cannot_help_claims_nothing_in_vain() {
        let store = Numbers::default();
        store.claimed().insert(7);
        // The other process ends at once, and says what it needed.
        let begun = Begun::Taken { needs: vec![8], seen: 1 };
        store.claimed().remove(&7);
        assert_eq!(together(&store, &7, begun, || (49, true), None).unwrap(), 49);
        assert_eq!(*store.claimed(), HashSet::from([7]));
    }

    #[test]
    fn a_call_that_nobody_takes_is_given_up_and_a_later_claim_of_it_is_not() {
        let store = Numbers::default();
        drop(free(&store, 7));
        assert!(store.claimed().is_empty());
        let first = free(&store, 7);
        assert!(take(&store, &7));
        store.give_up(&7);
        let second = free(&store, 7);
        drop(first);
        assert!(store.claimed().contains(&7) && take(&store, &7));
        drop(second);
    }
}
