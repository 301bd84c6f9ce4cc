//! Fibonacci numbers of any size in every form that a cached function can take.

use num_bigint::BigUint;
use speedup::{Memo, buffer, cache};

use super::show::{Outcome, Shown, check, ratio, show, timed};

/// The textbook's: a chain as deep as the number.
#[cache]
fn plain(n: u32) -> BigUint {
    if n < 2 { n.into() } else { plain(n - 1) + plain(n - 2) }
}

/// By doubling: `F(2k) = F(k) (2 F(k+1) - F(k))`, `F(2k+1) = F(k)^2 + F(k+1)^2`; some 2 log2(n) different calls.
#[cache]
fn doubling(n: u64) -> BigUint {
    if n < 3 {
        return n.min(1).into();
    }
    let (half, next) = (doubling(n / 2), doubling(n / 2 + 1));
    if n.is_multiple_of(2) { &half * (&next + &next - &half) } else { &half * &half + &next * &next }
}

/// A table that is dropped with the outermost call.
#[cache(scoped)]
fn for_a_call(n: u32) -> BigUint {
    if n < 2 { n.into() } else { for_a_call(n - 1) + for_a_call(n - 2) }
}

/// Any type of numbers: a table for each.
#[cache]
fn of_any<N>(n: u32) -> N
where
    N: From<u32> + std::ops::Add<Output = N> + Clone + Send + Sync + 'static,
{
    if n < 2 { N::from(n) } else { of_any::<N>(n - 1) + of_any::<N>(n - 2) }
}

/// A sequence with a start of its own, and values that live and die with it.
#[derive(Default)]
struct Sequence {
    first: u32,
    second: u32,
    memo: Memo<(u32,), BigUint>,
}

impl Sequence {
    #[cache(field = memo)]
    fn nth(&self, n: u32) -> BigUint {
        match n {
            0 => self.first.into(),
            1 => self.second.into(),
            _ => self.nth(n - 1) + self.nth(n - 2),
        }
    }
}

/// Two functions that need each other.
#[cache(with(odd_one))]
fn even_one(n: u32) -> BigUint {
    if n == 0 { n.into() } else { odd_one(n - 1) + even_one(n - 2) }
}

#[cache(with(even_one))]
fn odd_one(n: u32) -> BigUint {
    if n == 1 { n.into() } else { even_one(n - 1) + odd_one(n - 2) }
}

/// Awaited, under any runtime: the two calls of a body at the same time.
#[cache]
async fn awaited(n: u32) -> BigUint {
    if n < 2 { n.into() } else { awaited(n - 1).await + awaited(n - 2).await }
}

/// Still there in the next run.
#[cache(disk = std::env::temp_dir().join("speedup-fibonacci"))]
fn kept(n: u32) -> BigUint {
    if n < 2 { n.into() } else { kept(n - 1) + kept(n - 2) }
}

/// All of them in order, computed ahead.
#[buffer]
fn in_order() -> BigUint {
    let (mut a, mut b) = (BigUint::from(0_u32), BigUint::from(1_u32));
    loop {
        yield_!(a.clone());
        (a, b) = (b.clone(), a + b);
    }
}

pub(crate) fn run(quick: bool) -> Outcome<Shown> {
    let n: u32 = if quick { 400 } else { 10_000 };
    let (wanted, chain) = timed(|| plain(n));
    let (doubled, halves) = timed(|| doubling(n.into()));
    check(doubled == wanted, "doubling gives the same")?;
    check(for_a_call(n) == wanted, "a table for a call gives the same")?;
    check(of_any::<BigUint>(n) == wanted, "a generic function gives the same")?;
    check(of_any::<u128>(186) == 332_825_110_087_067_562_321_196_029_789_634_457_848, "and the largest 128-bit one")?;
    check(Sequence { second: 1, ..Sequence::default() }.nth(n) == wanted, "a method gives the same")?;
    check(even_one(n) == wanted, "two functions give the same")?;
    check(IN_ORDER[n as usize] == wanted, "a buffer gives the same")?;
    check(pollster::block_on(awaited(n)) == wanted, "an `async` function gives the same")?;
    check(kept(n) == wanted, "what lies on disk is the same")?;
    KEPT.flush()?;
    check(PLAIN.spawn((n - 1,)).join() + PLAIN.spawn((n - 2,)).join() == wanted, "tasks give the same")?;
    Ok(Shown::new(
        format!("F({n}) in 10 forms"),
        format!(
            "a chain of {n} calls in {}; by doubling {} calls, {:.0} times as fast",
            show(chain),
            DOUBLING.len(),
            ratio(chain, halves)
        ),
    ))
}
