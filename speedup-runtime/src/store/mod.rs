//! Stores: results that outlive the process, or that several processes and machines share.
//!
//! [`Store`] is the contract, [`AsyncStore`] the same to be awaited; [`codec`] writes keys and values.

mod contract;
mod error;

#[cfg(feature = "codec")]
pub mod codec;

pub use self::contract::{Answer, AsyncStore, Change, Claim, Condition, Prompt, Store, Token, Unopened, Watcher};
pub use self::error::{Cause, Error, Result};
