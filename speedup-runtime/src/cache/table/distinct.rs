//! Keys in a set of keys.

use std::hash::{Hash, Hasher};

use super::key::Key;

/// A key in a set.
#[doc(hidden)]
#[derive(Clone)]
#[repr(transparent)]
pub struct Distinct<K>(pub K);

impl<K> Distinct<K> {
    /// A key that is borrowed, as one of a set.
    pub fn of(key: &K) -> &Self {
        // SAFETY: transparent, so both are the same in memory.
        unsafe { &*std::ptr::from_ref(key).cast() }
    }
}

impl<K: Key> PartialEq for Distinct<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0.is_key(&other.0)
    }
}

impl<K: Key> Eq for Distinct<K> {}

impl<K: Key> Hash for Distinct<K> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.0.hash_key(hasher);
    }
}
