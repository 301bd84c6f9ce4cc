//! `@buffer(size, haltCondition)`: values computed ahead, kept, indexed, iterated and searched.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use num_complex::Complex64;
use speedup::buffer;

use crate::vectors::vectors;

#[buffer(size = 4)]
fn count() -> impl Iterator<Item = u64> {
    0..
}

#[test]
fn the_first_value_of_count_is_0() {
    assert_eq!(COUNT[0], 0);
}

#[test]
fn the_value_at_15_is_15() {
    assert_eq!(COUNT[15], 15);
    assert_eq!(COUNT.get(15), Some(&15));
}

#[test]
fn iterating_the_handle_agrees_with_enumeration() {
    for (index, value) in COUNT.iter().enumerate() {
        assert_eq!(index as u64, *value);
        if index == 5 {
            break;
        }
    }
    for (index, value) in COUNT.into_iter().enumerate().take(6) {
        assert_eq!(index as u64, *value);
    }
}

#[test]
fn iterating_the_function_agrees_with_enumeration() {
    for (index, value) in count().enumerate() {
        assert_eq!(index as u64, value);
        if index == 5 {
            break;
        }
    }
}

#[test]
fn the_sequence_is_kept_for_a_second_reader() {
    static NEXT: AtomicUsize = AtomicUsize::new(0);

    /// Different at each computation: only kept values can agree.
    #[buffer(size = 4)]
    fn tickets() -> impl Iterator<Item = usize> {
        std::iter::repeat_with(|| NEXT.fetch_add(1, Ordering::Relaxed))
    }
    let first: Vec<usize> = tickets().take(50).collect();
    let second: Vec<usize> = tickets().take(50).collect();
    assert_eq!(first, second);
    assert!(TICKETS.iter().take(50).eq(&first));
}

/// The complex spiral of the manual, z <- 1.1i z.
#[buffer(halt = AbsNonDecreasing)]
fn spiral() -> Complex64 {
    let mut z = Complex64::new(1.0, 0.0);
    loop {
        yield_!(z);
        z *= Complex64::new(0.0, 1.1);
    }
}

#[test]
fn the_spirals_second_value_is_1_1i() {
    assert_eq!(SPIRAL[1], Complex64::new(0.0, 1.1));
}

#[test]
fn the_spiral_holds_minus_1_21_up_to_rounding() {
    // 1.1 * 1.1 is 1.2100000000000002 in floating point: that number is found as it is,
    assert!(SPIRAL.contains(&Complex64::new(-(1.1 * 1.1), 0.0)));
    assert_eq!(SPIRAL.position(&Complex64::new(-(1.1 * 1.1), 0.0)), Some(2));
    // and the documented one within a tolerance of 1e-12.
    let documented = Complex64::new(-1.21, 0.0);
    let found = SPIRAL.iter().take_while(|z| z.norm() < 1.3).position(|z| (z - documented).norm() < 1e-12);
    assert_eq!(found, Some(2));
}

#[test]
fn absent_values_end_the_search_of_the_spiral() {
    assert!(!SPIRAL.contains(&Complex64::new(5.0, 5.0)));
    assert_eq!(SPIRAL.position(&Complex64::new(1.0, 1.0)), None);
}

/// A complex number that equals its neighbours within 1e-12.
#[derive(Clone, Copy, Debug)]
struct Close(Complex64);

impl PartialEq for Close {
    fn eq(&self, other: &Self) -> bool {
        (self.0 - other.0).norm() < 1e-12
    }
}

#[test]
fn minus_1_21_is_found_by_an_equality_given_with_the_halting_condition() {
    #[buffer(halt = |values: &speedup::Buffer<Close>, item: &Close, _attempts: usize| {
        values.last_ready().is_some_and(|last| last.0.norm() > item.0.norm() + 1e-9)
    })]
    fn close_spiral() -> Close {
        let mut z = Complex64::new(1.0, 0.0);
        loop {
            yield_!(Close(z));
            z *= Complex64::new(0.0, 1.1);
        }
    }
    assert!(CLOSE_SPIRAL.contains(&Close(Complex64::new(-1.21, 0.0))));
    assert!(!CLOSE_SPIRAL.contains(&Close(Complex64::new(1.21, 0.0))));
}

#[test]
fn a_halting_condition_gets_the_number_of_attempts_as_its_third_argument() {
    static ATTEMPTS: AtomicUsize = AtomicUsize::new(0);

    #[buffer(halt = |_: &speedup::Buffer<u64>, _: &u64, attempts: usize| {
        let seen = ATTEMPTS.fetch_max(attempts, Ordering::Relaxed);
        assert!(attempts <= seen + 1, "attempts count one by one");
        attempts >= 100
    })]
    fn even() -> impl Iterator<Item = u64> {
        (0..).step_by(2)
    }
    assert!(!EVEN.contains(&7), "no condition on the values could end this search");
    assert_eq!(ATTEMPTS.load(Ordering::Relaxed), 100);
    assert!(EVEN.contains(&8));
}

/// The postponed sieve of Eratosthenes: it crosses out the multiples of the primes that it has yielded before.
#[buffer(size = 64)]
fn primes() -> u64 {
    for prime in [2, 3, 5, 7] {
        yield_!(prime);
    }
    let mut crossing_out: HashMap<u64, u64> = HashMap::new();
    let mut own = primes().skip(1);
    let mut prime = own.next().unwrap_or(3);
    let mut candidate = 9;
    loop {
        let step = match crossing_out.remove(&candidate) {
            Some(step) => step,
            None if candidate < prime * prime => {
                yield_!(candidate);
                candidate += 2;
                continue;
            }
            None => {
                let step = 2 * prime;
                prime = own.next().unwrap_or(u64::from(u32::MAX));
                step
            }
        };
        let mut multiple = candidate + step;
        while crossing_out.contains_key(&multiple) {
            multiple += step;
        }
        crossing_out.insert(multiple, step);
        candidate += 2;
    }
}

#[test]
fn a_sieve_that_iterates_its_own_buffer_gives_the_first_2_000_primes() {
    let known: Vec<u64> = vectors!("primes");
    assert!(PRIMES.iter().take(2_000).eq(&known));
    assert_eq!(primes().take(2_000).collect::<Vec<_>>(), known);
    assert!(PRIMES.contains(&17_389));
    assert!(!PRIMES.contains(&17_388));
    assert_eq!(PRIMES.position(&7_919), Some(999));
}
