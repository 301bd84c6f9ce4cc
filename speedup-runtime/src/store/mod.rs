//! Stores: results that outlive the process, or that several processes and machines share.
//!
//! [`Store`] is the contract, [`AsyncStore`] the same to be awaited; [`codec`] writes keys and values.

mod contract;
pub mod cooperate;
mod error;

#[cfg(any(feature = "redis", feature = "memcached"))]
mod breaker;
#[cfg(feature = "codec")]
pub mod codec;
#[cfg(feature = "memcached")]
pub mod memcached;
#[cfg(feature = "redis")]
pub mod redis;

pub use self::contract::{Answer, AsyncStore, Change, Claim, Condition, Prompt, Store, Token, Unopened, Watcher};
pub use self::error::{Cause, Error, Result};
#[cfg(feature = "memcached")]
pub use self::memcached::MemcachedStore;
#[cfg(feature = "redis")]
pub use self::redis::RedisStore;
