//! What was put into a memo before its function was called: what kind of a cache that has, and what it keeps, is not known yet.

use std::{collections::HashSet, sync::Arc};

use crate::{
    cache::{
        api::cache::Cache,
        call::function::Function,
        table::key::{Key, Output},
        thread::registry,
    },
    seeing::report::Kind,
};

/// Such values. Each has an address of its own, by which it is known from another one of the same key.
pub(super) struct PutIn<K: Key, R: Output>(Cache<K, Arc<R>>);

/// What was copied to a cache that nobody has found yet.
pub(super) struct Copied<R>(Vec<Arc<R>>);

impl<K: Key, R: Output> PutIn<K, R> {
    pub(super) fn new() -> Self {
        Self(Cache::owned(Function::of_context("memo"), Kind::Memo))
    }

    pub(super) fn insert(&self, key: K, value: R) -> Option<R> {
        self.0.insert_key(key, Arc::new(value)).map(Arc::unwrap_or_clone)
    }

    pub(super) fn peek(&self, key: &K) -> Option<R> {
        let found = self.0.core().peek(key, key.pack(), registry::current());
        found.map(Arc::unwrap_or_clone)
    }

    pub(super) fn contains(&self, key: &K) -> bool {
        self.0.core().contains(key, registry::current())
    }

    pub(super) fn remove(&self, key: &K) -> Option<R> {
        self.0.remove_key(key).map(Arc::unwrap_or_clone)
    }

    pub(super) fn clear(&self) {
        self.0.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn entries(&self) -> Vec<(K, R)> {
        let entries = self.0.keys_and_values().into_iter();
        entries.map(|(key, value)| (key, Arc::unwrap_or_clone(value))).collect()
    }

    pub(super) fn retain(&self, mut keep: impl FnMut(&K, &R) -> bool) {
        self.0.retain_keys(|key, value| keep(key, value));
    }

    /// Copies all of it to a cache, before that is found: so nobody computes what is on its way there.
    pub(super) fn copy_to(&self, mut insert: impl FnMut(K, R)) -> Copied<R> {
        let copied = self.0.keys_and_values().into_iter().map(|(key, value)| {
            insert(key, R::clone(&value));
            value
        });
        Copied(copied.collect())
    }

    /// Moves what was put in since to the cache, which has been found: who puts something in later sees that. What the cache has let go
    /// of again stays away.
    pub(super) fn move_rest(&self, copied: &Copied<R>, insert: impl Fn(K, R) -> Option<R>) {
        let copied: HashSet<*const R> = copied.0.iter().map(Arc::as_ptr).collect();
        for (key, _) in self.0.keys_and_values() {
            if let Some(value) = self.0.remove_key(&key)
                && !copied.contains(&Arc::as_ptr(&value))
            {
                insert(key, Arc::unwrap_or_clone(value));
            }
        }
    }
}

impl<R> Default for Copied<R> {
    fn default() -> Self {
        Self(Vec::new())
    }
}
