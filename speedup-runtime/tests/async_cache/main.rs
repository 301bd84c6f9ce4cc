//! `AsyncCache` under an executor written by hand, which polls what the test says when the test says so.

mod abandoned;
mod circles;
mod depth;
mod harness;
mod outcomes;
mod surface;
mod waiting;
