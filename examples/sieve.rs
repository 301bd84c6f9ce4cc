//! `#[buffer]` on a generator that reads what it has generated: the primes.

#![allow(clippy::print_stdout, reason = "an example shows its results")]

use speedup::buffer;

/// Each candidate is divided by the primes up to its root, which are in the buffer already.
#[buffer(size = 32)]
fn primes() -> u64 {
    yield_!(2);
    for candidate in (3..).step_by(2) {
        if primes().take_while(|prime| prime * prime <= candidate).all(|prime| candidate % prime != 0) {
            yield_!(candidate);
        }
    }
}

pub(crate) fn main() {
    println!("the first: {:?}", primes().take(10).collect::<Vec<_>>());
    println!("the 1000th: {}", PRIMES[999]);
    assert_eq!(PRIMES[999], 7_919);
    println!("is 7917 prime? {}", PRIMES.contains(&7_917));
    assert_eq!(PRIMES.position(&7_919), Some(999));

    let twins = PRIMES.iter().zip(PRIMES.iter().skip(1)).filter(|(p, q)| *q - *p == 2).take(5);
    println!("twins: {:?}", twins.collect::<Vec<_>>());
    println!("{} primes are kept", PRIMES.len_ready());
}
