//! A claimed call while it is computed, and the wait for one that another process computes.

use std::{cell::RefCell, collections::HashSet};

use super::{
    Begun, Cooperate, place,
    search::{Found, computes, look_around, search, take},
};
use crate::{cache::Help, store::Result};

thread_local! {
    /// The claimed calls that this thread computes, the innermost last.
    static COMPUTED: RefCell<Vec<Innermost>> = const { RefCell::new(Vec::new()) };
}

/// A claimed call that a thread computes.
pub(super) struct Innermost {
    store: usize,
    /// Its key in bytes.
    pub(super) key: Vec<u8>,
    /// The keys of which others were told that it needs them.
    pub(super) told: HashSet<Vec<u8>>,
}

/// A claimed call while it is computed; given up if it does not come to an end.
struct Computed<'a, K, V> {
    store: &'a dyn Cooperate<K, V>,
    key: &'a K,
    ended: bool,
}

impl<'a, K, V> Computed<'a, K, V> {
    fn begin(store: &'a dyn Cooperate<K, V>, key: &'a K) -> Self {
        computes(store, key, true);
        COMPUTED.with_borrow_mut(|computed| {
            computed.push(Innermost { store: place(store), key: store.bytes(key), told: HashSet::new() })
        });
        Self { store, key, ended: false }
    }
}

impl<K, V> Drop for Computed<'_, K, V> {
    fn drop(&mut self) {
        COMPUTED.with_borrow_mut(Vec::pop);
        computes(self.store, self.key, false);
        if !self.ended {
            self.store.give_up(self.key);
        }
    }
}

/// The value of a key of which this was [begun](Cooperate::begin): from the store, or computed here, or by another process meanwhile.
///
/// `compute` computes and keeps it, and says whether it did keep it: what is not kept is computed by each process for itself. `help` computes
/// other keys, which end up here in turn; of each it is first seen whether it is to be [taken](take), from the very same store: not from a clone of it. Without it this waits.
///
/// # Errors
/// If the store could not be asked; then `compute` has not been called.
///
/// # Panics
/// If `compute` or `help` does; the claim is given up.
pub fn together<K: Clone, V>(
    store: &dyn Cooperate<K, V>,
    key: &K,
    begun: Begun<K, V>,
    compute: impl FnMut() -> (V, bool),
    help: Option<&mut dyn FnMut(Vec<K>)>,
) -> Result<V> {
    together_by(store, key, begun, compute, help.map(|by| Help { by, computes: true }))
}

/// The same where `help` may be a wait for what this process computes.
pub(in crate::store) fn together_by<K: Clone, V>(
    store: &dyn Cooperate<K, V>,
    key: &K,
    mut begun: Begun<K, V>,
    mut compute: impl FnMut() -> (V, bool),
    mut help: Option<Help<'_, K>>,
) -> Result<V> {
    let (mut told, mut helped) = (false, HashSet::new());
    loop {
        let (needs, seen) = match begun {
            Begun::Value(value) => return Ok(value),
            Begun::Mine => {
                let mut computed = Computed::begin(store, key);
                let (value, kept) = compute();
                computed.ended = kept;
                return Ok(value);
            }
            // By a search of this process, which now waits for this thread.
            Begun::Taken { .. } if take(store, key) => {
                begun = Begun::Mine;
                continue;
            }
            Begun::Taken { needs, seen } => (needs, seen),
        };
        if !told {
            // So that who waits for what is computed here can help, or finds the circle.
            told = true;
            announce(store, &[key]);
        }
        let Some(Help { by: help, computes }) = &mut help else {
            begun = store.wait(key, seen)?;
            continue;
        };
        let found = if *computes { search(store, needs, &helped)? } else { look_around(store, needs, &helped)? };
        begun = match found {
            Found::Free(call) => {
                // Once: it may panic, or have no value that is kept.
                helped.insert(store.bytes(&call.key));
                help(vec![call.key.clone()]);
                drop(call);
                store.begin(key)?
            }
            // Another thread's, which is waited for as ever; or this one's, which closes a circle.
            Found::Ours(call) => {
                helped.insert(store.bytes(&call));
                help(vec![call]);
                store.begin(key)?
            }
            Found::Taken(beside) => store.wait_beside(key, seen, &beside)?,
        };
    }
}

/// Says in the store that the innermost claimed call of this thread needs these keys next, unless it has said so.
pub fn announce<K, V>(store: &dyn Cooperate<K, V>, needed: &[&K]) {
    let keys: Vec<Vec<u8>> = needed.iter().map(|key| store.bytes(key)).collect();
    let by = innermost(store, |by| {
        let is_new = keys.iter().any(|key| !by.told.contains(key));
        is_new.then(|| {
            by.told = keys.into_iter().collect();
            by.key.clone()
        })
    });
    if let Some(Some(key)) = by {
        // Others then only know less.
        let _ = store.needs(&key, needed);
    }
}

/// Does something with the innermost claimed call of this thread, if it is one of this store.
pub(super) fn innermost<K, V, T>(store: &dyn Cooperate<K, V>, act: impl FnOnce(&mut Innermost) -> T) -> Option<T> {
    let place = place(store);
    COMPUTED.with_borrow_mut(|computed| computed.last_mut().filter(|by| by.store == place).map(act))
}
