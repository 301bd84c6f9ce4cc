//! The tables of a page in Markdown.

/// A table, and what stands above it.
pub(super) struct Table {
    pub(super) title: String,
    pub(super) heads: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

/// All tables of a page.
pub(super) fn of(page: &str) -> Vec<Table> {
    let (mut title, mut tables, mut lines) = (String::new(), Vec::new(), page.lines().peekable());
    while let Some(line) = lines.next() {
        if line.starts_with('#') {
            line.trim_start_matches('#').trim().clone_into(&mut title);
        }
        if !line.starts_with('|') || !lines.peek().is_some_and(|next| next.starts_with("|---")) {
            continue;
        }
        lines.next();
        let rows = std::iter::from_fn(|| lines.next_if(|line| line.starts_with('|'))).map(cells).collect();
        tables.push(Table { title: title.clone(), heads: cells(line), rows });
    }
    tables
}

fn cells(line: &str) -> Vec<String> {
    let inner = line.trim().trim_start_matches('|');
    inner.strip_suffix('|').unwrap_or(inner).split('|').map(|cell| cell.trim().replace(['`', '*'], "")).collect()
}

impl Table {
    /// The column with this head.
    pub(super) fn column(&self, head: &str) -> Option<usize> {
        self.heads.iter().position(|each| each == head)
    }

    /// The name of a row: what it begins with and, where another begins with the same, what tells them apart.
    pub(super) fn name(&self, row: &[String]) -> String {
        let first = self.cell(row, 0);
        let others = || self.rows.iter().filter(|other| self.cell(other, 0) == first);
        let differs = |column: &usize| others().any(|other| self.cell(other, *column) != self.cell(row, *column));
        match (1..self.heads.len()).find(differs) {
            Some(column) => format!("{first}, {}", self.cell(row, column)),
            None => first.to_owned(),
        }
    }

    /// What stands in a column of a row.
    pub(super) fn cell<'a>(&self, row: &'a [String], column: usize) -> &'a str {
        row.get(column).map_or("", String::as_str)
    }
}

/// A time in nanoseconds: `1.5 us`.
pub(super) fn time(cell: &str) -> Option<f64> {
    let (number, unit) = cell.split_once(' ')?;
    let factor = match unit {
        "ns" => 1.0,
        "us" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        _ => return None,
    };
    number.parse::<f64>().ok().filter(|number| *number > 0.0).map(|number| number * factor)
}

/// A time as people read it.
pub(super) fn told(nanoseconds: f64) -> String {
    let (number, unit) = match nanoseconds {
        n if n < 1e3 => (n, "ns"),
        n if n < 1e6 => (n / 1e3, "us"),
        n if n < 1e9 => (n / 1e6, "ms"),
        n => (n / 1e9, "s"),
    };
    match number {
        n if n >= 100.0 || n.fract() == 0.0 => format!("{n:.0} {unit}"),
        n => format!("{n:.1} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{time, told};

    #[test]
    fn times_are_read_and_told() {
        assert_eq!(time("1.5 us"), Some(1_500.0));
        assert_eq!(time("16.32 ms"), Some(16_320_000.0));
        assert_eq!(time("2 apples"), None);
        assert_eq!(time("0.44"), None);
        assert_eq!(
            (told(1_500.0), told(100.0), told(2e9)),
            ("1.5 us".to_owned(), "100 ns".to_owned(), "2 s".to_owned())
        );
    }
}
