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

    /// Puts a value in that was computed elsewhere, in memory and in what lies behind it. False if there is one.
    #[cfg(feature = "disk")]
    pub(crate) fn take_in(&self, key: K, value: R) -> bool {
        if let Some(behind) = self.behind() {
            behind.note(&key, &value);
        }
        if let Some(divided) = self.divided {
            return divided.peek(&key).is_none() && divided.insert(key, value).is_none();
        }
        self.core().insert_new(self.function(), &key, value, registry::current()).is_ok()
    }

    /// The name of the function.
    #[cfg(feature = "disk")]
    pub(crate) fn name(&self) -> &'static str {
        self.function().name
    }
}
