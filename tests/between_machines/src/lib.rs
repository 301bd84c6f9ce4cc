//! Recursions that processes compute together, the parent of such processes, and a simulation of more of them than a machine has.

pub mod parent;
pub mod recursions;
pub mod simulation;
