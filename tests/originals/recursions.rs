//! The textbook recursions against known answers.

use num_bigint::{BigInt, BigUint};
use serde::Deserialize;
use speedup::cache;

use crate::vectors::vectors;

#[test]
fn longest_common_subsequences() {
    #[derive(Deserialize)]
    struct Cases {
        cases: Vec<Case>,
    }
    #[derive(Deserialize)]
    struct Case {
        a: String,
        b: String,
        length: usize,
    }
    #[cache]
    fn lcs(a: &str, b: &str) -> usize {
        match (a.strip_suffix(|_: char| true), b.strip_suffix(|_: char| true)) {
            (Some(a_rest), Some(b_rest)) => {
                if a.chars().next_back() == b.chars().next_back() {
                    lcs(a_rest, b_rest) + 1
                } else {
                    lcs(a_rest, b).max(lcs(a, b_rest))
                }
            }
            _ => 0,
        }
    }
    let known: Cases = vectors!("lcs");
    for Case { a, b, length } in known.cases {
        assert_eq!(lcs(&a, &b), length, "{a} and {b}");
        LCS.clear();
    }
}

#[test]
fn edit_distances() {
    #[derive(Deserialize)]
    struct Cases {
        cases: Vec<Case>,
    }
    #[derive(Deserialize)]
    struct Case {
        a: String,
        b: String,
        distance: usize,
    }
    #[cache]
    fn distance(a: &[char], b: &[char]) -> usize {
        match (a, b) {
            ([], rest) | (rest, []) => rest.len(),
            ([x, a_rest @ ..], [y, b_rest @ ..]) => {
                let (deleted, inserted) = (distance(a_rest, b), distance(a, b_rest));
                let replaced = distance(a_rest, b_rest) + usize::from(x != y);
                replaced.min(deleted + 1).min(inserted + 1)
            }
        }
    }
    let known: Cases = vectors!("edit_distance");
    for case in known.cases {
        let (a, b): (Vec<char>, Vec<char>) = (case.a.chars().collect(), case.b.chars().collect());
        assert_eq!(distance(&a, &b), case.distance, "{} and {}", case.a, case.b);
        DISTANCE.clear();
    }
}

#[test]
fn knapsacks() {
    #[derive(Deserialize)]
    struct Case {
        weights: Vec<u64>,
        values: Vec<u64>,
        capacity: u64,
        optimum: u64,
    }
    /// The best value of the items (weight, value) in a knapsack of this capacity.
    #[cache]
    fn best(items: &[(u64, u64)], capacity: u64) -> u64 {
        let Some(((weight, value), rest)) = items.split_first() else { return 0 };
        if *weight > capacity {
            best(rest, capacity)
        } else {
            best(rest, capacity).max(best(rest, capacity - weight) + value)
        }
    }
    let known: Vec<Case> = vectors!("knapsack01");
    for case in known {
        let items: Vec<(u64, u64)> = case.weights.into_iter().zip(case.values).collect();
        assert_eq!(best(&items, case.capacity), case.optimum);
        BEST.clear();
    }
}

#[test]
fn partition_numbers() {
    /// Euler: p(n) is the sum over k of (-1)^(k + 1) (p(n - k(3k - 1)/2) + p(n - k(3k + 1)/2)).
    #[cache]
    fn partitions(n: i64) -> BigInt {
        if n <= 0 {
            return BigInt::from(i64::from(n == 0));
        }
        let mut sum = BigInt::ZERO;
        let mut k = 1;
        while k * (3 * k - 1) / 2 <= n {
            let pair = partitions(n - k * (3 * k - 1) / 2) + partitions(n - k * (3 * k + 1) / 2);
            if k % 2 == 1 {
                sum += pair;
            } else {
                sum -= pair;
            }
            k += 1;
        }
        sum
    }
    let known: Vec<String> = vectors!("partitions");
    for (n, value) in known.iter().enumerate() {
        assert_eq!(partitions(n as i64).to_string(), *value, "p({n})");
    }
}

#[test]
fn catalan_numbers() {
    #[cache]
    fn catalan(n: usize) -> BigUint {
        if n == 0 { BigUint::from(1u8) } else { (0..n).map(|k| catalan(k) * catalan(n - 1 - k)).sum() }
    }
    let known: Vec<String> = vectors!("catalan");
    for (n, value) in known.iter().enumerate() {
        assert_eq!(catalan(n).to_string(), *value, "C({n})");
    }
}

#[test]
fn collatz_lengths() {
    #[derive(Deserialize)]
    struct Known {
        steps: Vec<u64>,
    }
    #[cache]
    fn steps(n: u64) -> u64 {
        match n {
            1 => 0,
            _ if n.is_multiple_of(2) => 1 + steps(n / 2),
            _ => 1 + steps(3 * n + 1),
        }
    }
    let known: Known = vectors!("collatz");
    let asked = STEPS.get_all((1..=known.steps.len() as u64).map(|n| (n,)));
    assert_eq!(asked, known.steps);
}
