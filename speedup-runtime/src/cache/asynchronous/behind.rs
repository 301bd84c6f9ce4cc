//! A cache of an `async fn` and what lies behind it.

use std::{
    any::Any,
    future::{Future as _, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    task::Poll,
};

use super::{function::AsyncFunction, state::AsyncCache};
use crate::{
    cache::{
        call::behind::{Behind, Docked},
        table::key::{Key, Output},
        thread::{call_stack, registry},
    },
    panics,
};

impl<K, R> AsyncFunction<K, R> {
    /// Says what is asked on a miss. As [`Function::behind`](crate::cache::Function::behind).
    #[doc(hidden)]
    #[must_use]
    pub const fn behind(
        mut self,
        behind: &'static dyn Behind<K, R>,
        open: fn() -> Box<dyn Any + Send + Sync>,
        forget: fn(Option<&K>),
    ) -> Self {
        self.rules.docked = Some(Docked { behind, open, forget });
        self
    }
}

impl<K: Key, R: Output> AsyncCache<K, R> {
    /// What lies behind the cache, if something does.
    pub(crate) fn behind(&self) -> Option<&'static dyn Behind<K, R>> {
        self.function.rules.docked()
    }

    /// Forgets a key, or everything, in memory alone: in the store it has changed.
    #[doc(hidden)]
    pub fn forget(&self, key: Option<&K>) {
        match key {
            Some(key) => drop(self.values.core.remove(key, registry::current())),
            None => self.values.core.clear(),
        }
    }
    /// Computes what another process needs, as far as it is missing here. As [`Cache::help`](crate::Cache::help).
    pub(crate) async fn help(&self, keys: Vec<K>) {
        if !self.function.has_body() {
            return;
        }
        let mut all = self.get_all(keys);
        poll_fn(|context| {
            let payload = match catch_unwind(AssertUnwindSafe(|| Pin::new(&mut all).poll(context))) {
                Ok(polled) => return polled.map(drop),
                Err(payload) => payload,
            };
            // A cycle is one, whichever of its calls is computed here.
            match call_stack::as_cycle(&payload) {
                Some(_) => resume_unwind(payload),
                None => panics::swallow(payload),
            }
            Poll::Ready(())
        })
        .await;
    }
}
