//! A cache and what lies behind it.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::cache::{
    api::cache::Cache,
    call::behind::Behind,
    fork::fork_join,
    table::key::{Key, Output},
    thread::{call_stack, registry},
};
use crate::panics;

impl<K: Key, R: Output> Cache<K, R> {
    /// What lies behind the cache, if something does.
    pub(crate) fn behind(&self) -> Option<&'static dyn Behind<K, R>> {
        self.function.docked()
    }

    /// Computes what another process needs, as far as it is missing here. What the needs were wrong about is nobody's fault.
    pub(crate) fn help(&self, keys: &[K]) {
        if !self.function.has_body {
            return;
        }
        let (mut results, mut scratch) = (vec![None; keys.len()], vec![0; keys.len()]);
        let computed = catch_unwind(AssertUnwindSafe(|| {
            let callee = self.function.callee();
            fork_join::compute(self.core(), callee, keys, &mut results, &mut scratch, false);
        }));
        if let Err(payload) = computed {
            // A cycle is one, whichever of its calls is computed here.
            match call_stack::as_cycle(&payload) {
                Some(_) => resume_unwind(payload),
                None => panics::swallow(payload),
            }
        }
    }

    /// Forgets a key, or everything, in memory alone: in the store it has changed.
    #[doc(hidden)]
    pub fn forget(&self, key: Option<&K>) {
        match key {
            Some(key) => drop(self.core().remove(key, registry::current())),
            None => self.core().clear(),
        }
    }

    /// Copies of all that is in memory; `None` where the values are in tables of their own.
    #[cfg(feature = "disk")]
    pub(crate) fn entries_in_memory(&self) -> Option<Vec<(K, R)>> {
        self.divided.is_none().then(|| self.core().entries(registry::current()))
    }

    /// Puts a value in that was computed elsewhere, in memory and in what lies behind it. False if there is one.
    #[cfg(feature = "disk")]
    pub(crate) fn take_in(&self, key: K, value: R) -> bool {
        if let Some(behind) = self.behind() {
            behind.note(&key, &value);
        }
        if let Some(divided) = self.divided {
            return divided.insert(key, value).is_none();
        }
        self.core().insert_new(self.function(), &key, value, registry::current()).is_ok()
    }

    /// The name of the function.
    #[cfg(feature = "disk")]
    pub(crate) fn name(&self) -> &'static str {
        self.function().name
    }
}
