//! What handles of both kinds do with values that age.

use std::time::Duration;

use super::shared::{Kept, Shared};
use crate::{
    cache::{
        bound::{Hashed, Stored},
        table::key::{Key, Output},
        thread::registry,
    },
    clock,
};

impl<K: Key, R: Output> Shared<K, R> {
    /// The age of a value that may be served.
    pub(super) fn age(&self, stored: &Stored<R>) -> Option<Duration> {
        let now = clock::now();
        let age = now.saturating_sub(stored.marks().born(now, self.rules.ttl).unwrap_or(now));
        self.is_fresh(stored).then(|| Duration::from_nanos(age))
    }

    /// Whether a value is to be renewed ahead of its end, and nobody has begun to.
    #[inline]
    #[cfg(feature = "async")]
    pub(super) fn is_due(&self, stored: &Stored<R>) -> bool {
        self.rules.ahead > 0
            && stored.marks().is_left_alone()
            && stored.ends().saturating_sub(clock::now()) <= self.rules.ahead
    }

    /// Lets somebody else renew a value ahead of its end.
    pub(super) fn leave_to_others(&self, core: &Kept<K, R>, key: &Hashed<K>) {
        core.look(key, registry::current(), |stored| stored.marks().leave_to_others());
    }

    /// What whoever asked for a renewal gets: the new value, or the old one where the new one is not kept and that is the policy.
    pub(super) fn serve(
        &self,
        core: &Kept<K, R>,
        key: &Hashed<K>,
        new: Stored<R>,
        keep: Option<fn(&Stored<R>) -> bool>,
    ) -> R {
        if keep.is_none_or(|keep| keep(&new)) {
            return new.into_value();
        }
        let now = clock::now();
        let serves_old = |stored: &Stored<R>| self.rules.stale_on_err && !self.is_over(stored, now);
        let old = core.look(key, registry::current(), |stored| serves_old(stored).then(|| stored.get().clone()));
        match old.flatten() {
            Some(old) => old,
            None => {
                self.drop_if(core, key, |stored| !self.is_fresh(stored));
                new.into_value()
            }
        }
    }

    /// Takes a value out if it has expired and is not kept for want of a better one.
    pub(super) fn drop_expired(&self, core: &Kept<K, R>, key: &Hashed<K>) {
        if self.rules.ages() && !self.rules.stale_on_err {
            self.drop_if(core, key, |stored| !self.is_fresh(stored));
        }
    }

    fn drop_if(&self, core: &Kept<K, R>, key: &Hashed<K>, is_over: impl FnOnce(&Stored<R>) -> bool) {
        if core.look(key, registry::current(), is_over).unwrap_or(false) {
            self.expire(core, key);
        }
    }

    /// A copy of what is there and fresh.
    pub(super) fn entries(&self, core: &Kept<K, R>) -> Vec<(K, R)> {
        let mut entries = Vec::new();
        core.each(registry::current(), |key, stored| {
            if self.is_fresh(stored) {
                entries.push((key.0.clone(), stored.get().clone()));
            }
        });
        entries
    }

    /// Takes out the values for which this is not true. It may call the cache itself: nothing is held meanwhile.
    pub(super) fn retain(&self, core: &Kept<K, R>, mut keep: impl FnMut(&K, &R) -> bool) {
        for (key, value) in self.entries(core) {
            if !keep(&key, &value) {
                self.remove(core, &Hashed(key));
            }
        }
    }
}
