//! Policies without a macro: `Cache::from_fn(f).capacity(100).ttl(..)`.

use std::{sync::Arc, time::Duration};

use once_cell::sync::OnceCell;

use super::{
    cache::PolicyCache,
    rules::Rules,
    shared::{Home, Kept, Later, Shared},
};
use crate::{
    cache::{
        api::cache::Cache,
        bound::{Hashed, Stored},
        call::{
            function::{Function, Hook, Shared as Body},
            state::Core,
        },
        table::key::{Key, Output},
    },
    seeing::report::Kind,
};

/// What `Cache` and `PolicyCache` both have: the second returns itself with one more policy, the first becomes one.
macro_rules! policies {
    ($cache:ident -> $bounded:ident; $($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*) |$rules:ident| $set:expr;)*) => {
        impl<K: Key, R: Output> $cache<K, R> {
            $($(#[$doc])*
            #[must_use]
            pub fn $name(self, $($arg: $type),*) -> $bounded<K, R> {
                $bounded::around(self).$name($($arg),*)
            })*
        }

        impl<K: Key, R: Output> $bounded<K, R> {
            $($(#[$doc])*
            ///
            /// What is kept already is forgotten.
            #[must_use]
            pub fn $name(self, $($arg: $type),*) -> Self {
                self.with(|$rules| $set)
            })*
        }
    };
}

/// The policies of both kinds of caches.
macro_rules! all_policies {
    ($cache:ident -> $bounded:ident) => {
        $crate::cache::policy::builder::policies! {
            $cache -> $bounded;
            /// Keeps values that weigh no more than this together: so many values, if none has another [`weight`](crate::PolicyCache::weight).
            ///
            /// Beyond it, values that were not asked for again go first (S3-FIFO). A value that is heavier than the bound is returned, and not
            /// kept.
            capacity(most: u64) |rules| rules.bound = most;
            /// Says what a value weighs against the [`capacity`](crate::PolicyCache::capacity), such as its size in bytes.
            weight(weight: impl Fn(&R) -> u64 + Send + Sync + 'static) |rules| rules.weight = Some(Hook::Shared(Arc::new(weight)));
            /// Is told of each value that the cache lets go by itself: because of its bound, or of its age. Not of those that are removed,
            /// replaced or cleared. A panic in it is nobody's.
            on_evict(tell: impl Fn(&K, &R) + Send + Sync + 'static) |rules| rules.on_evict = Some(Hook::Shared(Arc::new(tell)));
            /// Keeps a value for so long, counted from when it was computed.
            ttl(age: Duration) |rules| rules.ttl = crate::clock::nanos(age);
            /// Keeps each value for as long as this says of it, counted from when it was computed.
            ttl_of(life: impl Fn(&R) -> Duration + Send + Sync + 'static) |rules| rules.life = Some(Hook::Shared(Arc::new(life)));
            /// Lets go of a value that nobody has asked for for so long (to within a sixteenth of it).
            idle(age: Duration) |rules| rules.idle = crate::clock::nanos(age);
            /// A hit that is no further than this from the end of the value's life is served, and starts one renewal in the background.
            refresh_ahead(before_the_end: Duration) |rules| rules.ahead = crate::clock::nanos(before_the_end);
        }
    };
}

#[cfg(feature = "async")]
pub(super) use all_policies;
pub(super) use policies;

all_policies!(Cache -> PolicyCache);

impl<K: Key, R: Output> PolicyCache<K, R> {
    /// The function of a cache, whose values are forgotten, with policies.
    fn around(cache: Cache<K, R>) -> Self {
        let mut plain = cache.function().clone();
        let body: Body<Hashed<K>, Stored<R>> = match plain.shared.take() {
            Some(body) => Arc::new(move |key| Stored::of(body(&key.0))),
            // One that is no closure runs as it does in its own cache.
            None => Arc::new(move |key| Stored::of(cache.core().get(cache.function().callee(), &key.0))),
        };
        let mut function = Function::closure(body);
        function.path = plain.path;
        Self::owned(function, Rules::new(), Kind::Cache)
    }

    fn with(self, set: impl FnOnce(&mut Rules<K, R>)) -> Self {
        let function = self.cache.function().clone();
        let mut rules = self.shared.rules.clone();
        set(&mut rules);
        Self::owned(function, rules, Kind::Cache)
    }

    /// A cache of its own around a function.
    pub(super) fn owned(mut function: Function<Hashed<K>, Stored<R>>, rules: Rules<K, R>, kind: Kind) -> Self {
        let shared = Arc::new(Shared::new(rules, Home::Own(OnceCell::new())));
        function.keeps_by(function.keep.unwrap_or(Function::<Hashed<K>, Stored<R>>::keep_all));
        function.settle = Some(Hook::Shared(shared.clone()));
        let cache = Cache::around(Core::listed(kind), function);
        if let Home::Own(later) = &shared.home {
            _ = later.set(later_of(cache.core()));
        }
        Self { way: shared.way, cache, shared: Hook::Shared(shared) }
    }
}

/// Errands for a core that is counted.
fn later_of<K: Key, R: Output>(core: &Kept<K, R>) -> Later<K, R> {
    let core = core.weak();
    Box::new(move |sweep| {
        let core = core.clone();
        Box::new(move || {
            let Some(core) = core.as_ref().and_then(std::sync::Weak::upgrade) else { return };
            // Retired when it is let go: boards may still name it.
            let _kept = core.keep_alive();
            sweep(&core);
            drop(core);
        })
    })
}

impl<K: Key, T: Clone + Send + Sync + 'static, E: Clone + Send + Sync + 'static> PolicyCache<K, Result<T, E>> {
    /// Keeps `Ok` alone, and keeps the last one in service where a renewal gives an `Err`: for as long again as it has lived.
    ///
    /// What is kept already is forgotten.
    #[must_use]
    pub fn stale_on_err(self) -> Self {
        let mut function = self.cache.function().clone();
        function.keeps_by(|stored| stored.get().is_ok());
        let mut rules = self.shared.rules.clone();
        rules.stale_on_err = true;
        Self::owned(function, rules, Kind::Cache)
    }
}
