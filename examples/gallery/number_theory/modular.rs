//! Arithmetic modulo a number. What is called with the same modulus again keeps what it has worked out.

use std::collections::HashMap;
use std::sync::Arc;

use speedup::cache;
use thiserror::Error;

/// Why there is no answer.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum Undefined {
    #[error("{0} has no inverse modulo {1}: they have a common divisor")]
    NotInvertible(i128, i128),
    #[error("{0} is not divisible by {1} modulo {2}")]
    NotDivisible(i128, i128, i128),
    #[error("the Jacobi symbol is defined for odd numbers, not for {0}")]
    EvenModulus(i128),
}

pub(crate) fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The greatest common divisor `g` of two numbers, and `x` with `a * x = g` modulo `b`.
fn bezout(a: i128, b: i128) -> (i128, i128) {
    let (mut rest, mut next) = (a, b);
    let (mut x, mut next_x) = (1, 0);
    while next != 0 {
        let quotient = rest / next;
        (rest, next) = (next, rest - quotient * next);
        (x, next_x) = (next_x, x - quotient * next_x);
    }
    (rest, x)
}

pub(crate) fn inverse(number: i128, modulo: i128) -> Result<i128, Undefined> {
    match bezout(number.rem_euclid(modulo), modulo) {
        (1, x) => Ok(x.rem_euclid(modulo)),
        _ => Err(Undefined::NotInvertible(number, modulo)),
    }
}

/// All quotients: `smallest`, and then one every `step`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Quotients {
    pub(crate) smallest: i128,
    pub(crate) step: i128,
}

impl Quotients {
    /// Those below the modulus.
    pub(crate) fn values(&self, modulo: i128) -> impl Iterator<Item = i128> {
        (self.smallest..modulo).step_by(self.step as usize)
    }
}

pub(crate) fn divide(numerator: i128, denominator: i128, modulo: i128) -> Result<Quotients, Undefined> {
    let (common, x) = bezout(denominator.rem_euclid(modulo), modulo);
    if numerator % common != 0 {
        return Err(Undefined::NotDivisible(numerator, denominator, modulo));
    }
    let step = modulo / common;
    let smallest = (x.rem_euclid(step) * (numerator / common).rem_euclid(step)).rem_euclid(step);
    Ok(Quotients { smallest, step })
}

/// By the law of quadratic reciprocity.
pub(crate) fn jacobi(a: i128, n: i128) -> Result<i8, Undefined> {
    if n % 2 == 0 {
        return Err(Undefined::EvenModulus(n));
    }
    let (mut a, mut n, mut sign) = (a.rem_euclid(n), n, 1);
    while a != 0 {
        let twos = a.trailing_zeros();
        a >>= twos;
        if twos % 2 == 1 && matches!(n % 8, 3 | 5) {
            sign = -sign;
        }
        if a % 4 == 3 && n % 4 == 3 {
            sign = -sign;
        }
        (a, n) = (n % a, a);
    }
    Ok(if n == 1 { sign } else { 0 })
}

pub(crate) fn power(mut base: u64, mut exponent: u64, modulo: u64) -> u64 {
    let mut result = 1 % modulo;
    base %= modulo;
    while exponent > 0 {
        if exponent % 2 == 1 {
            result = times(result, base, modulo);
        }
        base = times(base, base, modulo);
        exponent /= 2;
    }
    result
}

pub(crate) fn times(a: u64, b: u64, modulo: u64) -> u64 {
    (u128::from(a) * u128::from(b) % u128::from(modulo)) as u64
}

/// The smallest number that is no square modulo a prime: many roots are asked for modulo the same one.
#[cache]
fn nonresidue(p: u64) -> u64 {
    (2..p).find(|n| jacobi((*n).into(), p.into()) == Ok(-1)).unwrap_or(0)
}

/// A square root modulo an odd prime, by Tonelli and Shanks; the other one is `p` less it.
pub(crate) fn square_root(a: u64, p: u64) -> Option<u64> {
    let a = a % p;
    if a == 0 {
        return Some(0);
    }
    if power(a, (p - 1) / 2, p) != 1 {
        return None;
    }
    let mut twos = (p - 1).trailing_zeros();
    let odd = (p - 1) >> twos;
    let mut generator = power(nonresidue(p), odd, p);
    let mut root = power(a, odd.div_ceil(2), p);
    let mut error = power(a, odd, p);
    while error != 1 {
        let order = (1..twos).find(|order| power(error, 1 << order, p) == 1)?;
        let factor = power(generator, 1 << (twos - order - 1), p);
        generator = times(factor, factor, p);
        (root, error, twos) = (times(root, factor, p), times(error, generator, p), order);
    }
    Some(root)
}

/// The exponents below the root of `p` of the powers of `a`; all logarithms to this base look them up.
#[cache]
fn baby_steps(a: u64, p: u64) -> Arc<HashMap<u64, u64>> {
    let mut steps = HashMap::new();
    let mut value = 1;
    for exponent in 0..=p.isqrt() {
        steps.entry(value).or_insert(exponent);
        value = times(value, a, p);
    }
    Arc::new(steps)
}

/// The least `x` with `a^x = n` modulo a prime, in the time of its root.
pub(crate) fn discrete_log(n: u64, a: u64, p: u64) -> Option<u64> {
    let width = p.isqrt() + 1;
    let back = power(inverse(a.into(), p.into()).ok()? as u64, width, p);
    let small = baby_steps(a, p);
    let mut value = n % p;
    for giant in 0..=width {
        if let Some(exponent) = small.get(&value) {
            return Some(giant * width + exponent);
        }
        value = times(value, back, p);
    }
    None
}
