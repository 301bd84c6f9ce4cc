//! When memory is given back, what it is made of, and what else the system is asked.

pub(in crate::cache) mod bag;
pub(in crate::cache) mod epoch;
#[cfg_attr(loom, path = "../model/garbage.rs")]
pub(in crate::cache) mod garbage;
pub(in crate::cache) mod huge_pages;
pub(in crate::cache) mod membarrier;
pub(in crate::cache) mod prefetch;
#[cfg(not(any(loom, speedup_simulated)))]
pub(in crate::cache) mod processors;
#[cfg(not(loom))]
pub(in crate::cache) mod registration;
