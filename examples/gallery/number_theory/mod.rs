//! The number theory that the Python original had as its `algorithms`: plain functions where a cache would not pay,
//! `#[cache]` and a `DiskList` where one does.

pub(crate) mod factoring;
pub(crate) mod matrix;
pub(crate) mod modular;
pub(crate) mod primes;

use num_bigint::BigUint;

use super::show::{Outcome, Shown, check, ratio, show, timed};
use modular::{discrete_log, divide, gcd, inverse, jacobi, square_root};

/// A walk through all of it, with a list of primes on disk that is opened twice.
pub(crate) fn run(quick: bool) -> Outcome<Shown> {
    check(gcd(1_474_038_573, 18) == 3, "the greatest common divisor")?;
    check(inverse(17, 3120) == Ok(2753), "the inverse of RSA's textbook example")?;
    check(divide(6, 4, 10)?.values(10).eq([4, 9]), "a quotient with two values")?;
    check(jacobi(2, 15) == Ok(1) && square_root(2, 15).is_none(), "a Jacobi symbol of 1 that is no square")?;
    check(matches!(square_root(10, 13), Some(6 | 7)), "a square root by Tonelli and Shanks")?;
    check(discrete_log(8, 2, 11) == Some(3), "a logarithm")?;
    let reduced = matrix::row_reduce(vec![vec![2, 3, 8], vec![1, 1, 3]], 11)?;
    check(reduced == [[1, 0, 1], [0, 1, 2]], "two equations modulo 11")?;
    let square = BigUint::from(10_u32).pow(80);
    check(primes::is_square(&square.into()) == Some(BigUint::from(10_u32).pow(40)), "a large square")?;
    check(factoring::factors(1_125_899_906_842_622) == [2, 127, 4_432_676_798_593], "prime factors")?;
    check(primes::next_prime(1_000_000) == 1_000_003, "the next prime")?;

    let folder = tempfile::tempdir()?;
    let count = if quick { 2_000 } else { 200_000 };
    let (nth, made) = timed(|| primes::PrimeList::open(folder.path()).and_then(|mut list| list.nth(count)));
    let (again, found) = timed(|| primes::PrimeList::open(folder.path()).and_then(|mut list| list.nth(count)));
    check(nth? == again?, "the list is there in the next run")?;
    Ok(Shown::new(
        format!("{count} primes kept on disk"),
        format!("the second run finds them in {}, {:.0} times sooner", show(found), ratio(made, found)),
    ))
}
