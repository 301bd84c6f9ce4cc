//! What the engine knows of a thread.

#[cfg(not(loom))]
pub(in crate::cache) mod counters;
#[cfg(not(loom))]
mod parker;
#[cfg_attr(loom, path = "../model/worker.rs")]
pub(in crate::cache) mod registry;
#[cfg(not(loom))]
pub(in crate::cache) mod stack;
