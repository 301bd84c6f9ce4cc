//! Computing what other processes need of an `async fn`.

use std::{
    future::{Future as _, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    task::Poll,
};

use super::state::AsyncCache;
use crate::{
    cache::{
        table::key::{Key, Output},
        thread::call_stack,
    },
    panics,
};

impl<K: Key, R: Output> AsyncCache<K, R> {
    /// As [`Cache::can_help`](crate::Cache::can_help).
    pub(crate) fn can_help(&self) -> bool {
        self.function.has_body()
    }

    /// Computes what another process needs, as far as it is missing here. As [`Cache::help`](crate::Cache::help).
    pub(crate) async fn help(&self, keys: Vec<K>) {
        if !self.function.has_body() {
            return;
        }
        let mut all = self.get_all(keys);
        poll_fn(|context| {
            let payload = match catch_unwind(AssertUnwindSafe(|| Pin::new(&mut all).poll(context))) {
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
