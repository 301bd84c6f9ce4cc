//! Several keys at once, and calls in the background.

use std::sync::Arc;

use super::cache::PolicyCache;
use crate::cache::{
    api::{
        spans::Foretells,
        spawn::start_missing,
        task::Task,
        warming::{Call, Warming},
    },
    bound::{Hashed, Stored},
    table::key::{Key, Output},
    thread::registry,
};

#[diagnostic::do_not_recommend]
impl<K: Key, R: Output> Foretells<K> for &PolicyCache<K, R> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn foretell(self, forecast: impl FnOnce(&(dyn Fn(K::Args) + Sync))) {
        self.cache.foretell(forecast);
    }
}

impl<K: Key, R: Output> PolicyCache<K, R> {
    /// Lets a body say which of its own calls it will make next. See [`Cache::ahead`](crate::Cache::ahead).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn ahead(&self, forecast: impl FnOnce(&(dyn Fn(K::Args) + Sync))) {
        self.cache.ahead(forecast);
    }

    /// The values of all keys, evaluated in parallel where it is worth it, in the order of the keys.
    ///
    /// # Panics
    /// As [`get`](Self::get), for one of the keys whose call panics.
    pub fn get_all(&self, keys: impl IntoIterator<Item = K::Args>) -> Vec<R> {
        let keys: Vec<K::Args> = keys.into_iter().collect();
        self.let_go(&keys);
        let values = self.cache.get_all(keys.iter().cloned());
        if !self.shared.rules.stale_on_err {
            return values.into_iter().map(Stored::into_value).collect();
        }
        // What has expired and is kept all the same is renewed one by one.
        keys.into_iter().map(|key| self.get(key)).collect()
    }

    /// Lets go of those that have expired, so that they are computed; those that are being renewed are waited for.
    fn let_go(&self, keys: &[K::Args]) {
        let (core, worker) = (self.cache.core(), registry::current());
        if !self.shared.rules.ages() && core.renewals.get().is_none() {
            return;
        }
        for key in keys {
            if K::with(key, |key| core.is_being_renewed(Hashed::of_ref(key), worker)) {
                drop(self.get(key.clone()));
            }
            K::with(key, |key| self.shared.drop_expired(core, Hashed::of_ref(key)));
        }
    }

    /// Starts computing a key in the background. See [`Cache::spawn`](crate::Cache::spawn).
    #[doc(alias = "apply_async")]
    pub fn spawn(&self, key: K::Args) -> Task<R> {
        if let Some(value) = self.peek(&key) {
            return Task::ready(value);
        }
        let task = self.task(K::of(key));
        task.start();
        task
    }

    /// Starts in the background what is missing, and says how many calls that was. See [`Cache::spawn_all`](crate::Cache::spawn_all).
    #[doc(alias = "batch_async")]
    pub fn spawn_all(&self, keys: impl IntoIterator<Item = K::Args>) -> usize {
        start_missing(keys.into_iter().filter(|key| !self.contains(key)).map(K::of), |key| self.task(key))
    }

    /// A call of this key that has not begun.
    fn task(&self, key: K) -> Task<R> {
        let (again, key) = (self.again(), Hashed(key));
        Task::new(Box::new(move || again.get_by(&key, || again.cache.function().callee())))
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
