//! Results that outlive the process.

#![cfg(all(feature = "macros", feature = "disk"))]

mod buffers;
mod children;
mod options;
mod outages;
mod runs;
mod tasks;
