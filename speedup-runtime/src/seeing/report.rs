//! All caches and buffers of the process, as a table.

use std::{
    collections::HashMap,
    fmt::{self, Write as _},
    time::Duration,
};

use crate::seeing::{
    registry::{self, Told},
    stats::Stats,
    verdict::Verdict,
};

/// What a row of a [`Report`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Kind {
    /// A cached function.
    Cache,
    /// A cached `async` function.
    AsyncCache,
    /// The results that belong to values of another type, of all of them together.
    Memo,
    /// A function whose results are kept for the time of an outermost call.
    Scoped,
    /// A buffered generator. Its `side_by_side` values were made ahead of their readers.
    Buffer,
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Cache => "cache",
            Self::AsyncCache => "async",
            Self::Memo => "memo",
            Self::Scoped => "scoped",
            Self::Buffer => "buffer",
        })
    }
}

/// A cache or a buffer, and whether it pays.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Row {
    /// The name of the function, with its types if it is generic.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Of how many of the same name this row tells: more than one of memos, and of buffers with arguments.
    pub instances: usize,
    /// Whether there is a bound to what it keeps.
    pub is_bounded: bool,
    /// The counts.
    pub stats: Stats,
    /// Whether it pays.
    pub verdict: Verdict,
}

impl Row {
    pub(crate) fn of(told: Told) -> Self {
        let Told { name, kind, is_bounded, stats, .. } = told;
        let verdict = Verdict::of(kind, &stats, is_bounded);
        Self { name, kind, instances: 1, is_bounded, stats, verdict }
    }

    /// Both as one row.
    fn and(&mut self, other: &Self) {
        self.instances += other.instances;
        self.is_bounded &= other.is_bounded;
        self.stats = self.stats.and(&other.stats);
        self.verdict = Verdict::of(self.kind, &self.stats, self.is_bounded);
    }
}

/// All caches and buffers that have been used in this process, as returned by [`report`].
///
/// It is written as a table (`Display`), as Markdown ([`markdown`](Self::markdown)), and with the feature `serde` as data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Report {
    /// One for each, in the order in which they were used first.
    pub rows: Vec<Row>,
}

/// What all caches and buffers have done that have been used in this process, each with a [`Verdict`].
///
/// What is owned and has been dropped is left out.
///
/// # Complexity
/// O(n) for n values in all caches, and some microseconds each, as [`Cache::stats`](crate::Cache::stats).
///
/// # Examples
/// ```
/// use speedup_runtime::{Cache, report};
///
/// let squares = Cache::from_fn(|n: u64| n * n);
/// (0..100).for_each(|n| _ = squares.get((n,)));
/// let report = report();
/// assert_eq!(report.rows[0].stats.misses, 100);
/// assert!(report.to_string().contains("never hit"));
/// ```
#[must_use]
pub fn report() -> Report {
    let mut rows: Vec<Row> = Vec::new();
    let mut together: HashMap<(String, Kind), usize> = HashMap::new();
    for (_, used) in registry::all() {
        let Some(told) = used.told() else { continue };
        if !told.is_one_of_many {
            rows.push(Row::of(told));
            continue;
        }
        let row = Row::of(told);
        match together.get(&(row.name.clone(), row.kind)) {
            Some(at) => rows[*at].and(&row),
            None => {
                together.insert((row.name.clone(), row.kind), rows.len());
                rows.push(row);
            }
        }
    }
    Report { rows }
}

/// The heads of the columns; the first and the last two are of text.
const HEADS: [&str; 11] =
    ["name", "kind", "hits", "misses", "hit rate", "entries", "memory", "a call", "a hit", "saved", "verdict"];

impl Report {
    /// The rows, as the text of each cell.
    fn cells(&self) -> Vec<[String; HEADS.len()]> {
        let cost = |cost: Option<Duration>| cost.map_or_else(|| "-".to_owned(), time);
        let cells = self.rows.iter().map(|row| {
            let Row { stats, .. } = row;
            let name = if row.instances > 1 { format!("{} ({})", row.name, row.instances) } else { row.name.clone() };
            let is_buffer = row.kind == Kind::Buffer;
            let unless_buffer = |text: String| if is_buffer { "-".to_owned() } else { text };
            [
                name,
                row.kind.to_string(),
                unless_buffer(stats.hits.to_string()),
                if is_buffer { stats.computed.to_string() } else { stats.misses.to_string() },
                unless_buffer(format!("{:.0} %", stats.hit_rate() * 100.0)),
                stats.entries.to_string(),
                bytes(stats.estimated_bytes),
                cost(stats.call_cost),
                cost(stats.hit_cost),
                unless_buffer(time(stats.time_saved)),
                row.verdict.to_string(),
            ]
        });
        cells.collect()
    }

    /// The report as a table in Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        text += &line(&HEADS.map(str::to_owned));
        text += &line(&std::array::from_fn::<_, { HEADS.len() }, _>(|at| {
            if is_text(at) { "---".to_owned() } else { "---:".to_owned() }
        }));
        for row in self.cells() {
            text += &line(&row.map(|cell| cell.replace('|', "\\|")));
        }
        text
    }
}

/// Whether a column is of text, and so begins at the left.
fn is_text(column: usize) -> bool {
    column < 2 || column + 1 == HEADS.len()
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rows.is_empty() {
            return out.write_str("no cache and no buffer has been used");
        }
        let cells = self.cells();
        let width = |at: usize| cells.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
        let widths: [usize; HEADS.len()] = std::array::from_fn(|at| width(at).max(HEADS[at].len()));
        let mut line = |cells: &[String; HEADS.len()]| {
            let mut text = String::new();
            for (at, (cell, width)) in cells.iter().zip(widths).enumerate() {
                let written =
                    if is_text(at) { write!(text, "{cell:<width$}  ") } else { write!(text, "{cell:>width$}  ") };
                written?;
            }
            writeln!(out, "{}", text.trim_end())
        };
        line(&HEADS.map(str::to_owned))?;
        cells.iter().try_for_each(line)
    }
}

/// A time with three digits and its unit.
pub(crate) fn time(time: Duration) -> String {
    let nanos = time.as_nanos() as f64;
    let (value, unit) = match nanos {
        ..1e3 => return format!("{nanos} ns"),
        ..1e6 => (nanos / 1e3, "us"),
        ..1e9 => (nanos / 1e6, "ms"),
        _ => (nanos / 1e9, "s"),
    };
    let digits = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.digits$} {unit}")
}

/// A size with its unit.
fn bytes(bytes: usize) -> String {
    let size = bytes as f64;
    match bytes {
        ..1024 => format!("{bytes} B"),
        1024..0x10_0000 => format!("{:.0} KiB", size / 1024.0),
        0x10_0000..0x4000_0000 => format!("{:.1} MiB", size / 1024.0 / 1024.0),
        _ => format!("{:.1} GiB", size / 1024.0 / 1024.0 / 1024.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_have_their_units() {
        let times =
            [(0, "0 ns"), (999, "999 ns"), (1_500, "1.50 us"), (25_000_000, "25.0 ms"), (3_000_000_000, "3.00 s")];
        for (nanos, text) in times {
            assert_eq!(time(Duration::from_nanos(nanos)), text);
        }
        let sizes = [(0, "0 B"), (1023, "1023 B"), (2048, "2 KiB"), (3 << 20, "3.0 MiB"), (5 << 30, "5.0 GiB")];
        for (size, text) in sizes {
            assert_eq!(bytes(size), text);
        }
    }

    #[test]
    fn a_report_is_a_table_in_text_and_in_markdown() {
        let stats =
            Stats { hits: 30, misses: 10, entries: 10, call_cost: Some(Duration::from_micros(2)), ..Stats::default() };
        let told =
            |name: &str, kind| Told { name: name.to_owned(), kind, is_one_of_many: false, is_bounded: false, stats };
        let report = Report { rows: vec![Row::of(told("f", Kind::Cache)), Row::of(told("g<a|b>", Kind::Buffer))] };
        let text = report.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[0].starts_with("name    kind") && lines[0].ends_with("verdict"), "{text}");
        assert!(lines[1].contains("75 %") && lines[1].contains("2.00 us"), "{text}");
        let markdown = report.markdown();
        assert_eq!(markdown.lines().nth(1).map(|line| line.matches("---").count()), Some(HEADS.len()));
        assert!(markdown.contains("g<a\\|b>"), "{markdown}");
    }
}
