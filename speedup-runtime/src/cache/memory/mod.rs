//! When memory is given back, and what it is made of.

pub(in crate::cache) mod epoch;
pub(in crate::cache) mod huge_pages;
pub(in crate::cache) mod membarrier;
