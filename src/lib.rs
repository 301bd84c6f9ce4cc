//! Make a program fast whose algorithm is already right.

#[cfg(feature = "disk")]
pub use speedup_runtime::disk;
pub use speedup_runtime::{buffer, cache};
