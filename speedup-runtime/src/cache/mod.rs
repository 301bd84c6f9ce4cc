//! Memoized functions whose independent recursive calls run in parallel.
//!
//! [`Cache`] is the handle. Below it: `core` is the life of a call, `group` and `help` share work out, `wait`, `graph`,
//! `stall`, `inside`, `isolate` and `doomed` keep waiting from going in circles, `table` holds the values and `reclaim` frees them.
//!
//! The model checker gets the protocols: boards, the graph of waits, reclamation, and tables with the claims on their slots
//! (`model`, which has small stand-ins for the rest).

#![cfg_attr(loom, allow(dead_code, unreachable_pub, reason = "the models have no functions, and nobody outside"))]

#[cfg_attr(loom, allow(dead_code, reason = "the models begin no claims of slots"))]
mod bias;
mod board;
#[cfg(not(loom))]
mod chain;
#[cfg_attr(loom, path = "model/core.rs")]
mod core;
#[cfg(not(loom))]
mod doomed;
#[cfg(not(loom))]
mod engine;
mod flight;
#[cfg(not(loom))]
mod function;
#[cfg(not(loom))]
mod grain;
mod graph;
#[cfg(not(loom))]
mod group;
#[cfg(not(loom))]
mod handle;
#[cfg(not(loom))]
mod help;
#[cfg(not(loom))]
mod inside;
#[cfg(not(loom))]
mod isolate;
mod key;
mod large_pages;
#[cfg(all(test, loom))]
mod model;
#[cfg(not(loom))]
mod notes;
#[cfg(not(loom))]
mod number;
mod outcome;
#[cfg(not(loom))]
pub mod probe;
mod reclaim;
#[cfg(not(loom))]
mod run;
mod small;
#[cfg(not(loom))]
mod stack;
#[cfg(not(loom))]
mod stall;
#[cfg(not(loom))]
mod stats;
mod table;
#[cfg(not(loom))]
mod task;
#[cfg(not(loom))]
mod turns;
#[cfg_attr(loom, path = "model/wait.rs")]
mod wait;
#[cfg_attr(loom, path = "model/worker.rs")]
mod worker;

#[cfg(not(loom))]
pub use self::{
    function::Function,
    handle::{Cache, IntoFunction, Parts, State, Values},
    key::{Argument, Key, Lookup, Output},
    stats::Stats,
    task::{Task, TimedOut},
};
