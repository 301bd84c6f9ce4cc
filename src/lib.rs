//! Make a program fast whose algorithm is already right.

#[cfg(feature = "disk")]
pub use speedup_runtime::disk;
#[cfg(feature = "macros")]
pub use speedup_macros::{buffer, cache, yield_};
pub use speedup_runtime::buffer::{Buffer, Buffers, Window};
pub use speedup_runtime::{Cache, Task, TimedOut, buffer, cache};

/// What generated code uses; no part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use speedup_runtime::cache::probe::*;
}
