//! Make a program fast whose algorithm is already right.

#[cfg(feature = "disk")]
pub use speedup_runtime::disk;
pub use speedup_runtime::{Cache, Task, TimedOut, buffer, cache};

/// What generated code uses; no part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use speedup_runtime::cache::probe::*;
}
