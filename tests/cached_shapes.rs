//! Functions with `#[cache]` under load: groups that the attribute finds, asked by many at a time, on pools of every size.
//!
//! The long form, a part of `cargo xtask stress`, runs under `SPEEDUP_LONG=1`.

#![cfg(feature = "macros")]

#[path = "../speedup-runtime/tests/cache_stress/harness.rs"]
#[allow(dead_code, unused_macros, reason = "made for the tests of the engine, which need more of it")]
mod harness;

use std::panic::catch_unwind;

use rayon::prelude::*;
use speedup::cache;

use crate::harness::{Counts, call_together, everywhere, message, scramble, seed, watched, work};

#[test]
fn a_grid_with_a_group_in_one_expression() {
    const SIDE: usize = 13;
    static COUNTS: Counts<{ SIDE * SIDE }> = Counts::new();
    #[cache]
    fn paths(a: usize, b: usize) -> u64 {
        COUNTS.count(a * SIDE + b);
        work((a * SIDE + b) as u64);
        if a == 0 || b == 0 { 1 } else { paths(a - 1, b) + paths(a, b - 1) }
    }
    watched(|| {
        everywhere(4, |pool, callers| {
            let all = call_together(pool, callers, |_| paths(SIDE - 1, SIDE - 1));
            assert!(all.iter().all(|paths| *paths == 2_704_156), "{all:?}");
            assert_eq!(COUNTS.once(), SIDE * SIDE - 1);
            PATHS.clear();
        });
    });
}

#[test]
fn distances_of_texts_with_a_group_in_the_arguments_of_another_call() {
    const LEN: usize = 11;
    static COUNTS: Counts<{ (LEN + 1) * (LEN + 1) }> = Counts::new();
    #[cache]
    fn distance(a: &str, b: &str) -> usize {
        COUNTS.count(a.len() * (LEN + 1) + b.len());
        work((a.len() * 16 + b.len()) as u64);
        let (Some(x), Some(y)) = (a.chars().next(), b.chars().next()) else { return a.len().max(b.len()) };
        let (shorter, also) = (&a[1..], &b[1..]);
        let replaced = distance(shorter, also) + usize::from(x != y);
        let (left, right) = (distance(shorter, b) + 1, distance(a, also) + 1);
        replaced.min(left).min(right)
    }
    fn plain(a: &[u8], b: &[u8]) -> usize {
        let mut row: Vec<usize> = (0..=b.len()).collect();
        for (i, x) in a.iter().enumerate() {
            let mut corner = std::mem::replace(&mut row[0], i + 1);
            for (j, y) in b.iter().enumerate() {
                let replaced = corner + usize::from(x != y);
                corner = row[j + 1];
                row[j + 1] = replaced.min(row[j] + 1).min(corner + 1);
            }
        }
        row[b.len()]
    }
    watched(|| {
        let mut round = seed();
        everywhere(4, |pool, callers| {
            round = round.wrapping_add(2);
            let text = |of: u64| -> String {
                (0..LEN as u64).map(|at| (b'a' + (scramble(of ^ at << 40) % 3) as u8) as char).collect()
            };
            let (a, b) = (text(round), text(round + 1));
            let expected = plain(a.as_bytes(), b.as_bytes());
            let all = call_together(pool, callers, |_| distance(&a, &b));
            assert!(all.iter().all(|distance| *distance == expected), "{a} {b}: {all:?}, not {expected}");
            assert!(COUNTS.once() <= (LEN + 1) * (LEN + 1));
            DISTANCE.clear();
        });
    });
}

/// Two functions, each with groups of its own calls and calls of the other.
mod mutual {
    use super::*;

    pub(super) const SIDE: usize = 10;
    pub(super) static COUNTS: [Counts<{ SIDE * SIDE }>; 2] = [Counts::new(), Counts::new()];

    #[cache]
    pub(super) fn white(a: usize, b: usize) -> u64 {
        COUNTS[0].count(a * SIDE + b);
        work((a * 3 + b) as u64);
        match (a, b) {
            (0, b) => b as u64,
            (a, 0) => black(a - 1, 1).wrapping_add(1),
            (a, b) => {
                let up = white(a - 1, b);
                let left = white(a, b - 1);
                black(a - 1, b - 1) ^ up.wrapping_mul(5).wrapping_add(left)
            }
        }
    }

    #[cache]
    pub(super) fn black(a: usize, b: usize) -> u64 {
        COUNTS[1].count(a * SIDE + b);
        work((a + b * 5) as u64);
        match (a, b) {
            (0, b) => 3 * b as u64,
            (a, 0) => white(a - 1, 0).wrapping_mul(7),
            (a, b) => [black(a - 1, b), white(a, b - 1), black(a, b - 1)].into_iter().fold(0, u64::wrapping_add),
        }
    }

    /// Both by the plain recursion.
    pub(super) fn plain() -> [Vec<Vec<u64>>; 2] {
        let mut both = [vec![vec![0_u64; SIDE]; SIDE], vec![vec![0_u64; SIDE]; SIDE]];
        for a in 0..SIDE {
            for b in 0..SIDE {
                let [white, black] = &both;
                let new = match (a, b) {
                    (0, b) => [b as u64, 3 * b as u64],
                    (a, 0) => [black[a - 1][1].wrapping_add(1), white[a - 1][0].wrapping_mul(7)],
                    (a, b) => [
                        black[a - 1][b - 1] ^ white[a - 1][b].wrapping_mul(5).wrapping_add(white[a][b - 1]),
                        black[a - 1][b].wrapping_add(white[a][b - 1]).wrapping_add(black[a][b - 1]),
                    ],
                };
                (both[0][a][b], both[1][a][b]) = (new[0], new[1]);
            }
        }
        both
    }
}

#[test]
fn two_functions_that_call_each_other() {
    use mutual::{BLACK, COUNTS, SIDE, WHITE, black, plain, white};
    watched(|| {
        let expected = plain();
        everywhere(4, |pool, callers| {
            let all = call_together(pool, callers, |caller| {
                let (a, b) = (SIDE - 1, SIDE - 1 - caller % 3);
                if caller % 2 == 0 { (white(a, b), expected[0][a][b]) } else { (black(a, b), expected[1][a][b]) }
            });
            assert!(all.iter().all(|(is, should)| is == should), "{all:?}");
            COUNTS.iter().for_each(|counts| _ = counts.once());
            WHITE.clear();
            BLACK.clear();
        });
    });
}

#[test]
fn bodies_that_use_rayon() {
    #[cache]
    fn partitions(n: u64) -> u64 {
        work(n);
        if n == 0 {
            return 1;
        }
        // By the pentagonal numbers, on all threads.
        let terms: Vec<u64> = (1..).take_while(|k| k * (3 * k - 1) / 2 <= n).collect();
        let sums = terms.into_par_iter().map(|k| {
            let (near, far) = (k * (3 * k - 1) / 2, k * (3 * k + 1) / 2);
            let (near, far) = rayon::join(|| partitions(n - near), || if far <= n { partitions(n - far) } else { 0 });
            if k % 2 == 1 { near.wrapping_add(far) } else { 0_u64.wrapping_sub(near).wrapping_sub(far) }
        });
        sums.reduce(|| 0, u64::wrapping_add)
    }
    watched(|| {
        everywhere(2, |pool, callers| {
            let all = call_together(pool, callers, |_| partitions(60));
            assert!(all.iter().all(|partitions| *partitions == 966_467), "{all:?}");
            PARTITIONS.clear();
        });
    });
}

#[test]
fn cycles_and_panics_in_groups_end_on_every_thread() {
    #[cache]
    fn round(n: u64) -> u64 {
        work(n);
        assert!(n != 77, "seventy-seven");
        match n {
            0..5 => round((n + 1) % 5) + round(n + 100),
            100.. => n,
            n => round(n - 1) + round(n + 100) + round(n / 2),
        }
    }
    watched(|| {
        everywhere(2, |pool, callers| {
            call_together(pool, callers, |caller| {
                let payload = catch_unwind(|| round(20 + caller as u64)).expect_err("it leads into the ring");
                let text = message(&*payload);
                assert!(text.contains("cycle in cached calls") && text.contains("round("), "{text}");
                let payload = catch_unwind(|| round(77)).expect_err("broken");
                assert_eq!(message(&*payload), "seventy-seven");
                assert_eq!(round(100 + caller as u64), 100 + caller as u64);
            });
            ROUND.clear();
        });
    });
}
