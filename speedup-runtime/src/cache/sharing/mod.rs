//! Work that is shared among threads: leapfrogging, and whether it pays.

#[cfg(not(loom))]
pub(in crate::cache) mod granularity;
#[cfg(not(loom))]
pub(in crate::cache) mod idle;
#[cfg(not(loom))]
pub(in crate::cache) mod invitation;
#[cfg(not(loom))]
pub(in crate::cache) mod leapfrog;
#[cfg(not(any(loom, speedup_simulated)))]
pub(in crate::cache) mod start;
#[cfg(speedup_simulated)]
pub(in crate::cache) use crate::simulation::start;
