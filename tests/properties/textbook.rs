//! The recursions of the textbooks, with random arguments.

use proptest::prelude::*;

/// The shapes, each an argument list and a body in which the rewriting could go wrong.
macro_rules! shapes {
    ($(#[$attribute:meta])?) => {
        /// Two calls in one expression.
        $(#[$attribute])?
        pub(super) fn grid(i: u32, j: u32) -> u64 {
            if i == 0 || j == 0 { 1 } else { grid(i - 1, j) + grid(i, j - 1) }
        }

        /// A run of `let`s, and branches with different calls.
        $(#[$attribute])?
        pub(super) fn lcs(a: &[u8], b: &[u8]) -> usize {
            let (Some((x, a_rest)), Some((y, b_rest))) = (a.split_first(), b.split_first()) else { return 0 };
            if x == y {
                return 1 + lcs(a_rest, b_rest);
            }
            let left = lcs(a_rest, b);
            let right = lcs(a, b_rest);
            left.max(right)
        }

        /// Three calls among other arithmetic, strings as keys.
        $(#[$attribute])?
        pub(super) fn distance(a: &str, b: &str) -> usize {
            let (mut xs, mut ys) = (a.chars(), b.chars());
            match (xs.next(), ys.next()) {
                (None, _) => b.len(),
                (_, None) => a.len(),
                (Some(x), Some(y)) => {
                    let (a_rest, b_rest) = (xs.as_str(), ys.as_str());
                    (distance(a_rest, b) + 1)
                        .min(distance(a, b_rest) + 1)
                        .min(distance(a_rest, b_rest) + usize::from(x != y))
                }
            }
        }

        /// A call that only one side of a condition needs.
        $(#[$attribute])?
        pub(super) fn knapsack(items: Vec<(u8, u32)>, room: u8) -> u32 {
            let Some(((weight, value), rest)) = items.split_first() else { return 0 };
            let leave = knapsack(rest.to_vec(), room);
            if *weight > room { leave } else { leave.max(value + knapsack(rest.to_vec(), room - weight)) }
        }

        /// The argument of a call is a call.
        $(#[$attribute])?
        pub(super) fn hofstadter(n: u64) -> u64 {
            if n < 2 { n } else { n - hofstadter(hofstadter(n - 1)) }
        }

        /// `?` between the calls: an error of the first keeps the second from running.
        $(#[$attribute])?
        pub(super) fn fallible(n: i64, limit: i64) -> Result<i64, String> {
            if n > limit {
                return Err(format!("{n} is beyond {limit}"));
            }
            if n < 2 { Ok(n) } else { Ok(fallible(n - 1, limit)? * 3 + fallible(n - 2, limit - 1)? - n) }
        }

        /// `None` answers, tuples and a closure that calls.
        $(#[$attribute])?
        pub(super) fn coins(sum: i32) -> Option<u32> {
            match sum {
                0 => Some(0),
                _ if sum < 0 => None,
                _ => [1, 5, 7].iter().filter_map(|coin| coins(sum - coin)).min().map(|rest| rest + 1),
            }
        }

        /// A loop whose bounds depend on the arguments.
        $(#[$attribute])?
        pub(super) fn trees(from: u8, to: u8) -> u64 {
            if from >= to {
                return 1;
            }
            let mut sum = 0;
            for root in from..to {
                sum += trees(from, root) * trees(root + 1, to);
            }
            sum
        }

        /// A mutable argument that changes between the calls.
        $(#[$attribute])?
        pub(super) fn changing(mut n: u64) -> u64 {
            if n < 3 {
                return n;
            }
            let first = changing(n - 1);
            n -= 1;
            let second = changing(n - 1);
            n /= 2;
            first.wrapping_mul(31).wrapping_add(second) ^ changing(n)
        }

        /// Calls behind `&&` and `||`, which must not run when the left side decides.
        $(#[$attribute])?
        pub(super) fn wins(stones: u32, most: u32) -> bool {
            stones > 0 && (!wins(stones - 1, most) || (stones >= most && !wins(stones - most, most)) || stones == 2)
        }

        /// A pattern as argument, arrays and a struct of calls.
        $(#[$attribute])?
        pub(super) fn pairs((a, b): (u32, u32), step: u32) -> u64 {
            if a == 0 || b == 0 {
                return u64::from(a + b + step);
            }
            let [x, y] = [pairs((a - 1, b), step), pairs((a, b - 1), step)];
            let range = std::ops::Range { start: pairs((a - 1, b - 1), step), end: x };
            range.start.wrapping_mul(7) ^ range.end.wrapping_add(y)
        }

        /// A local closure and a block with its own variables.
        $(#[$attribute])?
        pub(super) fn scoped(n: u64) -> u64 {
            let half = |k: u64| k / 2;
            if n < 2 {
                n + 1
            } else {
                scoped(half(n)) + {
                    let n = n - 1;
                    scoped(n) + scoped(n / 3)
                }
            }
        }

        /// Calls inside macros of the standard library.
        $(#[$attribute])?
        pub(super) fn listed(n: usize) -> Vec<usize> {
            if n < 2 {
                return vec![n];
            }
            let parts = vec![listed(n - 1), listed(n - 2)];
            assert!(parts.len() == 2, "{} parts", parts.len());
            parts.concat().into_iter().take(20).collect()
        }

        /// A `while` loop with `break` and `continue`, and a labelled block.
        $(#[$attribute])?
        pub(super) fn winding(n: u32) -> u32 {
            let mut sum = 0u32;
            let mut k = n;
            while k > 0 {
                k /= 2;
                if k % 3 == 1 {
                    continue;
                }
                sum = sum.wrapping_add(winding(k)).wrapping_add(winding(k / 2));
                if sum > 1_000 {
                    break;
                }
            }
            'found: {
                if n % 5 == 0 {
                    break 'found;
                }
                sum = sum.wrapping_add(n);
            }
            sum
        }

        /// Matrix chains: the smallest of several groups.
        $(#[$attribute])?
        pub(super) fn matrices(sizes: &[u64]) -> u64 {
            let last = sizes.len().saturating_sub(1);
            (1..last)
                .map(|cut| matrices(&sizes[..=cut]) + matrices(&sizes[cut..]) + sizes[0] * sizes[cut] * sizes[last])
                .min()
                .unwrap_or(0)
        }
    };
}

mod plain {
    shapes!();
}

mod cached {
    shapes!(#[speedup::cache]);
}

mod sequential {
    shapes!(#[speedup::cache(sequential)]);
}

/// The three compilations of a shape agree, and agree again when the answer is known.
macro_rules! agree {
    ($name:ident($($argument:expr),*)) => {
        let wanted = plain::$name($($argument),*);
        prop_assert_eq!(&cached::$name($($argument),*), &wanted);
        prop_assert_eq!(&cached::$name($($argument),*), &wanted);
        prop_assert_eq!(&sequential::$name($($argument),*), &wanted);
    };
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn grids(i in 0u32..8, j in 0u32..8) {
        agree!(grid(i, j));
    }

    #[test]
    fn common_subsequences(a in proptest::collection::vec(0u8..3, 0..8), b in proptest::collection::vec(0u8..3, 0..8)) {
        agree!(lcs(&a, &b));
    }

    #[test]
    fn edit_distances(a in "[a-c]{0,6}", b in "[a-c]{0,6}") {
        agree!(distance(&a, &b));
    }

    #[test]
    fn knapsacks(items in proptest::collection::vec((1u8..20, 0u32..50), 0..8), room in 0u8..60) {
        agree!(knapsack(items.clone(), room));
    }

    #[test]
    fn nested_calls(n in 0u64..16) {
        agree!(hofstadter(n));
    }

    #[test]
    fn results_with_errors(n in -2i64..12, limit in 0i64..14) {
        agree!(fallible(n, limit));
    }

    #[test]
    fn options(sum in -3i32..22) {
        agree!(coins(sum));
    }

    #[test]
    fn loops(from in 0u8..4, length in 0u8..6) {
        agree!(trees(from, from + length));
    }

    #[test]
    fn changing_arguments(n in 0u64..14) {
        agree!(changing(n));
    }

    #[test]
    fn short_circuits(stones in 0u32..16, most in 1u32..6) {
        agree!(wins(stones, most));
    }

    #[test]
    fn patterns_and_literals(a in 0u32..6, b in 0u32..6, step in 0u32..3) {
        agree!(pairs((a, b), step));
    }

    #[test]
    fn blocks_and_closures(n in 0u64..14) {
        agree!(scoped(n));
    }

    #[test]
    fn calls_in_macros(n in 0usize..12) {
        agree!(listed(n));
    }

    #[test]
    fn winding_loops(n in 0u32..40) {
        agree!(winding(n));
    }

    #[test]
    fn matrix_chains(sizes in proptest::collection::vec(1u64..9, 0..7)) {
        agree!(matrices(&sizes));
    }
}
