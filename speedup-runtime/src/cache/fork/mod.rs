//! Calls that do not need each other, forked and joined.

#[cfg(not(loom))]
pub(in crate::cache) mod ahead;
#[cfg(not(loom))]
pub(in crate::cache) mod fork_join;
#[cfg(not(loom))]
pub(in crate::cache) mod join;
#[cfg(not(loom))]
mod member;
#[cfg(not(loom))]
mod missing;
#[cfg(not(loom))]
mod named;
#[cfg(not(loom))]
pub(in crate::cache) mod shown;
#[cfg(not(loom))]
pub(in crate::cache) mod wide;
