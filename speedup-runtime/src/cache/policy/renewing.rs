//! Computing a key: because it has no value, or again, because that has ended or is about to.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::{cache::PolicyCache, rules::Way};
use crate::{
    cache::{
        api::task::Task,
        bound::{Hashed, Stored},
        call::{callee::Callee, look::Got, renewals::Why},
        table::key::{Key, Output},
        thread::{call_stack, registry},
    },
    panics,
};

impl<K: Key, R: Output> PolicyCache<K, R> {
    /// The value of a key to which there is no short cut, or where there is more to look at than there: one look finds it, or claims its slot.
    #[inline(never)]
    pub(super) fn begin(&self, key: &Hashed<K>, callee: Callee<'_, Hashed<K>, Stored<R>>) -> R {
        let (core, mut late) = (self.cache.core(), None);
        if self.way != Way::Bounded {
            let copy = |stored: &Stored<R>| self.shared.is_at_hand(stored).then(|| stored.get().clone());
            if let Some(value) = core.hinted_of(key, copy) {
                return value;
            }
        }
        let worker = registry::current();
        match core.begin_of(key, worker, |stored| self.shared.copy_of(stored, &mut late)) {
            Got::Taken(value) => match late {
                Some(ends) => self.renew_ahead(key, callee, ends).unwrap_or(value),
                None => value,
            },
            Got::Mine(flight) if core.is_being_renewed(key, worker) => {
                flight.discard(key, || None);
                self.wait_for_renewal(key, callee)
            }
            Got::Mine(flight) => callee.run_claimed(core, key, flight).into_value(),
            Got::Left => self.miss(key, callee, false),
        }
    }

    /// The value of a key that had none at the last look.
    pub(super) fn compute(&self, key: &Hashed<K>, callee: Callee<'_, Hashed<K>, Stored<R>>) -> R {
        let core = self.cache.core();
        match core.is_being_renewed(key, registry::current()) {
            true => self.wait_for_renewal(key, callee),
            false => core.get(callee, key).into_value(),
        }
    }

    /// The value of a key whose old one has gone while it was being renewed.
    #[cold]
    #[inline(never)]
    fn wait_for_renewal(&self, key: &Hashed<K>, callee: Callee<'_, Hashed<K>, Stored<R>>) -> R {
        let core = self.cache.core();
        let new = core.renew(callee, key, registry::current(), Why::Expired);
        self.shared.serve(core, key, new, self.cache.function().keep)
    }

    /// Computes a key again, as long as there is a reason to; a result that is not kept leaves the old one in service, if that is the policy.
    pub(super) fn renew(&self, key: &Hashed<K>, callee: Callee<'_, Hashed<K>, Stored<R>>, why: Why) -> R {
        let (core, worker) = (self.cache.core(), registry::current());
        let new = match self.cache.behind() {
            None => core.renew(callee, key, worker, why),
            Some(behind) => {
                let mut new = None;
                behind.afresh(key, &mut || new = Some(core.renew(callee, key, worker, why)));
                new.expect("what is computed afresh is computed")
            }
        };
        self.shared.serve(core, key, new, self.cache.function().keep)
    }

    /// Renews the value that ends then: in the background or, where the body gets more than its key, here and now, and then returns what is new.
    /// A panic in it is nobody's: the old value is there.
    #[cold]
    #[inline(never)]
    pub(super) fn renew_ahead(
        &self,
        key: &Hashed<K>,
        callee: Callee<'_, Hashed<K>, Stored<R>>,
        ends: u64,
    ) -> Option<R> {
        let why = Why::Late(ends);
        if callee.has_context() {
            return match catch_unwind(AssertUnwindSafe(|| self.renew(key, callee, why))) {
                Ok(value) => Some(value),
                // A cycle is one, whoever finds it.
                Err(payload) if call_stack::as_cycle(&payload).is_some() => resume_unwind(payload),
                Err(payload) => {
                    panics::swallow(payload);
                    None
                }
            };
        }
        if !callee.function.has_body {
            self.shared.leave_to_others(self.cache.core(), key);
            return None;
        }
        let (again, key) = (self.again(), key.clone());
        let task = Task::new(Box::new(move || again.renew(&key, again.cache.function().callee(), why)));
        task.start();
        panics::contain(move || drop(task));
        None
    }
}
