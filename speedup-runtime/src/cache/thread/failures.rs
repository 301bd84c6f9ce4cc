//! Calls that have panicked within an outermost call that several threads work for.
//!
//! A panic leaves no value behind, so each level of a recursion that it passes on its way up would have its members begun
//! anew by helpers, and those theirs. So as long as the outermost call runs, a call that has panicked is not begun again on its
//! behalf: who needs it gets the same panic at once, and who would help leaves it. A body that has caught a panic and
//! asks again wants another try: then all of them are forgotten. So they are for the next outermost call.

use std::{any::Any, collections::HashMap, sync::Mutex};

use crate::{
    panics::{self, Payload},
    sync::{Arc, AtomicBool, Ordering, lock},
};

/// No more are noted for an outermost call.
const MOST: usize = 1 << 16;

/// The address of a slot's state word and the number of its table, which no other table ever has.
pub(in crate::cache) type Place = (usize, u64);

/// The calls that have panicked within one outermost call of a thread.
#[derive(Default)]
pub(in crate::cache) struct Failures {
    /// Whether there may be any. Relaxed: a hint, since the lock decides.
    any: AtomicBool,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// The number of the outermost call.
    root: u64,
    /// None before the first: most threads never need it, and a map asks the system for random numbers.
    calls: Option<HashMap<Place, Noted>>,
}

/// A [`Failed`] of its key's own type. Shared, so that it is compared and dropped, which is users' code, without the lock.
type Noted = Arc<dyn Any + Send + Sync>;

/// A key, since a slot may come to another one, and what others get of the panic, if anything. No key of a scope, whose keys may borrow
/// what is gone before the outermost call ends, and whose slots stay those of their keys.
struct Failed<K>(Option<K>, Option<Mutex<Payload>>);

impl Failures {
    /// Whether there may be any.
    #[inline]
    pub(in crate::cache) fn any(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }

    /// Notes that a call has panicked that was made for the outermost call with this number; its key, if it is not that of a scope.
    pub(in crate::cache) fn note<K: Clone + Send + Sync + 'static>(
        &self,
        root: u64,
        place: Place,
        key: Option<&K>,
        for_others: Option<&Payload>,
    ) {
        panics::contain(|| {
            let failed = Failed(key.cloned(), for_others.and_then(panics::copy_of).map(Mutex::new));
            self.keep(root, place, Arc::new(failed));
        });
    }

    #[inline(never)]
    fn keep(&self, root: u64, place: Place, failed: Noted) {
        let mut known = lock(&self.known);
        let gone = if known.root < root { known.renew(root) } else { None };
        // Of an earlier outermost call nobody asks any more.
        let has_room = known.calls.as_ref().is_none_or(|calls| calls.len() < MOST);
        let unused = if known.root == root && has_room {
            self.any.store(true, Ordering::Relaxed);
            known.calls.get_or_insert_default().insert(place, failed)
        } else {
            Some(failed)
        };
        drop(known);
        drop((gone, unused));
    }

    #[inline(never)]
    fn known(&self, root: u64, place: Place) -> Option<Noted> {
        let known = lock(&self.known);
        known.calls.as_ref()?.get(&place).filter(|_| known.root == root).cloned()
    }

    /// Whether a call has panicked within the outermost call with this number: what others get of that, if anything.
    pub(in crate::cache) fn find<K: 'static>(
        &self,
        root: u64,
        place: Place,
        is: impl FnOnce(&K) -> bool,
    ) -> Option<Option<Payload>> {
        let failed = self.known(root, place)?;
        let mut found = None;
        // Comparing keys is users' code, and so is the destructor of a key, which runs here if all others have forgotten it.
        panics::contain(|| {
            let failed = failed;
            let is_it = |failed: &&Failed<K>| failed.0.as_ref().is_none_or(is);
            found = failed
                .downcast_ref::<Failed<K>>()
                .filter(is_it)
                .map(|failed| failed.1.as_ref().and_then(|payload| panics::copy_of(&lock(payload))));
        });
        found
    }

    /// What has panicked within the outermost call with this number is to be tried again.
    #[cold]
    pub(in crate::cache) fn forget(&self, root: u64) {
        self.forget_if(|known| known == root);
    }

    /// What has panicked within outermost calls before the one with this number concerns nobody any more.
    #[cold]
    pub(in crate::cache) fn forget_before(&self, root: u64) {
        self.forget_if(|known| known < root);
    }

    fn forget_if(&self, such: impl FnOnce(u64) -> bool) {
        let mut known = lock(&self.known);
        if !such(known.root) {
            return;
        }
        let root = known.root;
        let gone = known.renew(root);
        self.any.store(false, Ordering::Relaxed);
        drop(known);
        panics::contain(move || drop(gone));
    }
}

impl Known {
    /// Begins anew; what was known is for the caller to drop.
    #[must_use]
    fn renew(&mut self, root: u64) -> Option<HashMap<Place, Noted>> {
        self.root = root;
        self.calls.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(found: Option<Option<Payload>>) -> Option<Option<&'static str>> {
        found.map(|payload| payload.and_then(|payload| payload.downcast_ref::<&str>().copied()))
    }

    #[test]
    fn a_panic_is_known_by_its_key_until_it_is_to_be_tried_again() {
        let failures = Failures::default();
        let payload: Payload = Box::new("the bottom");
        failures.note(1, (8, 1), Some(&3_u64), Some(&payload));
        failures.note(1, (16, 1), Some(&4_u64), None);
        let find = |root, place, key| text(failures.find(root, place, |of: &u64| *of == key));
        assert_eq!(find(1, (8, 1), 3), Some(Some("the bottom")));
        assert_eq!(find(1, (8, 1), 3), Some(Some("the bottom")), "as often as it is asked for");
        assert_eq!(find(1, (16, 1), 4), Some(None), "nothing for others");
        assert_eq!((find(1, (8, 1), 4), find(1, (8, 2), 3), find(3, (8, 1), 3)), (None, None, None));
        failures.forget(3);
        assert!(failures.any());
        failures.forget(1);
        assert!(!failures.any() && find(1, (8, 1), 3).is_none());
    }

    #[test]
    fn a_call_of_a_scope_is_known_by_its_place() {
        let failures = Failures::default();
        failures.note::<u64>(1, (8, 1), None, None);
        let find = |place| text(failures.find(1, place, |_: &u64| false));
        assert_eq!((find((8, 1)), find((16, 1))), (Some(None), None));
    }

    #[test]
    fn a_key_whose_destructor_panics_harms_nobody_who_looks() {
        struct Breaks;
        impl Clone for Breaks {
            fn clone(&self) -> Self {
                Self
            }
        }
        impl Drop for Breaks {
            fn drop(&mut self) {
                panic!("the end of a key");
            }
        }
        let (failures, key) = (Failures::default(), std::mem::ManuallyDrop::new(Breaks));
        failures.note(1, (8, 1), Some(&*key), None);
        // Forgotten by all others while it is looked at.
        let found = failures.find(1, (8, 1), |_: &Breaks| {
            failures.forget(1);
            true
        });
        assert!(found.is_some_and(|payload| payload.is_none()));
    }

    #[test]
    fn an_outermost_call_knows_nothing_of_those_before() {
        let failures = Failures::default();
        let payload: Payload = Box::new("early");
        failures.note(1, (8, 1), Some(&3_u64), Some(&payload));
        failures.note(3, (16, 1), Some(&4_u64), Some(&payload));
        failures.note(1, (24, 1), Some(&5_u64), Some(&payload));
        let knows = |root, place| failures.find(root, place, |_: &u64| true).is_some();
        assert!(knows(3, (16, 1)) && !knows(1, (8, 1)) && !knows(1, (24, 1)));
        failures.forget_before(3);
        assert!(knows(3, (16, 1)));
        failures.forget_before(4);
        assert!(!knows(3, (16, 1)));
    }
}
