//! A cache of an `async fn` and what lies behind it.

use std::any::Any;

use super::{function::AsyncFunction, state::AsyncCache};
use crate::cache::{
    call::behind::{Behind, Docked},
    table::key::{Key, Output},
    thread::registry::{self, Worker},
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

    /// Puts a value in that was computed elsewhere. As `Cache::take_in`; what is on its way stays on its way.
    #[cfg(feature = "disk")]
    pub(crate) fn take_in(&self, key: K, value: R) -> bool {
        if let Some(behind) = self.behind() {
            behind.note(&key, &value);
        }
        let core = &self.values.core;
        !self.values.flights.contains(core, &key)
            && core.insert_new(&self.function.rules, &key, value, registry::current()).is_ok()
    }

    /// Whether the value of a key is there, or a call of it on its way.
    pub(super) fn is_known(&self, key: &K, worker: &'static Worker) -> bool {
        let core = &self.values.core;
        core.contains(key, worker) || self.values.flights.contains(core, key)
    }

    /// The name of the function.
    #[cfg(feature = "disk")]
    pub(crate) fn name(&self) -> &'static str {
        self.function.rules.name
    }

    /// Forgets a key, or everything, in memory alone: in the store it has changed.
    #[doc(hidden)]
    pub fn forget(&self, key: Option<&K>) {
        match key {
            Some(key) => drop(self.values.core.remove(key, registry::current())),
            None => self.values.core.clear(),
        }
    }
}
