//! Calls that another process needs.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::{
    cache::{
        api::cache::Cache,
        fork::fork_join,
        table::key::{Key, Output},
        thread::{call_stack, registry},
    },
    panics,
};

impl<K: Key, R: Output> Cache<K, R> {
    /// Whether its calls can be computed by their keys alone. Those of functions with context cannot.
    pub(crate) fn can_help(&self) -> bool {
        self.function.has_body
    }

    /// Computes what another process needs, as far as it is missing here. What the needs were wrong about is nobody's fault.
    ///
    /// What is more than its key is only waited for, if a thread of this process computes it.
    ///
    /// # Panics
    /// If a call of this thread is among what is needed, or needs it.
    pub(crate) fn help(&self, keys: &[K]) {
        let callee = self.function.callee();
        let computed = catch_unwind(AssertUnwindSafe(|| {
            if !self.function.has_body {
                return keys.iter().for_each(|key| self.core().join(callee, key, registry::current()));
            }
            let (mut results, mut scratch) = (vec![None; keys.len()], vec![0; keys.len()]);
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
}
