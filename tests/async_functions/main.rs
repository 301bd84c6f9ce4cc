//! `#[cache]` on an `async fn` as a user meets it: under tokio, under smol, and under an executor written by hand.

#![cfg(feature = "macros")]

mod context;
mod forms;
mod runtimes;
mod spawned;
mod stress;
mod together;
mod traps;

/// Lets others go first, once.
async fn rest() {
    let mut rested = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut rested, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}
