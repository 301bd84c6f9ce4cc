//! Calls that do not need each other, shared out among threads: groups, helping, and whether it pays.

#[cfg(not(loom))]
pub(in crate::cache) mod fork_join;
#[cfg(not(loom))]
pub(in crate::cache) mod granularity;
#[cfg(not(loom))]
pub(in crate::cache) mod leapfrog;
pub(in crate::cache) mod published;
