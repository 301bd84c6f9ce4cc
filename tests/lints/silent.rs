//! A library about which the compiler and clippy have nothing to say; `tests/lints.rs` asks them, in two editions.

#![deny(warnings, missing_docs, unreachable_pub, rust_2018_idioms, let_underscore_drop, unused_qualifications, clippy::pedantic, clippy::shadow_unrelated)]

use speedup::{buffer, cache};

/// Rabbits.
#[cache]
#[must_use]
pub fn fibonacci(n: u64) -> u128 {
    if n < 2 { 1 } else { fibonacci(n - 1) + fibonacci(n - 2) }
}

/// The body uses up what the key is made of.
#[cache(key = |name| -> String { name.clone().into() })]
pub fn letters_of(name: impl Into<String> + Clone) -> usize {
    let name: String = name.into();
    name.len()
}

/// The longest run that both have, up to two places.
#[cache(scoped)]
#[must_use]
pub fn common(a: &[u8], b: &[u8], i: usize, j: usize) -> usize {
    if i == 0 || j == 0 {
        0
    } else if a[i - 1] == b[j - 1] {
        1 + common(a, b, i - 1, j - 1)
    } else {
        common(a, b, i - 1, j).max(common(a, b, i, j - 1))
    }
}

/// The longest sequence from a place on that does not fall.
#[cache(scoped)]
#[must_use]
pub fn rising<T: Ord + std::hash::Hash + Clone + Send + Sync>(items: &[T], at: usize, last: Option<T>) -> Vec<T> {
    let Some(item) = items.get(at) else { return last.into_iter().collect() };
    let without = rising(items, at + 1, last.clone());
    if last.as_ref().is_some_and(|last| last > item) {
        return without;
    }
    let mut with: Vec<T> = last.into_iter().collect();
    with.extend(rising::<T>(items, at + 1, Some(item.clone())));
    if with.len() > without.len() { with } else { without }
}

/// Edits from one text to another.
#[cache]
#[must_use]
pub fn distance(a: &str, b: &str, mut limit: usize) -> usize {
    let (Some(x), Some(y)) = (a.chars().next(), b.chars().next()) else { return a.len() + b.len() };
    limit = limit.saturating_sub(1);
    if x == y {
        distance(&a[1..], &b[1..], limit)
    } else {
        let shorter = distance(&a[1..], b, limit);
        let longer = distance(a, &b[1..], limit);
        1 + shorter.min(longer)
    }
}

/// A body on one line, beside what is no part of the key.
#[rustfmt::skip]
#[cache(skip(rows))]
#[must_use]
pub fn row(rows: &[u64], n: usize) -> u64 { rows[n] }

/// The same with a bound.
#[rustfmt::skip]
#[cache(skip(rows), capacity = 3)]
#[must_use]
pub fn bounded(rows: &[u64], n: usize) -> u64 { rows[n] }

/// The same of an age.
#[cache(ttl = "30s")]
#[must_use]
pub fn aging(n: u64) -> u64 {
    n * n
}

/// What is asked of others.
///
/// # Errors
///
/// Never.
#[cache]
pub async fn asked(text: &str, mut times: u32, (a, _b): (u8, u8)) -> Answer {
    std::future::ready(()).await;
    times = times.saturating_sub(1);
    if times == 0 {
        return Ok(vec![u64::from(a)]);
    }
    let shorter = asked(text, 1, (a, 0)).await;
    let other = asked(text, 2, (0, 1)).await?;
    Ok([shorter?, other, asked("", times, (a, 0)).await?].concat())
}

#[cache]
async fn awaited(n: u64) -> u64 {
    if n < 2 { std::future::ready(n).await } else { awaited(n - 1).await + awaited(n - 2).await }
}

/// Awaits what nobody else does.
pub async fn outermost() -> u64 {
    awaited(7).await
}

/// An answer, or why there is none.
pub type Answer = Result<Vec<u64>, String>;

/// What other crates see keeps its type.
#[cache]
#[must_use]
pub fn wrapped(n: u64, list: Vec<u64>, small: &u8) -> Option<u64> {
    Some(n + u64::from(*small) + list.into_iter().sum::<u64>())
}

/// Floats are keys.
#[cache]
#[must_use]
pub fn area(width: f64, sides: &[f32]) -> f64 {
    width * f64::from(sides[0])
}

struct Borrowing<'a>(&'a str);

impl<'a> Borrowing<'a> {
    #[cache]
    pub(crate) fn steps(n: u64, _m: u64) -> u64 {
        n
    }

    fn get(&self) -> &'a str {
        self.0
    }
}

/// Collects results that are changed in place.
///
/// # Errors
///
/// When `depth` is 13.
#[cache(cache_err)]
pub fn collected((depth, _): (u64, bool), _spare: u8) -> Answer {
    match depth {
        0 => Ok(Vec::new()),
        13 => Err("unlucky".to_owned()),
        _ => Ok([collected((depth - 1, true), 0)?, vec![depth]].concat()),
    }
}

#[cache]
fn list(depth: u64) -> Vec<u64> {
    if depth == 0 {
        return vec![0];
    }
    (list(depth - 1).pop(), list(depth / 2).pop()).0.into_iter().collect()
}

/// A shape.
pub struct Shape;

impl Shape {
    /// Paths through a grid.
    #[cache]
    #[must_use]
    pub fn paths(x: u64, y: u64) -> u64 {
        if x == 0 || y == 0 { 1 } else { Self::paths(x - 1, y) + Shape::paths(x, y - 1) }
    }

    #[cache(sequential, name = AREAS)]
    pub(crate) fn area(width: u64, height: u64) -> Option<u64> {
        width.checked_mul(height)
    }

    /// Its corners.
    #[buffer]
    #[must_use]
    pub fn corners() -> u64 {
        yield_!(1);
        yield_!(2);
    }
}

/// Counts.
#[buffer(size = 4)]
pub fn count() -> impl Iterator<Item = u64> {
    0..
}

/// Reads numbers.
#[buffer(halt = Attempts(3))]
pub fn numbers(text: String) -> Result<u64, std::num::ParseIntError> {
    for word in text.split(' ') {
        yield_!(Ok(word.parse()?));
    }
}

#[buffer(halt = |_, item, attempts| *item > 9 || attempts > 9)]
fn letters() -> Vec<u64> {
    vec![1]
}

#[buffer(keep = 3)]
fn window() -> impl Iterator<Item = u64> {
    0..9
}

/// Uses what is private.
#[must_use]
pub fn everything() -> usize {
    #[cache]
    fn inner(n: u64) -> u64 {
        n
    }
    #[buffer]
    fn values() -> u64 {
        loop {
            yield_!(inner(1));
        }
    }
    let sum = Shape::area(1, 2).map_or(0, |area| area + inner(3)) + VALUES[3];
    Borrowing::steps(1, 2);
    Borrowing("").get().len() + Borrowing::STEPS.len() + list(3).len() + letters().len() + window().count() + usize::from(sum > 3) + INNER.len() + Shape::AREAS.len()
}
