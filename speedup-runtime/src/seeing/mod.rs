//! Seeing what caches and buffers do: counts, a report of all of them, and whether they pay.
//!
//! It lies below [`cache`](crate::cache) and [`buffer`](crate::buffer), which tell it what they are (`registry`) and ask it what they may
//! do while a profile is taken (`switch`).

pub(crate) mod all;
pub(crate) mod limit;
#[cfg(feature = "metrics")]
pub mod metrics;
pub(crate) mod registry;
pub(crate) mod report;
pub(crate) mod stats;
pub(crate) mod switch;
pub(crate) mod verdict;
pub(crate) mod watch;

pub use self::{
    all::{clear_all, memory},
    limit::{Bytes, NoSize, Size, limit},
    report::{Kind, Report, Row, report},
    stats::Stats,
    verdict::Verdict,
};
