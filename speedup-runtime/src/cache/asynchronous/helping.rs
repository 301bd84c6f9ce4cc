//! Computing what other processes need of an `async fn`.

use std::{
    future::{Future as _, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    task::Poll,
};

use super::{get::Get, state::AsyncCache};
use crate::{
    cache::{
        table::key::{Key, Output},
        thread::call_stack,
    },
    panics,
};

impl<K: Key, R: Output> AsyncCache<K, R> {
    /// The call of a key that is on its way, if it is.
    fn joined(&self, key: &K) -> Option<Get<'_, K, R>> {
        Some(Get::seated(self, self.values.flights.join(&self.values.core, key)?))
    }

    /// As [`Cache::can_help`](crate::Cache::can_help).
    pub(crate) fn can_help(&self) -> bool {
        self.function.has_body()
    }

    /// Computes what another process needs, as far as it is missing here. As [`Cache::help`](crate::Cache::help).
    pub(crate) async fn help(&self, key: K) {
        let helped = if self.function.has_body() { Some(self.get(key)) } else { self.joined(&key) };
        let Some(mut helped) = helped else { return };
        poll_fn(|context| {
            let payload = match catch_unwind(AssertUnwindSafe(|| Pin::new(&mut helped).poll(context))) {
                Ok(polled) => return polled.map(drop),
                Err(payload) => payload,
            };
            // A cycle is one, whichever of its calls is computed here.
            match call_stack::as_cycle(&payload) {
                Some(_) => resume_unwind(payload),
                None => panics::swallow(payload),
            }
            Poll::Ready(())
        })
        .await;
    }
}
