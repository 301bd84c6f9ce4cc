//! Recursive factoring: Fermat's method with both factors spawned, and Pollard's rho as a group.

use serde::Deserialize;
use speedup::cache;

use crate::vectors::vectors;

#[derive(Deserialize)]
struct Case {
    n: String,
    factors: Vec<String>,
}

#[derive(Deserialize)]
struct Cases {
    cases: Vec<Case>,
}

impl Case {
    fn number(&self) -> u64 {
        self.n.parse().expect("a number below 2^64")
    }

    fn factors(&self) -> Vec<u64> {
        self.factors.iter().map(|factor| factor.parse().expect("a number below 2^64")).collect()
    }
}

/// n = a^2 - b^2 = (a - b)(a + b) for the smallest a that allows it; a prime allows only 1 x n.
fn fermat(n: u64) -> (u64, u64) {
    let mut a = n.isqrt();
    if a * a < n {
        a += 1;
    }
    loop {
        let rest = a * a - n;
        let b = rest.isqrt();
        if b * b == rest {
            return (a - b, a + b);
        }
        a += 1;
    }
}

#[test]
fn fermat_factoring_with_both_factors_spawned() {
    #[cache]
    fn factor(n: u64) -> Vec<u64> {
        if n.is_multiple_of(2) && n > 2 {
            let mut factors = factor(n / 2);
            factors.insert(0, 2);
            return factors;
        }
        if n == 2 {
            return vec![2];
        }
        let (small, large) = fermat(n);
        if small == 1 {
            return vec![n];
        }
        let (first, second) = (FACTOR.spawn((small,)), FACTOR.spawn((large,)));
        merged(first.join(), second.join())
    }
    let cases: Vec<Case> = vectors!("factor_semiprimes_5digit");
    for case in &cases {
        assert_eq!(factor(case.number()), case.factors(), "{}", case.n);
    }
    for (n, factors) in [(4, vec![2, 2]), (9, vec![3, 3]), (25, vec![5, 5]), (49, vec![7, 7]), (561, vec![3, 11, 17])] {
        assert_eq!(factor(n), factors, "{n}: the square of a prime is no prime");
    }
}

#[test]
fn factoring_by_rho_as_a_group() {
    #[cache]
    fn factor(n: u64) -> Vec<u64> {
        if n == 1 {
            return Vec::new();
        }
        if is_prime(n) {
            return vec![n];
        }
        let divisor = rho(n);
        merged(factor(divisor), factor(n / divisor))
    }
    let random: Cases = vectors!("factor");
    let special: Cases = vectors!("factor_special");
    for case in random.cases.iter().chain(&special.cases) {
        assert_eq!(factor(case.number()), case.factors(), "{}", case.n);
    }
}

#[test]
fn primality_is_known_from_a_cached_test() {
    #[derive(Deserialize)]
    struct Known {
        n: String,
        prime: bool,
    }
    #[cache]
    fn cached_is_prime(n: u64) -> bool {
        is_prime(n)
    }
    let known: Vec<Known> = vectors!("is_prime");
    for _ in 0..2 {
        for Known { n, prime } in &known {
            assert_eq!(cached_is_prime(n.parse().expect("a number below 2^64")), *prime, "{n}");
        }
    }
    assert_eq!(CACHED_IS_PRIME.len(), known.len());
}

/// Two ascending lists as one.
fn merged(mut first: Vec<u64>, second: Vec<u64>) -> Vec<u64> {
    first.extend(second);
    first.sort_unstable();
    first
}

fn times(a: u64, b: u64, modulus: u64) -> u64 {
    (u128::from(a) * u128::from(b) % u128::from(modulus)) as u64
}

fn power(mut base: u64, mut exponent: u64, modulus: u64) -> u64 {
    let mut result = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = times(result, base, modulus);
        }
        base = times(base, base, modulus);
        exponent >>= 1;
    }
    result
}

/// Miller and Rabin's test with the bases that decide every number below 2^64.
fn is_prime(n: u64) -> bool {
    const BASES: [u64; 12] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37];
    if n < 2 || BASES.iter().any(|base| n != *base && n.is_multiple_of(*base)) {
        return false;
    }
    let twos = (n - 1).trailing_zeros();
    BASES.iter().filter(|base| **base < n).all(|base| {
        let mut x = power(*base, (n - 1) >> twos, n);
        x == 1
            || (0..twos).any(|_| {
                let found = x == n - 1;
                x = times(x, x, n);
                found
            })
    })
}

/// A divisor of a composite number, by Pollard's rho.
fn rho(n: u64) -> u64 {
    if n.is_multiple_of(2) {
        return 2;
    }
    for step in 1.. {
        let (mut slow, mut fast) = (2, 2);
        loop {
            slow = (times(slow, slow, n) + step) % n;
            fast = (times(fast, fast, n) + step) % n;
            fast = (times(fast, fast, n) + step) % n;
            let divisor = gcd(slow.abs_diff(fast), n);
            if divisor == n {
                break;
            }
            if divisor > 1 {
                return divisor;
            }
        }
    }
    unreachable!("some step finds a divisor of a composite number")
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
