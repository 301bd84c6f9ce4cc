//! Computing a key again, awaited: because its value has ended or is about to.

use std::{
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

use super::{
    asynchronous::AsyncPolicyCache,
    shared::{Kept, Shared},
};
use crate::{
    cache::{
        asynchronous::function::Boxed,
        bound::{Hashed, Stored},
        call::renewals::Why,
        table::key::{Key, Output},
    },
    panics,
};

impl<K: Key, R: Output> AsyncPolicyCache<K, R> {
    /// Renews a value before its end, for one who waits for that while others get the old value. A panic in it is nobody's: the old value is
    /// there. One who leaves has another one do it.
    pub(super) async fn renew_ahead(&self, key: &Hashed<K>, old: R, renewal: impl Future<Output = Stored<R>>) -> R {
        let left = Left { shared: &self.shared, core: self.cache.core(), key };
        let mut renewal = pin!(renewal);
        let renewed = poll_fn(|context| {
            let polled = catch_unwind(AssertUnwindSafe(|| renewal.as_mut().poll(context)));
            polled.map(|poll| poll.map(Some)).unwrap_or_else(|payload| {
                panics::swallow(payload);
                Poll::Ready(None)
            })
        });
        let new = renewed.await;
        std::mem::forget(left);
        new.map_or(old, |new| self.shared.serve(self.cache.core(), key, new, self.cache.keep()))
    }

    /// Computes a key again; a result that is not kept leaves the old one in service, if that is the policy.
    pub(super) async fn renew(&self, key: Hashed<K>, why: Why) -> R {
        let new = self.cache.renew(key.clone(), why).await;
        self.shared.serve(self.cache.core(), &key, new, self.cache.keep())
    }

    /// The same by this body.
    pub(super) async fn renew_with(
        &self,
        key: Hashed<K>,
        body: impl FnOnce(Hashed<K>) -> Boxed<Stored<R>> + Send + 'static,
        why: Why,
    ) -> R {
        let new = self.cache.by(body).renew(key.clone(), why).await;
        self.shared.serve(self.cache.core(), &key, new, self.cache.keep())
    }
}

/// One who waits for a renewal and may leave before it is there.
struct Left<'a, K: Key, R: Output> {
    shared: &'a Shared<K, R>,
    core: &'a Kept<K, R>,
    key: &'a Hashed<K>,
}

impl<K: Key, R: Output> Drop for Left<'_, K, R> {
    fn drop(&mut self) {
        self.shared.leave_to_others(self.core, self.key);
    }
}
