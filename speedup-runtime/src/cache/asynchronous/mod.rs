//! `async` functions: their values lie in the tables of the cache, what is on its way in flights beside it.
//!
//! From the top: `cache` is what the handle does, `get` the future of one value, `group` that of several, which has a store asked `ahead`, also for what is `gathered` of calls with context, and `task` one that has begun, `state` is the handle itself, `of_types` has one for each set of types, `flights` knows which call of
//! which key is on its way, `flight` is one call, shared by all who wait for it. `chain` and `waits` find calls that need
//! themselves, `flat` keeps what flights do to each other off the stack.

#[cfg(not(loom))]
mod ahead;
#[cfg(not(loom))]
mod behind;
#[cfg(not(loom))]
pub(in crate::cache) mod cache;
#[cfg(not(loom))]
mod chain;
#[cfg(not(loom))]
mod contents;
mod flat;
mod flight;
#[cfg(not(loom))]
mod flights;
#[cfg(not(loom))]
pub(in crate::cache) mod function;
#[cfg(not(loom))]
mod gathered;
#[cfg(not(loom))]
pub(in crate::cache) mod get;
#[cfg(not(loom))]
pub(in crate::cache) mod group;
#[cfg(all(feature = "stores", not(loom)))]
mod helping;
#[cfg(not(loom))]
mod listed;
#[cfg(all(test, loom))]
mod loom_tests;
#[cfg(not(loom))]
pub(in crate::cache) mod of_types;
#[cfg(not(loom))]
pub(in crate::cache) mod state;
#[cfg(not(loom))]
pub(in crate::cache) mod task;
#[cfg(not(loom))]
mod waits;
