//! The figures to reach, and whether this run reached them.

use std::fmt;

/// The side of the bar that is good.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    /// Smaller is better.
    AtMost(f64),
    /// Larger is better.
    AtLeast(f64),
}

impl Limit {
    fn is_met(self, measured: f64) -> bool {
        match self {
            Self::AtMost(limit) => measured <= limit,
            Self::AtLeast(limit) => measured >= limit,
        }
    }
}

/// A list of measured figures against their bars; displays as a Markdown table.
#[derive(Debug, Default)]
pub struct Bars {
    lines: Vec<String>,
}

impl Bars {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one figure: the work, what was compared (with its unit), the measured value and the bar.
    pub fn check(&mut self, work: &str, figure: &str, measured: f64, limit: Limit) {
        let (word, value) = match limit {
            Limit::AtMost(value) => ("at most", value),
            Limit::AtLeast(value) => ("at least", value),
        };
        let verdict = if limit.is_met(measured) { "met" } else { "**missed**" };
        self.lines.push(format!("| {work} | {figure} | {word} {value} | {measured:.2} | {verdict} |"));
    }
}

impl fmt::Display for Bars {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "| work | figure | bar | measured | |\n|---|---|---|---|---|")?;
        self.lines.iter().try_for_each(|line| writeln!(out, "{line}"))
    }
}
