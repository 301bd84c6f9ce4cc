#![doc = include_str!("guide/overview.md")]

#[cfg(feature = "disk")]
pub use disk::{DiskDict, DiskList, Key, Value};
pub use speedup_runtime::buffer::{self, Buffer, Buffers, Window};
pub use speedup_runtime::cache::{self, Cache, Task, TimedOut};
#[cfg(feature = "disk")]
pub use speedup_runtime::impl_key;

/// A map and a list larger than memory: [`DiskDict`](disk::DiskDict) and [`DiskList`](disk::DiskList), and what they store.
#[cfg(feature = "disk")]
pub mod disk {
    #[cfg(feature = "macros")]
    #[doc(inline)]
    pub use speedup_macros::Key;
    #[doc(inline)]
    pub use speedup_runtime::disk::*;
}

#[doc = include_str!("guide/buffer.md")]
#[cfg(feature = "macros")]
#[doc(inline)]
pub use speedup_macros::buffer;
#[doc = include_str!("guide/cache.md")]
#[cfg(feature = "macros")]
#[doc(inline)]
pub use speedup_macros::cache;
#[cfg(feature = "macros")]
#[doc(inline)]
pub use speedup_macros::yield_;

/// What the expansions need beside the public names; no part of the promises.
#[doc(hidden)]
pub mod __private {
    pub use speedup_runtime::cache::probe::*;
}

/// The README's code is a test.
#[cfg(all(doctest, feature = "macros", feature = "disk"))]
#[doc = include_str!("../README.md")]
pub struct Readme;
