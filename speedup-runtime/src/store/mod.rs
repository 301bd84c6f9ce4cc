//! Stores: results that outlive the process, or that several processes and machines share.
//!
//! [`Store`] is the contract, and [`conformance!`](conformance!) a test suite for anybody's own; [`AsyncStore`] is the same to be awaited. [`MemoryStore`] keeps
//! values in memory, [`DiskStore`] for the next run, and [`Tiered`](struct@Tiered) puts one store in front of another. [`codec`] writes keys and values.

pub mod conformance;
mod contract;
pub mod cooperate;
mod error;
mod handle;
mod memory;
mod tiered;

#[cfg(feature = "codec")]
mod off_thread;

#[cfg(any(feature = "redis", feature = "memcached"))]
mod breaker;
#[cfg(feature = "codec")]
pub mod codec;
#[cfg(feature = "disk")]
mod disk;
mod dock;
#[cfg(any(feature = "redis", feature = "memcached"))]
mod idle;
#[cfg(feature = "memcached")]
pub mod memcached;
#[cfg(feature = "disk")]
mod persisted;
#[cfg(feature = "redis")]
pub mod redis;

#[doc(inline)]
pub use self::conformance::conformance;
pub use self::contract::{Answer, AsyncStore, Change, Claim, Prompt, Store, Timed, Token, Unopened, Watcher};
#[cfg(feature = "disk")]
pub use self::disk::{DiskStore, DiskStoreBuilder};
#[cfg(feature = "disk")]
#[doc(hidden)]
pub use self::disk::{Origin, on_disk};
#[doc(hidden)]
pub use self::dock::{Dock, IntoStore, Itself, Kept, Opening, opened, opened_aged, opened_aged_kept, opened_kept};
pub use self::error::{Cause, Error, Result};
#[cfg(feature = "memcached")]
pub use self::memcached::MemcachedStore;
pub use self::memory::MemoryStore;
#[cfg(feature = "codec")]
pub use self::off_thread::OffThread;
#[cfg(feature = "disk")]
#[doc(hidden)]
pub use self::persisted::{IntoList, Persisted, persisted};
#[cfg(feature = "redis")]
pub use self::redis::RedisStore;
pub use self::tiered::Tiered;
pub use crate::seeing::stats::Condition;
