//! Waiting for a value that another thread computes, without ever waiting in a circle.

#[cfg_attr(loom, path = "../model/wait.rs")]
pub(in crate::cache) mod block_on;
#[cfg(not(loom))]
pub(in crate::cache) mod isolation;
#[cfg(not(loom))]
pub(in crate::cache) mod poison;
#[cfg(not(loom))]
pub(in crate::cache) mod progress;
#[cfg(not(loom))]
pub(in crate::cache) mod rayon_probe;
#[cfg(not(loom))]
pub(in crate::cache) mod turns;
pub(in crate::cache) mod wait_for_graph;
