//! Memoized functions whose independent recursive calls run in parallel.
//!
//! [`Cache`] is the handle. Below it: `core` is the life of a call, `group` and `help` share work out, `wait`, `graph`,
//! `stall`, `inside`, `isolate` and `doomed` keep waiting from going in circles, `table` holds the values and `reclaim` frees them.
//!
//! The model checker gets the protocols alone: boards, the graph of waits, reclamation and the state words of slots.

mod board;
#[cfg(not(loom))]
mod chain;
#[cfg(not(loom))]
mod core;
#[cfg(not(loom))]
mod doomed;
#[cfg(not(loom))]
mod engine;
#[cfg(not(loom))]
mod flight;
#[cfg(not(loom))]
mod function;
#[cfg(not(loom))]
mod grain;
#[cfg_attr(loom, allow(dead_code, reason = "the models use the waits for claims alone"))]
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
#[cfg(not(loom))]
mod key;
#[cfg(not(loom))]
mod notes;
#[cfg(not(loom))]
mod number;
#[cfg(not(loom))]
mod outcome;
#[cfg(not(loom))]
pub mod probe;
mod reclaim;
#[cfg(not(loom))]
mod run;
#[cfg(not(loom))]
mod small;
#[cfg(not(loom))]
mod stack;
#[cfg(not(loom))]
mod stall;
#[cfg(not(loom))]
mod stats;
#[cfg(not(loom))]
mod table;
#[cfg(not(loom))]
mod task;
#[cfg(not(loom))]
mod turns;
#[cfg(not(loom))]
mod wait;
#[cfg(not(loom))]
mod worker;

#[cfg(loom)]
#[allow(dead_code, reason = "the models use the state words alone")]
#[path = "table/slot.rs"]
mod slot;

/// What the slots need of it.
#[cfg(loom)]
#[allow(dead_code, reason = "nobody pins in a model")]
mod worker {
    /// Nothing is freed in a model.
    pub(super) struct Pin;
}

#[cfg(not(loom))]
pub use self::{
    function::Function,
    handle::{Cache, IntoFunction, Parts, State, Values},
    key::{Argument, Key, Lookup, Output},
    stats::Stats,
    task::{Task, TimedOut},
};
