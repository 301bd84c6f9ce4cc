//! Memoized functions whose independent recursive calls run in parallel.
//!
//! [`Cache`] is the handle. Below it: `core` is the life of a call, `group` and `help` share work out, `wait`, `stall`
//! and `isolate` keep waiting from going in circles, `table` holds the values and `reclaim` frees them.

mod board;
mod chain;
mod core;
mod engine;
mod flight;
mod function;
mod grain;
mod group;
mod handle;
mod help;
mod isolate;
mod key;
mod number;
pub mod probe;
mod reclaim;
mod small;
mod stack;
mod stall;
mod stats;
mod table;
mod task;
mod wait;
mod worker;

pub use self::{
    function::Function,
    handle::{Cache, IntoFunction, State},
    key::{Argument, Key, Lookup, Output},
    stats::Stats,
    task::{Task, TimedOut},
};
