//! What users and expansions meet: the handle, its function, keys, tasks and counts.

#[cfg(not(loom))]
pub mod autoref;
pub(in crate::cache) mod bits;
#[cfg(not(loom))]
pub(in crate::cache) mod cache;
#[cfg(not(loom))]
pub(in crate::cache) mod context;
#[cfg(not(loom))]
pub(in crate::cache) mod function;
pub(in crate::cache) mod key;
#[cfg(not(loom))]
pub(in crate::cache) mod of_types;
#[cfg(not(loom))]
pub(in crate::cache) mod stats;
#[cfg(not(loom))]
pub(in crate::cache) mod tables;
#[cfg(not(loom))]
pub(in crate::cache) mod task;
