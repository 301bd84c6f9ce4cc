//! The search tree that is best for known frequencies.

use std::collections::BTreeMap;

use speedup::cache;

use super::show::{Outcome, Shown, check, ratio, repository, show, timed};

/// The least number of comparisons for the words from `from` below `to`; `sums[k]` is how often the first `k` words are looked up.
#[cache]
fn comparisons(sums: &[u64], from: usize, to: usize) -> u64 {
    let below = (from..to).map(|root| comparisons(sums, from, root) + comparisons(sums, root + 1, to)).min();
    below.map_or(0, |below| below + sums[to] - sums[from])
}

/// The loop over lengths.
fn by_hand(sums: &[u64]) -> u64 {
    let count = sums.len() - 1;
    let mut least = vec![vec![0; count + 1]; count + 1];
    for length in 1..=count {
        for from in 0..=count - length {
            let to = from + length;
            let below = (from..to).map(|root| least[from][root] + least[root + 1][to]).min().unwrap_or(0);
            least[from][to] = below + sums[to] - sums[from];
        }
    }
    least[0][count]
}

/// A tree for the words of the README.
pub(crate) fn run(quick: bool) -> Outcome<Shown> {
    let text = std::fs::read_to_string(repository().join("README.md"))?;
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    text.split(|letter: char| !letter.is_alphabetic()).filter(|word| !word.is_empty()).for_each(|word| {
        *counts.entry(word).or_default() += 1;
    });
    let mut sums = vec![0];
    for count in counts.values().take(if quick { 30 } else { 300 }) {
        sums.push(sums.last().unwrap_or(&0) + count);
    }
    let words = sums.len() - 1;
    let (least, cached) = timed(|| comparisons(&sums, 0, words));
    let (wanted, table) = timed(|| by_hand(&sums));
    check(least == wanted, "the loop finds a tree as good")?;
    let balanced = sums[words] as f64 * (words as f64).log2();
    Ok(Shown::new(
        format!("{words} words, {:.0} % of a balanced tree's comparisons", 100.0 * least as f64 / balanced),
        format!("{}, {:.1} times the loop by hand", show(cached), ratio(cached, table)),
    ))
}
