//! `#[cache]` on an `async fn` as a user meets it: under tokio, under smol, and under an executor written by hand.

#![cfg(feature = "macros")]

mod context;
mod forms;
mod runtimes;
mod spawned;
mod stress;
mod traps;
