//! Waiting for a value that another thread computes, without ever waiting in a circle.

#[cfg(not(loom))]
pub(in crate::cache) mod block_on;
#[cfg(not(loom))]
pub(in crate::cache) mod deputies;
#[cfg(not(loom))]
pub(in crate::cache) mod flags;
#[cfg(not(loom))]
pub(in crate::cache) mod isolation;
#[cfg(not(loom))]
pub(in crate::cache) mod joins;
pub(in crate::cache) mod outcome;
#[cfg(not(loom))]
pub(in crate::cache) mod poison;
#[cfg(not(loom))]
pub(in crate::cache) mod progress;
#[cfg(not(loom))]
pub(in crate::cache) mod rayon_probe;
pub(in crate::cache) mod wait_for_graph;
#[cfg_attr(loom, path = "../model/wait.rs")]
pub(in crate::cache) mod waits;
