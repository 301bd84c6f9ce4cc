//! A small harness for benchmarks that compare: contenders do the same work in interleaved rounds, and what counts is
//! the median and its ratio to a reference contender of the same run.
//!
//! ```
//! use speedup_benches::{Contest, black_box};
//!
//! let numbers: Vec<u64> = (0..1_000).collect();
//! let outcome = Contest::new("sum of 1,000 numbers", 1_000)
//!     .rounds(3)
//!     .looped("loop", |passes| {
//!         for _ in 0..passes {
//!             black_box(black_box(&numbers).iter().sum::<u64>());
//!         }
//!     })
//!     .looped("fold", |passes| {
//!         for _ in 0..passes {
//!             black_box(black_box(&numbers).iter().fold(0, |sum, n| sum + n));
//!         }
//!     })
//!     .run();
//! println!("{}", outcome.table("loop"));
//! assert!(outcome.ratio("fold", "loop") > 0.0);
//! ```

pub mod alloc;
pub mod machine;

mod bars;
mod contest;
mod work;

pub use bars::{Bars, Limit};
pub use contest::{Contest, Outcome};
pub use std::hint::black_box;
pub use work::{Scramble, Spin, on_processors, on_threads};

/// A section of a benchmark: its name on the command line, and what it runs.
pub type Section = (&'static str, fn(&mut Bars));
