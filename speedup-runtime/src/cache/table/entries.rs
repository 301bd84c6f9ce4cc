//! All that is in a table.

use super::{
    Table,
    key::{Key, Output},
};
use crate::cache::thread::registry::Pinned;

impl<K: Key, R: Output> Table<K, R> {
    /// Copies of all that is there. O(slots).
    pub(in crate::cache) fn entries(&self, pin: Pinned<'_>) -> Vec<(K, R)>
    where
        R: Clone,
    {
        let mut entries = Vec::new();
        self.pages.each_ready(pin, &mut |packed, value| {
            entries.extend(K::unpack(packed).map(|key| (key, value.clone())));
        });
        if let Some(hashed) = self.hashed.get() {
            hashed.each(pin, |key, value| entries.push((key.clone(), value.clone())));
        }
        entries
    }

    /// The key of some value that is there. O(slots).
    pub(in crate::cache) fn any_key(&self, pin: Pinned<'_>) -> Option<K> {
        let mut any = None;
        self.pages.each_ready(pin, &mut |packed, _| any = any.take().or_else(|| K::unpack(packed)));
        if let (None, Some(hashed)) = (&any, self.hashed.get()) {
            hashed.each(pin, |key, _| any = any.take().or_else(|| Some(key.clone())));
        }
        any
    }
}
