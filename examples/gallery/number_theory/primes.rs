//! Primes: tests, and a list that is kept on disk and grows when more is asked for.

use std::path::Path;

use num_bigint::{BigInt, BigUint};
use speedup::DiskList;
use speedup::disk::Error;

use super::modular::{power, times};

/// The root of a square, of any size.
pub(crate) fn is_square(n: &BigInt) -> Option<BigUint> {
    let n = n.to_biguint()?;
    let root = n.sqrt();
    (&root * &root == n).then_some(root)
}

/// By Miller and Rabin; the first twelve primes as witnesses decide every 64-bit number.
pub(crate) fn is_prime(n: u64) -> bool {
    const WITNESSES: [u64; 12] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37];
    if n < 2 || WITNESSES.iter().any(|prime| n.is_multiple_of(*prime)) {
        return WITNESSES.contains(&n);
    }
    let twos = (n - 1).trailing_zeros();
    WITNESSES.iter().all(|witness| {
        let mut value = power(*witness, (n - 1) >> twos, n);
        let mut left = twos;
        while left > 1 && value != 1 && value != n - 1 {
            value = times(value, value, n);
            left -= 1;
        }
        value == 1 || value == n - 1
    })
}

/// The least prime beyond `n`.
pub(crate) fn next_prime(n: u64) -> u64 {
    (n + 1..).find(|candidate| is_prime(*candidate)).unwrap_or(0)
}

/// All primes so far, on disk.
pub(crate) struct PrimeList {
    known: DiskList<u64>,
}

impl PrimeList {
    pub(crate) fn open(folder: &Path) -> Result<Self, Error> {
        Ok(Self { known: DiskList::builder("primes").location(folder).open()? })
    }

    /// The prime with this index, counted from 0.
    pub(crate) fn nth(&mut self, index: usize) -> Result<u64, Error> {
        while self.known.len() <= index {
            let last = self.known.last()?.unwrap_or(1);
            self.known.extend(sieve(last + 1, (last * 2).clamp(1 << 16, last + (1 << 20))))?;
        }
        Ok(self.known.get(index)?.unwrap_or(0))
    }
}

/// The primes from `low` below `high`, by Eratosthenes.
fn sieve(low: u64, high: u64) -> impl Iterator<Item = u64> {
    let mut composite = vec![false; (high - low) as usize];
    for factor in 2..=high.isqrt() {
        let first = (factor * factor).max(low.next_multiple_of(factor));
        (first..high).step_by(factor as usize).for_each(|multiple| composite[(multiple - low) as usize] = true);
    }
    composite.into_iter().zip(low..).filter_map(|(composite, n)| (!composite && n > 1).then_some(n))
}
