//! When memory is given back, and what it is made of.

pub(in crate::cache) mod bag;
pub(in crate::cache) mod epoch;
#[cfg_attr(loom, path = "../model/garbage.rs")]
pub(in crate::cache) mod garbage;
pub(in crate::cache) mod huge_pages;
pub(in crate::cache) mod membarrier;
#[cfg(not(loom))]
pub(in crate::cache) mod registration;
