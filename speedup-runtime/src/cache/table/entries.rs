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
            hashed.each_ready(pin, &mut |key, value| entries.push((key.clone(), value.clone())));
        }
        entries
    }
}
