//! Towels in patterns of stripes: in how many ways can a design be laid out?

use speedup::cache;

use super::show::{Outcome, Shown, check, numbers, ratio, show, timed};

#[cache]
fn ways(towels: &[String], design: &str) -> u64 {
    if design.is_empty() {
        return 1;
    }
    towels.iter().filter_map(|towel| design.strip_prefix(towel.as_str())).map(|rest| ways(towels, rest)).sum()
}

/// The loop over lengths.
fn by_hand(towels: &[String], design: &str) -> u64 {
    let mut ways = vec![1];
    for end in 1..=design.len() {
        let fitting = towels.iter().filter(|towel| design[..end].ends_with(towel.as_str()));
        ways.push(fitting.map(|towel| ways[end - towel.len()]).sum());
    }
    ways[design.len()]
}

/// Stripes of five colours, in runs of one to `length`.
fn stripes(seed: u64, length: usize) -> String {
    numbers(seed).take(length).map(|n| ['w', 'u', 'b', 'r', 'g'][n as usize % 5]).collect()
}

pub(crate) fn run(quick: bool) -> Outcome<Shown> {
    let towels: Vec<String> = (1..if quick { 40 } else { 400 }).map(|n| stripes(n * 77, 1 + n as usize % 4)).collect();
    let designs: Vec<String> = (1..if quick { 5 } else { 100 }).map(|n| stripes(n * 131, 40)).collect();
    let (found, cached) = timed(|| designs.iter().map(|design| ways(&towels, design)).collect::<Vec<_>>());
    let (wanted, table) = timed(|| designs.iter().map(|design| by_hand(&towels, design)).collect::<Vec<_>>());
    check(found == wanted, "the loop finds as many")?;
    let possible = found.iter().filter(|ways| **ways > 0).count();
    Ok(Shown::new(
        format!("{} designs, {possible} possible, in {}", designs.len(), show(cached)),
        format!("{:.1} times the loop by hand", ratio(cached, table)),
    ))
}
