//! A cache and what lies behind it.

use crate::cache::{
    api::cache::Cache,
    call::behind::Behind,
    table::key::{Key, Output},
    thread::registry,
};

impl<K: Key, R: Output> Cache<K, R> {
    /// What lies behind the cache, if something does.
    pub(crate) fn behind(&self) -> Option<&'static dyn Behind<K, R>> {
        self.function.docked()
    }

    /// Forgets a key, or everything, in memory alone: in the store it has changed.
    #[doc(hidden)]
    pub fn forget(&self, key: Option<&K>) {
        match key {
            Some(key) => drop(self.core().remove(key, registry::current())),
            None => self.core().clear(),
        }
    }
}
