#![doc = include_str!("guide/overview.md")]
#![forbid(unsafe_code)]

#[cfg(feature = "disk")]
pub use disk::{DiskDict, DiskList, Key, Value};
#[cfg(feature = "buffer")]
pub use speedup_runtime::buffer::{self, Buffer, Buffers, Window};
pub use speedup_runtime::cache::{self, Cache, Memo, PolicyCache, Task, TimedOut, Warming, join, map};
#[cfg(feature = "async")]
pub use speedup_runtime::cache::{AsyncCache, AsyncMemo, AsyncTask};
pub use speedup_runtime::clock;
#[cfg(feature = "disk")]
pub use speedup_runtime::impl_key;
pub use speedup_runtime::{clear_all, limit, measure, memory, profile, profile_within, report, seeing, trace};

#[cfg(feature = "stores")]
#[doc(inline)]
pub use speedup_runtime::store;

/// A map and a list larger than memory: [`DiskDict`] and [`DiskList`], and what they store.
#[cfg(feature = "disk")]
pub mod disk {
    /// Makes a struct or an enum of keys a key of a [`DiskDict`], in the order that `#[derive(Ord)]` gives it.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), speedup::disk::Error> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// use speedup::disk::{DiskDict, Key};
    ///
    /// #[derive(Key, PartialEq, Debug)]
    /// enum Event { Login { user: String }, Backup(u32) }
    ///
    /// let mut counts = DiskDict::<Event, u64>::builder("counts").location(folder.path()).open()?;
    /// counts.insert(Event::Backup(3), 1)?;
    /// counts.insert(Event::Login { user: "ada".into() }, 7)?;
    /// assert_eq!(counts.first()?, Some((Event::Login { user: "ada".into() }, 7)));
    /// # Ok(()) }
    /// ```
    ///
    /// # Order
    ///
    #[cfg(feature = "macros")]
    #[doc(inline)]
    pub use speedup_macros::Key;
    #[doc(inline)]
    pub use speedup_runtime::disk::*;
}

#[doc = include_str!("guide/buffer.md")]
#[cfg(all(feature = "macros", feature = "buffer"))]
#[doc(inline)]
pub use speedup_macros::buffer;
#[doc = include_str!("guide/cache.md")]
#[cfg(feature = "macros")]
#[doc(inline)]
pub use speedup_macros::cache;
#[cfg(all(feature = "macros", feature = "buffer"))]
#[doc(inline)]
pub use speedup_macros::yield_;

/// Chapters of the guide.
pub mod guide {
    #[doc = include_str!("guide/policies.md")]
    #[cfg(feature = "macros")]
    pub mod policies {}

    #[doc = include_str!("guide/good_fit.md")]
    #[cfg(all(feature = "macros", feature = "disk"))]
    pub mod good_fit {}
    #[doc = include_str!("guide/from_python.md")]
    #[cfg(all(feature = "macros", feature = "disk"))]
    pub mod from_python {}
    #[doc = include_str!("guide/from_cached.md")]
    #[cfg(feature = "macros")]
    pub mod from_cached {}
    #[doc = include_str!("guide/from_moka.md")]
    #[cfg(feature = "macros")]
    pub mod from_moka {}
    #[doc = include_str!("guide/from_salsa.md")]
    #[cfg(feature = "macros")]
    pub mod from_salsa {}
    #[doc = include_str!("guide/from_rayon.md")]
    #[cfg(feature = "macros")]
    pub mod from_rayon {}
    #[doc = include_str!("guide/troubleshooting.md")]
    #[cfg(all(feature = "macros", feature = "disk"))]
    pub mod troubleshooting {}
    #[doc = include_str!("guide/limits.md")]
    #[cfg(all(feature = "macros", feature = "disk"))]
    pub mod limits {}
    #[doc = include_str!("guide/side_by_side.md")]
    #[cfg(feature = "macros")]
    pub mod side_by_side {}
    #[doc = include_str!("guide/inside.md")]
    #[cfg(all(feature = "macros", feature = "disk"))]
    pub mod inside {}
    #[doc = include_str!("guide/seeing.md")]
    #[cfg(feature = "macros")]
    pub mod seeing {}
    #[doc = include_str!("guide/between_runs.md")]
    #[cfg(all(feature = "macros", feature = "disk"))]
    pub mod between_runs {}
    #[doc = include_str!("guide/between_machines.md")]
    #[cfg(all(feature = "macros", feature = "redis", feature = "memcached"))]
    pub mod between_machines {}
}

/// What the expansions need beside the public names; no part of the promises.
#[doc(hidden)]
pub mod __private {
    pub use speedup_runtime::cache::{foretold::tried, probe::*};
    pub use speedup_runtime::{__again as again, __again_part as again_part, __drain as drain};
}

/// The README's code is a test.
#[cfg(all(doctest, feature = "macros", feature = "disk"))]
#[doc = include_str!("../README.md")]
pub struct Readme;
