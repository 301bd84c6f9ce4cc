//! The difference of two files, line by line, by their longest common subsequence.

use speedup::cache;

use super::show::{Outcome, Shown, check, ratio, repository, show, timed};

/// How many lines the rest of one file has in common with the rest of the other, in the same order.
#[cache]
fn common(old: &[String], new: &[String], i: usize, j: usize) -> u32 {
    if i == old.len() || j == new.len() {
        0
    } else if old[i] == new[j] {
        1 + common(old, new, i + 1, j + 1)
    } else {
        common(old, new, i + 1, j).max(common(old, new, i, j + 1))
    }
}

/// A line of a diff.
enum Line<'a> {
    Kept(&'a String),
    Removed(&'a String),
    Added(&'a String),
}

/// The shortest diff; what it asks for is in the cache by then.
fn diff<'a>(old: &'a [String], new: &'a [String]) -> Vec<Line<'a>> {
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push(Line::Kept(&old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || i < old.len() && common(old, new, i + 1, j) >= common(old, new, i, j + 1) {
            lines.push(Line::Removed(&old[i]));
            i += 1;
        } else {
            lines.push(Line::Added(&new[j]));
            j += 1;
        }
    }
    lines
}

/// The textbook's loop, from the ends.
fn by_hand(old: &[String], new: &[String]) -> u32 {
    let mut row = vec![0; new.len() + 1];
    for line in old {
        let mut diagonal = 0;
        for (j, other) in new.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = if line == other { diagonal + 1 } else { above.max(row[j]) };
            diagonal = above;
        }
    }
    row[new.len()]
}

/// The lines of the two largest guides of the repository.
pub(crate) fn run(quick: bool) -> Outcome<Shown> {
    let read = |name: &str| -> Outcome<Vec<String>> {
        let text = std::fs::read_to_string(repository().join(name))?;
        let lines = text.lines().map(str::to_owned);
        Ok(if quick { lines.take(60).collect() } else { lines.collect() })
    };
    let (old, new) = (read("README.md")?, read("src/guide/cache.md")?);
    let (length, cached) = timed(|| common(&old, &new, 0, 0));
    let (wanted, table) = timed(|| by_hand(&old, &new));
    check(length == wanted, "the loop finds as many common lines")?;

    let lines = diff(&old, &new);
    let before: Vec<&String> = lines
        .iter()
        .filter_map(|line| if let Line::Kept(l) | Line::Removed(l) = line { Some(*l) } else { None })
        .collect();
    let after: Vec<&String> = lines
        .iter()
        .filter_map(|line| if let Line::Kept(l) | Line::Added(l) = line { Some(*l) } else { None })
        .collect();
    check(before.into_iter().eq(&old) && after.into_iter().eq(&new), "the diff leads from one file to the other")?;
    Ok(Shown::new(
        format!("{} lines against {}, {length} in common", old.len(), new.len()),
        format!("{}, {:.1} times the loop by hand; the diff reads the cache", show(cached), ratio(cached, table)),
    ))
}
