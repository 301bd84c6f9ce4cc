//! What parallel recursion gains over the same function with `sequential`, each key computed once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use speedup_benches::{Bars, Contest, Limit, Scramble, Spin, black_box};

/// Counts evaluations and does the given amount of computing.
fn work(evaluations: &AtomicU64, duration: Duration, seed: u64) -> u64 {
    // Relaxed: a count that is read after everything has ended.
    evaluations.fetch_add(1, Ordering::Relaxed);
    Spin::of(duration).run(seed)
}

const fn micros(count: u64) -> Duration {
    Duration::from_micros(count)
}

/// The calls that a call of the random DAG needs: up to three among the 60 before it.
fn needs(n: u64) -> [u64; 3] {
    let mut scramble = Scramble(n);
    std::array::from_fn(|_| n.saturating_sub(1 + scramble.next().unwrap_or(0) % 60))
}

/// The same functions under two attributes.
macro_rules! shapes {
    ($attribute:meta) => {
        use super::{Duration, micros, needs, work};
        use std::sync::atomic::AtomicU64;

        pub static EVALUATIONS: AtomicU64 = AtomicU64::new(0);

        #[$attribute]
        pub fn dag(n: u64) -> u64 {
            let done = work(&EVALUATIONS, micros(100), n);
            if n == 0 {
                done
            } else {
                let [a, b, c] = needs(n);
                done ^ dag(a).wrapping_add(dag(b)).wrapping_add(dag(c))
            }
        }

        #[$attribute]
        pub fn grid_30(i: u32, j: u32) -> u64 {
            let done = work(&EVALUATIONS, micros(30), u64::from(i * 1_000 + j));
            if i == 0 || j == 0 { done } else { done ^ grid_30(i - 1, j).wrapping_add(grid_30(i, j - 1)) }
        }

        #[$attribute]
        pub fn grid_3(i: u32, j: u32) -> u64 {
            let done = work(&EVALUATIONS, micros(3), u64::from(i * 1_000 + j));
            if i == 0 || j == 0 { done } else { done ^ grid_3(i - 1, j).wrapping_add(grid_3(i, j - 1)) }
        }

        #[$attribute]
        pub fn grid_02(i: u32, j: u32) -> u64 {
            let done = work(&EVALUATIONS, Duration::from_nanos(200), u64::from(i * 1_000 + j));
            if i == 0 || j == 0 { done } else { done ^ grid_02(i - 1, j).wrapping_add(grid_02(i, j - 1)) }
        }

        /// The longest common subsequence: three ways at each place, of which equal letters leave one.
        #[$attribute]
        pub fn lcs(i: u32, j: u32) -> u64 {
            let done = work(&EVALUATIONS, micros(2), u64::from(i * 1_000 + j)) & 1;
            if i == 0 || j == 0 {
                done
            } else if (i * 7 + j * 13) % 11 == 0 {
                1 + lcs(i - 1, j - 1)
            } else {
                lcs(i - 1, j).max(lcs(i, j - 1))
            }
        }

        /// The knapsack: leave the item or take it.
        #[$attribute]
        pub fn knapsack(items: u32, room: u32) -> u64 {
            let done = work(&EVALUATIONS, micros(2), u64::from(items * 1_000 + room)) & 1;
            if items == 0 {
                return done;
            }
            let size = 1 + items * 7 % 13;
            if size > room {
                knapsack(items - 1, room)
            } else {
                let (leave, take) = (knapsack(items - 1, room), knapsack(items - 1, room - size));
                leave.max(take + u64::from(size))
            }
        }

        /// Divide and conquer whose halves overlap by a quarter.
        #[$attribute]
        pub fn halves(from: u32, to: u32) -> u64 {
            let length = to - from;
            if length <= 4 {
                work(&EVALUATIONS, micros(1_000), u64::from(from))
            } else {
                work(&EVALUATIONS, micros(1), u64::from(from));
                let quarter = length / 8;
                halves(from, from + length / 2 + quarter) ^ halves(from + length / 2 - quarter, to)
            }
        }

        #[$attribute]
        pub fn chain_01(n: u64) -> u64 {
            let done = work(&EVALUATIONS, Duration::from_nanos(100), n);
            if n < 2 { done } else { done ^ chain_01(n - 1).wrapping_add(chain_01(n - 2)) }
        }

        #[$attribute]
        pub fn chain_1(n: u64) -> u64 {
            let done = work(&EVALUATIONS, micros(1), n);
            if n < 2 { done } else { done ^ chain_1(n - 1).wrapping_add(chain_1(n - 2)) }
        }

        #[$attribute]
        pub fn chain_10(n: u64) -> u64 {
            let done = work(&EVALUATIONS, micros(10), n);
            if n < 2 { done } else { done ^ chain_10(n - 1).wrapping_add(chain_10(n - 2)) }
        }
    };
}

mod shared_out {
    shapes!(speedup::cache);
}

mod sequential {
    shapes!(speedup::cache(sequential));
}

/// Measures one function under both attributes and checks that each key was computed once.
macro_rules! compare {
    ($bars:ident, $work:literal, $name:ident($($argument:expr),*), $handle:ident, $limit:expr) => {
        let outcome = Contest::new($work, 1)
            .rounds(7)
            .once("sequential", || {
                sequential::$handle.clear();
                black_box(sequential::$name($($argument),*));
            })
            .once("parallel", || {
                shared_out::$handle.clear();
                let before = shared_out::EVALUATIONS.load(Ordering::Relaxed);
                black_box(shared_out::$name($($argument),*));
                let evaluations = shared_out::EVALUATIONS.load(Ordering::Relaxed) - before;
                assert_eq!(evaluations, shared_out::$handle.len() as u64, "each key of {} once", $work);
            })
            .run();
        println!("{}", outcome.table("sequential"));
        match $limit {
            Limit::AtLeast(_) => $bars.check($work, "times sequential", outcome.ratio("sequential", "parallel"), $limit),
            Limit::AtMost(_) => {
                $bars.check($work, "time over sequential", outcome.ratio("parallel", "sequential"), $limit);
            }
        }
    };
}

pub fn run(bars: &mut Bars) {
    compare!(bars, "random DAG, 1,000 calls of 100 us", dag(999), DAG, Limit::AtLeast(1.9));
    compare!(bars, "60 x 60 grid at 30 us", grid_30(59, 59), GRID_30, Limit::AtLeast(1.9));
    compare!(bars, "150 x 150 grid at 3 us", grid_3(149, 149), GRID_3, Limit::AtLeast(1.8));
    compare!(bars, "400 x 400 grid at 200 ns", grid_02(399, 399), GRID_02, Limit::AtLeast(1.4));
    compare!(bars, "LCS, 200 x 200 at 2 us", lcs(199, 199), LCS, Limit::AtLeast(1.85));
    compare!(bars, "knapsack, 100 items at 2 us", knapsack(100, 400), KNAPSACK, Limit::AtLeast(1.85));
    compare!(bars, "overlapping halves, leaves of 1 ms", halves(0, 64), HALVES, Limit::AtLeast(1.9));
    compare!(bars, "chain of 100,000 at 100 ns", chain_01(100_000), CHAIN_01, Limit::AtMost(1.1));
    compare!(bars, "chain of 30,000 at 1 us", chain_1(30_000), CHAIN_1, Limit::AtMost(1.1));
    compare!(bars, "chain of 5,000 at 10 us", chain_10(5_000), CHAIN_10, Limit::AtMost(1.1));
}
