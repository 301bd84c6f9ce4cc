//! Several keys at once, and calls in the background.

use std::{collections::HashSet, sync::Arc};

use super::cache::PolicyCache;
use crate::{
    cache::{
        api::{
            task::Task,
            warming::{Call, Warming},
        },
        block::isolation,
        bound::{Hashed, Stored},
        table::key::{Distinct, Key, Output},
        thread::registry,
    },
    panics,
};

impl<K: Key, R: Output> PolicyCache<K, R> {
    /// Lets a body say which of its own calls it will make next. See [`Cache::ahead`](crate::Cache::ahead).
    #[inline(always)]
    pub fn ahead(&self, forecast: impl FnOnce(&(dyn Fn(K::Args) + Sync))) {
        self.cache.ahead(forecast);
    }

    /// The values of all keys, evaluated in parallel where it is worth it, in the order of the keys.
    ///
    /// # Panics
    /// As [`get`](Self::get), for one of the keys whose call panics.
    pub fn get_all(&self, keys: impl IntoIterator<Item = K::Args>) -> Vec<R> {
        let keys: Vec<K::Args> = keys.into_iter().collect();
        if self.shared.rules.ages() {
            for key in &keys {
                K::with(key, |key| self.shared.drop_expired(self.cache.core(), Hashed::of_ref(key)));
            }
        }
        let values = self.cache.get_all(keys.iter().cloned());
        if !self.shared.rules.stale_on_err {
            return values.into_iter().map(Stored::into_value).collect();
        }
        // What has expired and is kept all the same is renewed one by one.
        keys.into_iter().map(|key| self.get(key)).collect()
    }

    /// Starts computing a key in the background. See [`Cache::spawn`](crate::Cache::spawn).
    #[doc(alias = "apply_async")]
    pub fn spawn(&self, key: K::Args) -> Task<R> {
        if let Some(value) = self.peek(&key) {
            return Task::ready(value);
        }
        let (again, key) = (self.again(), Hashed(K::of(key)));
        let task = Task::new(Box::new(move || again.get_by(&key, || again.cache.function().callee())));
        task.start();
        task
    }

    /// Starts in the background what is missing, and says how many calls that was. See [`Cache::spawn_all`](crate::Cache::spawn_all).
    #[doc(alias = "batch_async")]
    pub fn spawn_all(&self, keys: impl IntoIterator<Item = K::Args>) -> usize {
        let missing = keys.into_iter().filter(|key| !self.contains(key)).map(|key| Distinct(K::of(key)));
        let missing: HashSet<Distinct<K>> = missing.collect();
        if missing.len() < 2 || isolation::computes_again(registry::current()) {
            return 0;
        }
        let started = missing.len();
        for Distinct(key) in missing {
            let (again, key) = (self.again(), Hashed(key));
            let task = Task::new(Box::new(move || again.get_by(&key, || again.cache.function().callee())));
            task.start();
            panics::contain(move || drop(task));
        }
        started
    }

    /// Computes keys ahead of need, in the background, at a limited speed if that is wanted: those that are missing or have expired.
    /// See [`Warming`].
    pub fn warm(&self, keys: impl IntoIterator<Item = K::Args>) -> Warming {
        let keys: Vec<Hashed<K>> = keys.into_iter().map(|key| Hashed(K::of(key))).collect();
        let again = self.again();
        let call = move |key: Hashed<K>| -> Call {
            let again = again.clone();
            Arc::new(move || {
                let keep = again.cache.function().keep;
                let value = again.get_by(&key, || again.cache.function().callee());
                keep.is_none_or(|keep| keep(&Stored::of(value)))
            })
        };
        Warming::new(keys.len(), keys.into_iter().map(call))
    }
}
