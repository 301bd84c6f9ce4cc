//! `@Cache`: plain calls, `apply_async` and `batch_async` (here `spawn` and `spawn_all`), errors.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};

use num_bigint::BigUint;
use serde::Deserialize;
use speedup::cache;

use crate::vectors::vectors;

const F_200: &str = "453973694165307953197296969697410619233826";

/// The manual's Fibonacci numbers: f(0) = f(1) = 1.
#[cache]
fn fibonacci(n: u64) -> u128 {
    if n < 2 { 1 } else { fibonacci(n - 1) + fibonacci(n - 2) }
}

#[test]
fn the_fifth_fibonacci_number_is_8() {
    assert_eq!(fibonacci(5), 8);
}

#[test]
fn the_hundredth_fibonacci_number_is_exact() {
    assert_eq!(fibonacci(100), 573_147_844_013_817_084_101);
}

#[test]
fn the_200th_fibonacci_number_by_plain_recursion() {
    #[cache]
    fn fibonacci(n: u64) -> BigUint {
        if n < 2 { BigUint::from(1u8) } else { fibonacci(n - 1) + fibonacci(n - 2) }
    }
    assert_eq!(fibonacci(200).to_string(), F_200);
}

#[test]
fn the_200th_fibonacci_number_with_spawned_calls() {
    #[cache]
    fn fibonacci(n: u64) -> BigUint {
        if n < 2 {
            return BigUint::from(1u8);
        }
        let first = FIBONACCI.spawn((n - 1,));
        let second = FIBONACCI.spawn((n - 2,));
        first.join() + second.join()
    }
    assert_eq!(fibonacci(200).to_string(), F_200);
}

#[test]
fn the_200th_fibonacci_number_with_calls_spawned_together() {
    #[cache]
    fn fibonacci(n: u64) -> BigUint {
        if n < 2 {
            return BigUint::from(1u8);
        }
        FIBONACCI.spawn_all([(n - 1,), (n - 2,)]);
        fibonacci(n - 1) + fibonacci(n - 2)
    }
    assert_eq!(fibonacci(200).to_string(), F_200);
}

#[test]
fn the_manuals_fibonacci_numbers() {
    #[derive(Deserialize)]
    struct Case {
        n: u64,
        value: String,
    }
    #[cache]
    fn fibonacci(n: u64) -> BigUint {
        if n < 2 { BigUint::from(1u8) } else { fibonacci(n - 1) + fibonacci(n - 2) }
    }
    let cases: Vec<Case> = vectors!("manual_fibonacci");
    for case in cases {
        assert_eq!(fibonacci(case.n).to_string(), case.value, "f({})", case.n);
    }
}

#[test]
fn fibonacci_by_fast_doubling() {
    #[derive(Deserialize)]
    struct Known {
        values: Vec<String>,
    }
    /// F(0) = 0, F(1) = 1, and F(2k) = F(k) (2 F(k + 1) - F(k)), F(2k + 1) = F(k)^2 + F(k + 1)^2.
    #[cache]
    fn fibonacci(n: u64) -> BigUint {
        if n < 2 {
            return BigUint::from(n);
        }
        let low = fibonacci(n / 2);
        let high = fibonacci(n / 2 + 1);
        if n.is_multiple_of(2) { &low * (&high + &high - &low) } else { &low * &low + &high * &high }
    }
    // F(2) would need itself by the rule above, F(2) = F(1) (2 F(2) - F(1)); it is known.
    FIBONACCI.insert((2,), BigUint::from(1u8));
    let first: Vec<String> = (0..10).map(|n| fibonacci(n).to_string()).collect();
    assert_eq!(first, ["0", "1", "1", "2", "3", "5", "8", "13", "21", "34"]);
    let known: Known = vectors!("fibonacci");
    for (n, value) in known.values.iter().enumerate() {
        assert_eq!(fibonacci(n as u64).to_string(), *value, "F({n})");
    }
}

#[cache]
fn gcd(a: BigUint, b: BigUint) -> BigUint {
    if b == BigUint::ZERO {
        a
    } else {
        let rest = &a % &b;
        gcd(b, rest)
    }
}

fn gcd_of(a: u64, b: u64) -> BigUint {
    gcd(a.into(), b.into())
}

#[test]
fn the_greatest_common_divisor_of_5_and_10_is_5() {
    assert_eq!(gcd_of(5, 10), BigUint::from(5u8));
}

#[test]
fn the_greatest_common_divisor_of_1024_and_768_is_256() {
    assert_eq!(gcd_of(1024, 768), BigUint::from(256u32));
}

#[test]
fn the_greatest_common_divisor_of_1474038573_and_183508437983_is_1() {
    assert_eq!(gcd_of(1_474_038_573, 183_508_437_983), BigUint::from(1u8));
}

#[test]
fn the_known_greatest_common_divisors() {
    #[derive(Deserialize)]
    struct Case {
        a: BigText,
        b: BigText,
        gcd: BigText,
    }
    let cases: Vec<Case> = vectors!("gcd");
    for Case { a, b, gcd: wanted } in cases {
        assert_eq!(gcd(a.0, b.0), wanted.0);
    }
}

/// A large number that is written as a string.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct BigText(BigUint);

impl TryFrom<String> for BigText {
    type Error = num_bigint::ParseBigIntError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(BigText)
    }
}

#[test]
fn a_panic_in_a_call_reaches_the_caller_and_nothing_is_cached() {
    static CALLS: AtomicU32 = AtomicU32::new(0);

    #[cache]
    fn fails_once(n: u64) -> u64 {
        if CALLS.fetch_add(1, Ordering::Relaxed) == 0 {
            panic!("no answer for {n}");
        }
        n
    }
    let panic = catch_unwind(AssertUnwindSafe(|| fails_once(7))).expect_err("the first call panics");
    let message = panic.downcast_ref::<String>().map(String::as_str);
    assert_eq!(message, Some("no answer for 7"));
    assert!(!FAILS_ONCE.contains(&(7,)));
    assert!(FAILS_ONCE.is_empty());
    assert_eq!(fails_once(7), 7);
    assert_eq!(CALLS.load(Ordering::Relaxed), 2);
}

#[test]
fn a_panic_in_a_spawned_call_reaches_who_joins_it() {
    #[cache]
    fn fails(n: u64) -> u64 {
        panic!("no answer for {n}")
    }
    let task = FAILS.spawn((3,));
    let panic = catch_unwind(AssertUnwindSafe(|| task.join())).expect_err("the call panics");
    assert_eq!(panic.downcast_ref::<String>().map(String::as_str), Some("no answer for 3"));
    assert!(!FAILS.contains(&(3,)));
}

#[test]
fn results_are_isolated_from_what_callers_do_with_them() {
    #[cache]
    fn row(n: usize) -> Vec<usize> {
        (0..n).collect()
    }
    let mut mine = row(3);
    mine.push(99);
    assert_eq!(row(3), [0, 1, 2]);
}

#[test]
fn a_call_waits_for_the_running_one_instead_of_computing_again() {
    use std::sync::Barrier;
    static CALLS: AtomicU32 = AtomicU32::new(0);

    #[cache]
    fn slow(n: u64) -> u64 {
        CALLS.fetch_add(1, Ordering::Relaxed);
        (0..200_000u64).fold(n, |sum, k| std::hint::black_box(sum ^ k))
    }
    let start = Barrier::new(4);
    let answers: Vec<u64> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    slow(1)
                })
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().expect("no caller panics")).collect()
    });
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(CALLS.load(Ordering::Relaxed), 1);
}
