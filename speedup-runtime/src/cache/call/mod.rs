//! The life of a call: looked up, claimed, computed, published.

#[cfg(not(loom))]
pub(in crate::cache) mod call_stack;
pub(in crate::cache) mod claim_guard;
#[cfg(not(loom))]
pub(in crate::cache) mod erased;
#[cfg(not(loom))]
pub(in crate::cache) mod execute;
#[cfg(not(loom))]
pub(in crate::cache) mod flags;
#[cfg_attr(loom, path = "../model/core.rs")]
pub(in crate::cache) mod inner;
pub(in crate::cache) mod outcome;
