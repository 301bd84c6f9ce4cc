//! Rows of springs, some of unknown state, and the lengths of the runs of broken ones: how many rows are meant?

use speedup::cache;

use super::show::{Outcome, Shown, check, ratio, show, timed};

/// The ways to read what is left of the row.
#[cache]
fn ways(row: &[u8], runs: &[usize], at: usize, run: usize) -> u64 {
    if at >= row.len() {
        return u64::from(run == runs.len());
    }
    let mut count = 0;
    if row[at] != b'#' {
        count += ways(row, runs, at + 1, run);
    }
    if let Some(length) = runs.get(run)
        && at + length <= row.len()
        && !row[at..at + length].contains(&b'.')
        && row.get(at + length) != Some(&b'#')
    {
        count += ways(row, runs, at + length + 1, run + 1);
    }
    count
}

/// Every unknown one is tried both ways.
fn by_trial(row: &mut [u8], runs: &[usize]) -> u64 {
    match row.iter().position(|state| *state == b'?') {
        None => {
            let found = row.split(|state| *state == b'.').map(<[u8]>::len).filter(|length| *length > 0);
            u64::from(found.eq(runs.iter().copied()))
        }
        Some(at) => {
            let count = [b'.', b'#'].map(|state| {
                row[at] = state;
                by_trial(row, runs)
            });
            row[at] = b'?';
            count.iter().sum()
        }
    }
}

const ROWS: [(&str, &[usize]); 5] = [
    ("?#?..??#.?", &[2, 1]),
    ("????.#...??#", &[1, 1, 2]),
    ("?.?#?#?##?", &[1, 5]),
    ("????????.??", &[1, 2, 1]),
    ("#??.????#?", &[2, 3]),
];

/// The rows, each so many times over, joined by unknown springs.
fn unfolded(copies: usize) -> Vec<(Vec<u8>, Vec<usize>)> {
    ROWS.iter().map(|(row, runs)| (vec![*row; copies].join("?").into_bytes(), runs.repeat(copies))).collect()
}

pub(crate) fn run(quick: bool) -> Outcome<Shown> {
    let twice = unfolded(2);
    let (tried, slow) = timed(|| twice.clone().iter_mut().map(|(row, runs)| by_trial(row, runs)).sum::<u64>());
    let (found, fast) = timed(|| twice.iter().map(|(row, runs)| ways(row, runs, 0, 0)).sum::<u64>());
    check(found == tried, "as many as by trial")?;

    let many = unfolded(if quick { 3 } else { 6 });
    let (total, cached) = timed(|| many.iter().map(|(row, runs)| ways(row, runs, 0, 0)).sum::<u64>());
    check(total > found, "more springs can be read in more ways")?;
    Ok(Shown::new(
        format!("{total} ways to read five rows, in {}", show(cached)),
        format!("for shorter rows, {:.0} times as fast as trying all", ratio(slow, fast)),
    ))
}
