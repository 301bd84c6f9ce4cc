//! Recursions as puzzles and textbooks have them: the bare attribute, beside what a person would write by hand.
//!
//! ```text
//! graphs  ways through graphs
//! ranges  best and all divisions of ranges
//! tables  pairs of numbers
//! texts   rests of strings and slices
//! ```
//!
//! By hand there are two: a `Vec` by index, for which somebody has thought of how calls are numbered, and a `HashMap` by
//! what the call was given. Each contender makes the input first, and its answer is compared with the one that is known.

mod graphs;
mod ranges;
mod tables;
mod texts;

use std::fmt::Debug;
use std::time::{Duration, Instant};

use speedup_benches::{Bars, Limit, Scramble, black_box, machine};

use crate::{Row, ask, is_wanted, summary, this_program};

/// How often each contender runs in a process of its own.
const ROUNDS: usize = 21;
/// The `HashMap`, which may take twenty times as long, runs in every so many of them.
const APART: usize = 3;
/// The same for all: over the quickest by hand.
const LIMIT: Limit = Limit::AtMost(2.0);

/// The rows; of each the first contender is ours, the second goes by index.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    [graphs::ROWS, ranges::ROWS, tables::ROWS, texts::ROWS].into_iter().flatten()
}

/// Measures the rows whose work has one of the words.
pub fn table(wanted: &[&str]) {
    let program = this_program();
    println!("## Puzzles\n\n{}\n", machine::description());
    println!(
        "Each time is that of one run of a fresh process, the median of {ROUNDS}, without making the input. The functions have the bare `#[cache]`. \
         By hand, a `Vec` goes by index, a `HashMap` by what the call was given.\n"
    );
    println!("### Times\n\n| puzzle | speedup | Vec by hand | HashMap by hand |\n|---|---:|---:|---:|");
    let mut bars = Bars::new();
    for row in rows().filter(|row| is_wanted(row, wanted)) {
        let mut times = vec![Vec::new(); row.contenders.len()];
        for round in 0..ROUNDS {
            for turn in 0..row.contenders.len() {
                let index = (turn + round) % row.contenders.len();
                if index < 2 || round % APART == 0 {
                    times[index].push(ask(&program, row.work, row.contenders[index].0, false));
                }
            }
        }
        let medians: Vec<f64> = times.into_iter().map(|times| summary(times).0).collect();
        let shown: Vec<String> = medians.iter().map(|time| format!("{:.2} ms", time / 1e6)).collect();
        println!("| {} | {} |", row.work, shown.join(" | "));
        let by_hand = row.contenders.iter().map(|(name, _)| name).zip(&medians).skip(1);
        let (name, least) = by_hand.min_by(|a, b| a.1.total_cmp(b.1)).expect("somebody does it by hand");
        bars.check(row.work, &format!("time over {name}"), medians[0] / least, row.limit);
    }
    println!("\n### Figures to reach, over the quickest by hand\n\n{bars}");
}

/// How long the work takes, whose answer is known.
fn solved<T: PartialEq + Debug>(answer: T, work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    let found = black_box(work());
    let took = start.elapsed();
    assert_eq!(found, answer);
    took
}

/// A number below another.
fn below(numbers: &mut Scramble, end: usize) -> usize {
    (numbers.next().unwrap_or_default() % end as u64) as usize
}
