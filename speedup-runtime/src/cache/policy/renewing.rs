//! Computing a key: because it has no value, or again, because that has ended or is about to.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::{cache::PolicyCache, rules::Way};
use crate::{
    cache::{
        api::task::Task,
        bound::{Hashed, Stored},
        call::{callee::Callee, look::Got},
        table::key::{Key, Output},
        thread::{call_stack, registry},
    },
    panics,
};

impl<K: Key, R: Output> PolicyCache<K, R> {
    /// The value of a key to which there is no short cut, or where there is more to look at than there: one look finds it, or claims its slot.
    #[inline(never)]
    pub(super) fn begin(&self, key: &Hashed<K>, callee: Callee<'_, Hashed<K>, Stored<R>>) -> R {
        let (core, mut late) = (self.cache.core(), false);
        if self.shared.way != Way::Bounded {
            let copy = |stored: &Stored<R>| self.shared.is_at_hand(stored).then(|| stored.get().clone());
            if let Some(value) = core.hinted_of(key, copy) {
                return value;
            }
        }
        match core.begin_of(key, registry::current(), |stored| self.shared.copy_of(stored, &mut late)) {
            Got::Taken(value) if late => self.renew_ahead(key, callee).unwrap_or(value),
            Got::Taken(value) => value,
            Got::Mine(flight) => callee.run(core, key, Some(flight)).into_value(),
            Got::Left => self.miss(key, callee, false),
        }
    }

    /// Computes a key again; a result that is not kept leaves the old one in service, if that is the policy.
    pub(super) fn renew(&self, key: &Hashed<K>, callee: Callee<'_, Hashed<K>, Stored<R>>) -> R {
        let (core, worker) = (self.cache.core(), registry::current());
        let new = match self.cache.behind() {
            None => core.refresh(callee, key, worker),
            Some(behind) => {
                let mut new = None;
                behind.afresh(key, &mut || new = Some(core.refresh(callee, key, worker)));
                new.expect("what is computed afresh is computed")
            }
        };
        self.shared.serve(core, key, new, self.cache.function().keep)
    }

    /// Renews a value before its end: in the background or, where the body gets more than its key, here and now, and then returns what is new.
    /// A panic in it is nobody's: the old value is there.
    #[cold]
    #[inline(never)]
    pub(super) fn renew_ahead(&self, key: &Hashed<K>, callee: Callee<'_, Hashed<K>, Stored<R>>) -> Option<R> {
        if callee.has_context() {
            return match catch_unwind(AssertUnwindSafe(|| self.renew(key, callee))) {
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
        let task = Task::new(Box::new(move || again.renew(&key, again.cache.function().callee())));
        task.start();
        panics::contain(move || drop(task));
        None
    }
}
