//! The life of a call: looked up, claimed, computed, published.

#[cfg(not(loom))]
pub(in crate::cache) mod asked;
#[cfg(not(loom))]
pub(in crate::cache) mod at_hand;
#[cfg(not(loom))]
pub(in crate::cache) mod behind;
#[cfg(not(loom))]
pub(in crate::cache) mod bodies;
#[cfg(not(loom))]
pub(in crate::cache) mod callee;
pub(in crate::cache) mod claim_guard;
#[cfg(not(loom))]
mod constructors;
#[cfg(not(loom))]
mod counted;
#[cfg(not(loom))]
pub(in crate::cache) mod erased;
#[cfg(not(loom))]
pub(in crate::cache) mod execute;
#[cfg(not(loom))]
mod failed;
#[cfg(not(loom))]
mod far;
#[cfg(not(loom))]
pub(in crate::cache) mod function;
#[cfg(not(loom))]
mod hit_cost;
#[cfg(not(loom))]
pub(in crate::cache) mod inner;
#[cfg(not(loom))]
pub(in crate::cache) mod known;
#[cfg(not(loom))]
pub(in crate::cache) mod leaves;
#[cfg(not(loom))]
mod let_go;
#[cfg(not(loom))]
pub(in crate::cache) mod listed;
#[cfg(not(loom))]
pub(in crate::cache) mod look;
#[cfg(not(loom))]
mod new_page;
#[cfg(any(test, not(loom)))]
pub(in crate::cache) mod once;
#[cfg(not(loom))]
pub(in crate::cache) mod outlook;
#[cfg(not(loom))]
pub(in crate::cache) mod parked;
#[cfg(not(loom))]
pub(in crate::cache) mod renewal;
#[cfg(not(loom))]
pub(in crate::cache) mod renewals;
#[cfg(not(loom))]
pub(in crate::cache) mod running;
#[cfg(not(loom))]
pub(in crate::cache) mod seen;
#[cfg_attr(loom, path = "../model/core.rs")]
pub(in crate::cache) mod state;
#[cfg(not(loom))]
pub(in crate::cache) mod steady;
