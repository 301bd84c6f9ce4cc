//! What the attributes of the `speedup` crate expand to; depend on `speedup`, not on this crate.
//!
//! Imports run downwards only: [`cache`], [`buffer`] and [`disk`] never see each other, and what they share
//! (`sync`, `panics`) lies below them.

pub mod buffer;
pub mod cache;
#[cfg(not(loom))]
pub mod clock;
#[cfg(all(feature = "disk", not(loom)))]
pub mod disk;

pub(crate) mod panics;
#[cfg(not(loom))]
pub mod profile;
#[cfg(not(loom))]
pub mod seeing;
pub(crate) mod sync;
#[cfg(not(loom))]
pub(crate) mod timer;
#[cfg(not(loom))]
pub mod trace;

pub use buffer::{Buffer, Buffers, Window};
#[cfg(not(loom))]
pub use cache::{AsyncCache, Cache, Memo, PolicyCache, Task, TimedOut, join, map};
#[cfg(not(loom))]
pub use profile::{profile, profile_within};
#[cfg(not(loom))]
pub use seeing::{clear_all, memory, report};
