//! In which order to multiply a chain of matrices.

use speedup::cache;

use super::show::{Outcome, Shown, check, numbers, ratio, show, timed};

/// The least number of multiplications for the matrices from `i` to `j`; matrix `k` has `sizes[k]` rows and `sizes[k + 1]` columns.
#[cache]
fn cost(sizes: &[u64], i: usize, j: usize) -> u64 {
    let split = |k: usize| cost(sizes, i, k) + cost(sizes, k + 1, j) + sizes[i] * sizes[k + 1] * sizes[j + 1];
    (i..j).map(split).min().unwrap_or(0)
}

/// The textbook's loop over lengths.
fn by_hand(sizes: &[u64]) -> u64 {
    let count = sizes.len() - 1;
    let mut least = vec![vec![0; count]; count];
    for length in 1..count {
        for i in 0..count - length {
            let j = i + length;
            least[i][j] = (i..j)
                .map(|k| least[i][k] + least[k + 1][j] + sizes[i] * sizes[k + 1] * sizes[j + 1])
                .min()
                .unwrap_or(0);
        }
    }
    least[0][count - 1]
}

pub(crate) fn run(quick: bool) -> Outcome<Shown> {
    check(cost(&[30, 35, 15, 5, 10, 20, 25], 0, 5) == 15_125, "the textbook's example")?;
    let count = if quick { 30 } else { 300 };
    let sizes: Vec<u64> = numbers(7).map(|n| 1 + n % 100).take(count + 1).collect();
    let (least, cached) = timed(|| cost(&sizes, 0, count - 1));
    let (wanted, table) = timed(|| by_hand(&sizes));
    check(least == wanted, "the loop finds the same order")?;
    Ok(Shown::new(
        format!("a chain of {count} matrices"),
        format!("{}, {:.1} times the loop by hand", show(cached), ratio(cached, table)),
    ))
}
