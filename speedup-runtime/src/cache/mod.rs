//! Memoized functions whose independent recursive calls run in parallel.
//!
//! [`Cache`] is the handle. Its rooms, from the top: `api` is what users meet, `call` the life of a call, `fork` shares calls out,
//! `block` waits without going in circles, `thread` is what is known of a thread, `table` holds the values, `memory` frees them.
//!
//! The model checker gets the protocols: boards, the graph of waits, reclamation, and tables with the claims on their slots
//! (`model`, which has small stand-ins for the rest).

#![cfg_attr(loom, allow(dead_code, unreachable_pub, reason = "the models have no functions, and nobody outside"))]

mod api;
mod block;
mod call;
mod fork;
mod memory;
#[cfg(all(test, loom))]
mod model;
mod table;
mod thread;

#[cfg(not(loom))]
pub use self::api::{
    autoref as probe,
    bits::{Bits, ByBits},
    cache::{Cache, IntoFunction, Parts, State, Values},
    context::{Body, Local, Memo, Place, Scoped, number_of, place_of},
    function::Function,
    key::{Argument, Key, Lookup, Output, Part},
    of_types::of_types,
    stats::Stats,
    tables::{Division, Tables, TablesState, is_equal, is_same},
    task::{Task, TimedOut},
};
