//! Recursions as textbooks, puzzle solutions and people write them: each compiles with the attribute, and gives what it gives
//! without. `cargo xtask bench shapes` measures what they gain.

/// Compares a family of functions with and without the attribute. Where a call is too short for the benchmark, a larger one
/// stands behind it.
macro_rules! agree {
    ($($name:ident($($argument:expr),* $(,)?) $(or $large:tt)?;)*) => {$(
        #[test]
        fn $name() {
            assert_eq!(cached::$name($($argument),*), plain::$name($($argument),*));
            assert_eq!(sequential::$name($($argument),*), plain::$name($($argument),*));
        }
    )*};
}

/// The functions of a family: plain, cached, and cached without forecasts.
macro_rules! family {
    ($functions:ident) => {
        mod plain {
            $functions!();
        }
        mod cached {
            $functions!(#[speedup::cache]);
        }
        mod sequential {
            $functions!(#[speedup::cache(sequential)]);
        }
    };
}

/// Where the benchmark has each call take its time.
fn work() {}

mod counting;
mod games;
mod graphs;
mod indices;
mod masks;
mod texts;
