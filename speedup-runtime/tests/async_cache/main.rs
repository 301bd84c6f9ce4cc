//! `AsyncCache` under an executor written by hand, which polls what the test says when the test says so.

mod abandoned;
mod circles;
mod depth;
#[allow(dead_code, reason = "shared with tests of several processes, which count who has come")]
mod gate;
mod harness;
mod outcomes;
mod surface;
mod waiting;
