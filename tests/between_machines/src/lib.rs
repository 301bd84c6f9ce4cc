//! Recursions that processes compute together, and the parent of such processes.

pub mod parent;
pub mod recursions;
