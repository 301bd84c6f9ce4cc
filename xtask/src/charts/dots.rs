//! Times as dots on a logarithmic axis: a line for each row of a table, a colour for each column.

use std::fmt::Write as _;

use super::svg::{COLOURS, GREY, LETTER, Panel, WIDTH, label, line};
use super::tables::{Table, time, told};

const ROW: f64 = 16.0;
const AXIS: f64 = 20.0;
const LEGEND: f64 = 18.0;
/// Room for the last figure.
const RIGHT: f64 = 60.0;
/// Of whom it is about.
const OURS: &str = "speedup";

/// A row: its name, and for each column the time, and the least and the most if they are known.
struct Row<'a> {
    name: &'a str,
    times: Vec<Option<(f64, f64, f64)>>,
}

/// The panel of a table of times; `None` if it has none.
pub(super) fn panel(table: &Table) -> Option<Panel> {
    let series = series(table);
    let rows: Vec<Row<'_>> = table.rows.iter().filter_map(|row| of_row(table, row, &series)).collect();
    let all = || rows.iter().flat_map(|row| row.times.iter().flatten());
    let least = all().map(|(_, least, _)| *least).min_by(f64::total_cmp)?;
    let most = all().map(|(.., most)| *most).max_by(f64::total_cmp)?;
    let name = |row: &Row<'_>| row.name.chars().count();
    let left = rows.iter().map(name).max()? as f64 * LETTER + 12.0;
    let (low, high) = (least.log10().floor(), most.log10().ceil().max(least.log10().floor() + 1.0));
    let at = |time: f64| left + (time.log10() - low) / (high - low) * (WIDTH - left - RIGHT);
    let top = if series.len() > 1 { LEGEND } else { 0.0 };
    let bottom = top + rows.len() as f64 * ROW;
    let mut body = String::new();
    // Writing to a `String` does not fail.
    for power in low as i32..=high as i32 {
        let x = at(10_f64.powi(power));
        let _ = writeln!(body, "{}", line([x, top], [x, bottom + 4.0], "#dddddd", 0.7));
        let _ = writeln!(body, "{}", label(x, bottom + 15.0, "middle", "#666666", told(10_f64.powi(power))));
    }
    if series.len() > 1 {
        legend(table, &series, &mut body);
    }
    for (number, row) in rows.iter().enumerate() {
        let y = top + (number as f64 + 0.5) * ROW;
        let ours = row.name == OURS || row.name.starts_with("speedup,");
        let _ =
            writeln!(body, "{}", label(left - 8.0, y + 4.0, "end", if ours { "#000000" } else { "#444444" }, row.name));
        for (column, (time, least, most)) in row.times.iter().enumerate().filter_map(|(at, time)| Some((at, (*time)?)))
        {
            let colour = match series.len() {
                1 if ours => COLOURS[0],
                1 => GREY,
                _ => COLOURS[column % COLOURS.len()],
            };
            let _ = writeln!(body, "{}", line([at(least), y], [at(most), y], colour, 1.5));
            let _ = writeln!(body, "<circle cx=\"{:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"/>", at(time));
            if series.len() == 1 {
                let _ = writeln!(body, "{}", label(at(most) + 7.0, y + 4.0, "start", "#666666", told(time)));
            }
        }
    }
    Some(Panel { title: table.title.clone(), height: bottom + AXIS, body })
}

/// The columns that are drawn: the medians, if there are any, or all that hold times.
fn series(table: &Table) -> Vec<usize> {
    if let Some(median) = table.column("median") {
        return vec![median];
    }
    let has_time = |column: &usize| table.rows.iter().any(|row| time(table.cell(row, *column)).is_some());
    (1..table.heads.len()).filter(has_time).collect()
}

fn of_row<'a>(table: &Table, row: &'a [String], series: &[usize]) -> Option<Row<'a>> {
    let range = table.column("least to most").and_then(|column| table.cell(row, column).split_once(" to "));
    let range = range.and_then(|(least, most)| Some((time(least)?, time(most)?)));
    let of = |column: &usize| {
        let time = time(table.cell(row, *column))?;
        let (least, most) = range.unwrap_or((time, time));
        Some((time, least, most))
    };
    let times: Vec<_> = series.iter().map(of).collect();
    times.iter().any(Option::is_some).then(|| Row { name: table.cell(row, 0), times })
}

fn legend(table: &Table, series: &[usize], body: &mut String) {
    let mut x = 4.0;
    for (number, column) in series.iter().enumerate() {
        let (head, colour) = (&table.heads[*column], COLOURS[number % COLOURS.len()]);
        let _ = writeln!(body, "<rect x=\"{x:.1}\" y=\"1.0\" width=\"8\" height=\"8\" fill=\"{colour}\"/>");
        let _ = writeln!(body, "{}", label(x + 12.0, 9.0, "start", "#444444", head));
        x += 26.0 + head.chars().count() as f64 * LETTER;
    }
}
