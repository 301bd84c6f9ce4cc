//! Calls that another process needs.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::{
    cache::{
        api::cache::Cache,
        fork::fork_join,
        table::key::{Key, Output},
        thread::call_stack,
    },
    panics,
};

impl<K: Key, R: Output> Cache<K, R> {
    /// Whether its calls can be computed by their keys alone. Those of functions with context cannot.
    pub(crate) fn can_help(&self) -> bool {
        self.function.has_body
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
}
