//! What the engine knows of a thread, and what others may know of its calls.

#[cfg(not(loom))]
pub(in crate::cache) mod attention;
#[cfg(not(loom))]
pub(in crate::cache) mod blame;
pub(in crate::cache) mod board;
#[cfg(not(loom))]
pub(in crate::cache) mod call_stack;
pub(in crate::cache) mod claim;
#[cfg(not(loom))]
pub(in crate::cache) mod counters;
#[cfg(not(loom))]
pub(in crate::cache) mod engine;
#[cfg(not(loom))]
pub(in crate::cache) mod failures;
#[cfg(not(loom))]
pub(in crate::cache) mod frame;
#[cfg(not(loom))]
pub(in crate::cache) mod handed;
#[cfg(not(loom))]
pub(in crate::cache) mod lately;
#[cfg(not(loom))]
pub(in crate::cache) mod left;
#[cfg(not(loom))]
pub(in crate::cache) mod opened;
#[cfg(not(loom))]
pub(in crate::cache) mod order;
#[cfg(not(any(loom, speedup_simulated)))]
pub(in crate::cache) mod parker;
#[cfg(not(loom))]
pub(in crate::cache) mod pins;
#[cfg(not(loom))]
pub(in crate::cache) mod plain;
#[cfg(not(loom))]
pub(in crate::cache) mod readers;
#[cfg_attr(loom, path = "../model/worker.rs")]
pub(in crate::cache) mod registry;
#[cfg(not(loom))]
pub(in crate::cache) mod segment;
#[cfg(not(loom))]
pub(in crate::cache) mod site;
#[cfg(not(loom))]
pub(in crate::cache) mod stack;
#[cfg(not(loom))]
pub(in crate::cache) mod tally;
#[cfg(not(loom))]
pub(in crate::cache) mod timing;
pub(in crate::cache) mod waiters;
#[cfg(not(loom))]
pub(in crate::cache) mod window;
#[cfg(not(loom))]
pub(in crate::cache) mod worker;
