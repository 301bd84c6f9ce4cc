//! What the attributes of the `speedup` crate expand to; depend on `speedup`, not on this crate.
//!
//! Imports run downwards only: [`cache`], [`buffer`] and [`disk`] never see each other, and what they share
//! (`sync`, `panics`, `shape`) lies below them. [`store`] has the contract of stores, which needs none of them, and stores of its own, which use the disk.

// What may be unsafe says so here, or where it is declared: ARCHITECTURE.md has the list, and what checks each.
#![deny(unsafe_code)]

#[cfg(feature = "buffer")]
#[allow(unsafe_code)]
pub mod buffer;
#[allow(unsafe_code)]
pub mod cache;
#[cfg(not(loom))]
#[allow(unsafe_code)]
pub mod clock;
#[cfg(all(feature = "disk", not(loom)))]
pub mod disk;
#[cfg(all(feature = "stores", not(loom)))]
pub mod store;
/// What of the stores a model runs.
#[cfg(all(test, loom))]
#[path = "store/dock/queue.rs"]
mod store_queue;

pub(crate) mod first;
#[cfg(any(all(test, loom), all(feature = "disk", not(loom))))]
#[allow(unsafe_code)]
pub(crate) mod forks;
#[cfg(not(loom))]
pub mod measure;
pub(crate) mod panics;
#[cfg(not(loom))]
pub mod profile;
#[cfg(not(loom))]
pub mod seeing;
#[cfg(all(feature = "codec", not(loom)))]
pub(crate) mod shape;
#[cfg(speedup_simulated)]
pub mod simulation;
#[cfg(any(feature = "buffer", not(loom)))]
#[allow(unsafe_code)]
pub(crate) mod stack;
#[cfg(any(feature = "buffer", not(loom)))]
pub(crate) mod stopwatch;
#[cfg(any(test, all(feature = "disk", not(loom))))]
#[allow(unsafe_code)]
pub(crate) mod striped;
#[allow(unsafe_code)]
pub(crate) mod sync;
#[cfg(not(loom))]
pub(crate) mod threads;
#[cfg(not(loom))]
pub(crate) mod timer;
#[cfg(not(loom))]
pub mod trace;
#[cfg(not(loom))]
mod unwind;

#[cfg(feature = "buffer")]
pub use buffer::{Buffer, Buffers, Window};
#[cfg(all(feature = "async", not(loom)))]
pub use cache::{AsyncCache, AsyncMemo};
#[cfg(not(loom))]
pub use cache::{Cache, Memo, PolicyCache, Task, TimedOut, Warming, join, map};
#[cfg(not(loom))]
pub use profile::{profile, profile_within};
#[cfg(not(loom))]
pub use seeing::{clear_all, limit, memory, report};
