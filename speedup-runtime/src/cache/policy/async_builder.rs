//! Policies of async caches without a macro: `AsyncCache::from_fn(f).capacity(100).ttl(..)`.

use std::{sync::Arc, time::Duration};

use once_cell::sync::OnceCell;

use super::{
    asynchronous::AsyncPolicyCache,
    builder::all_policies,
    rules::Rules,
    shared::{Home, Shared},
};
use crate::cache::{
    asynchronous::{
        function::{AsyncFunction, boxed},
        state::AsyncCache,
    },
    bound::{Hashed, Stored},
    call::function::Hook,
    table::key::{Key, Output},
};

all_policies!(AsyncCache -> AsyncPolicyCache);

impl<K: Key, R: Output> AsyncPolicyCache<K, R> {
    /// The function of a cache, whose values are forgotten, with policies.
    fn around(cache: AsyncCache<K, R>) -> Self {
        let plain = cache.function().clone();
        let path = plain.path();
        let start = move |Hashed(key)| {
            let value = plain.start(key);
            boxed(async move { Stored::of(value.await) })
        };
        Self::owned(AsyncFunction::closure(Arc::new(start)).of_path(path), Rules::new())
    }

    fn with(self, set: impl FnOnce(&mut Rules<K, R>)) -> Self {
        let function = self.cache.function().clone();
        let mut rules = self.shared.rules.clone();
        set(&mut rules);
        Self::owned(function, rules)
    }

    /// A cache of its own around a function.
    pub(super) fn owned(function: AsyncFunction<Hashed<K>, Stored<R>>, rules: Rules<K, R>) -> Self {
        let shared = Arc::new(Shared::new(rules, Home::Own(OnceCell::new())));
        let cache = AsyncCache::own(function.settled_by(Hook::Shared(shared.clone())));
        if let (Home::Own(later), Some(look)) = (&shared.home, cache.later()) {
            _ = later.set(Box::new(move |sweep| {
                let look = look.clone();
                Box::new(move || look(sweep))
            }));
        }
        Self { cache, shared: Hook::Shared(shared) }
    }
}

impl<K: Key, T: Clone + Send + Sync + 'static, E: Clone + Send + Sync + 'static> AsyncPolicyCache<K, Result<T, E>> {
    /// Keeps `Ok` alone, and keeps the last one in service where a renewal gives an `Err`: for as long again as it has lived.
    ///
    /// What is kept already is forgotten.
    #[must_use]
    pub fn stale_on_err(self) -> Self {
        let function = self.cache.function().clone().keep(|stored| stored.get().is_ok());
        let mut rules = self.shared.rules.clone();
        rules.stale_on_err = true;
        Self::owned(function, rules)
    }
}
