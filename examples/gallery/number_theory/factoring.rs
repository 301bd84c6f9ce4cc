//! Factoring by divide and conquer: a divisor is found, and both parts are factored side by side.

use speedup::cache;

use super::super::show::{Outcome, Shown, check, ratio, show, timed};
use super::modular::times;
use super::primes::is_prime;

/// The prime factors in ascending order; those of 0 are 0 and of 1 are 1, as in the original.
#[cache]
pub(crate) fn factors(n: u64) -> Vec<u64> {
    if n < 4 || is_prime(n) {
        return vec![n];
    }
    let divisor = divisor(n);
    let mut all = factors(divisor);
    all.extend(factors(n / divisor));
    all.sort_unstable();
    all
}

/// A divisor of a composite number, by Pollard's rho.
fn divisor(n: u64) -> u64 {
    if n.is_multiple_of(2) {
        return 2;
    }
    (1..n).find_map(|constant| cycle(n, constant)).unwrap_or(n)
}

/// Follows `x^2 + constant` until two values differ by a multiple of a divisor.
fn cycle(n: u64, constant: u64) -> Option<u64> {
    let next = |x: u64| ((u128::from(times(x, x, n)) + u128::from(constant)) % u128::from(n)) as u64;
    let (mut slow, mut fast) = (2, 2);
    loop {
        slow = next(slow);
        fast = next(next(fast));
        match super::modular::gcd(slow.abs_diff(fast).into(), n.into()) as u64 {
            1 => {}
            divisor if divisor == n => return None,
            divisor => return Some(divisor),
        }
    }
}

/// Factors a run of large numbers, all at once and then one after the other.
pub(crate) fn run(quick: bool) -> Outcome<Shown> {
    let first = 1_u64 << 46;
    let numbers = first..first + if quick { 40 } else { 400 };
    let (all, together) = timed(|| FACTORS.get_all(numbers.clone().map(|n| (n,))));
    check(
        all.iter().zip(numbers.clone()).all(|(factors, n)| factors.iter().product::<u64>() == n),
        "the product of the factors is the number",
    )?;
    check(all.iter().flatten().all(|factor| is_prime(*factor)), "every factor is prime")?;

    FACTORS.clear();
    let (again, one_by_one) = timed(|| numbers.map(factors).collect::<Vec<_>>());
    check(all == again, "the order makes no difference")?;
    Ok(Shown::new(
        format!("{} numbers of 47 bits in {}", all.len(), show(together)),
        format!("`get_all` {:.1} times as fast as one after the other", ratio(one_by_one, together)),
    ))
}
