//! Times faster by workers, as lines in a field whose axes are both logarithmic.

use std::fmt::Write as _;

use super::svg::{COLOURS, Panel, WIDTH, label, line};
use super::tables::Table;

const HEIGHT: f64 = 300.0;
const LEFT: f64 = 34.0;
/// Room for the names.
const RIGHT: f64 = 200.0;
const BOTTOM: f64 = 34.0;

/// The panel of a table some of whose heads are numbers of workers; `None` of any other.
pub(super) fn panel(table: &Table) -> Option<Panel> {
    let workers: Vec<(usize, f64)> = table
        .heads
        .iter()
        .enumerate()
        .filter_map(|(column, head)| Some((column, head.parse::<u32>().ok()?.into())))
        .collect();
    let &[(_, first), .., (_, most)] = &workers[..] else { return None };
    let points = |row: &[String]| -> Vec<(f64, f64)> {
        let point = |(column, workers): &(usize, f64)| Some((*workers, table.cell(row, *column).parse::<f64>().ok()?));
        workers.iter().filter_map(point).filter(|(_, faster)| *faster > 0.0).collect()
    };
    let reached = || table.rows.iter().flat_map(|row| points(row)).map(|(_, faster)| faster.log2());
    let low = reached().min_by(f64::total_cmp)?.floor().min(0.0);
    let high = reached().max_by(f64::total_cmp)?.ceil().max(1.0);
    let x = |workers: f64| LEFT + (workers / first).log2() / (most / first).log2() * (WIDTH - LEFT - RIGHT);
    let y = |faster: f64| (high - faster.log2().clamp(low, high)) / (high - low) * HEIGHT;
    let mut body = String::new();
    // Writing to a `String` does not fail.
    for power in low as i32..=high as i32 {
        let faster = 2_f64.powi(power);
        let _ = writeln!(body, "{}", line([LEFT, y(faster)], [WIDTH - RIGHT, y(faster)], "#e4e4e4", 0.7));
        let _ = writeln!(body, "{}", label(LEFT - 5.0, y(faster) + 4.0, "end", "#666666", faster));
    }
    for (_, number) in &workers {
        let _ = writeln!(body, "{}", line([x(*number), 0.0], [x(*number), HEIGHT], "#f0f0f0", 0.7));
        let _ = writeln!(body, "{}", label(x(*number), HEIGHT + 15.0, "middle", "#666666", number));
    }
    let _ = writeln!(
        body,
        "{}",
        label(LEFT, HEIGHT + 29.0, "start", "#666666", "workers, and how many times faster than one")
    );
    // As many times faster as there are workers.
    let best = most.min(2_f64.powf(high));
    polyline(&[(x(first), y(first)), (x(best), y(best))], "#aaaaaa", "4 3", &mut body);
    let mut ends: Vec<(f64, usize)> = Vec::new();
    for (number, row) in table.rows.iter().enumerate() {
        let drawn: Vec<(f64, f64)> = points(row).into_iter().map(|(workers, faster)| (x(workers), y(faster))).collect();
        polyline(&drawn, COLOURS[number % COLOURS.len()], "none", &mut body);
        ends.extend(drawn.last().map(|(_, end)| (*end, number)));
    }
    names(table, ends, &mut body);
    Some(Panel { title: table.title.clone(), height: HEIGHT + BOTTOM, body })
}

fn polyline(points: &[(f64, f64)], colour: &str, dashes: &str, body: &mut String) {
    let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let points = points.join(" ");
    let _ = writeln!(
        body,
        "<polyline points=\"{points}\" fill=\"none\" stroke-width=\"1.8\" stroke=\"{colour}\" stroke-dasharray=\"{dashes}\"/>"
    );
}

/// Writes the name of each line beside its end, from the top, none over another.
fn names(table: &Table, mut ends: Vec<(f64, usize)>, body: &mut String) {
    const APART: f64 = 13.0;
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut free = 8.0_f64;
    for (left, (end, number)) in ends.iter().enumerate().map(|(at, end)| (ends.len() - at, end)) {
        let last = HEIGHT + 8.0 - APART * left as f64;
        let y = (end + 4.0).max(free).min(last.max(free));
        free = y + APART;
        let name = table.name(&table.rows[*number]);
        let _ = writeln!(body, "{}", label(WIDTH - RIGHT + 8.0, y, "start", COLOURS[number % COLOURS.len()], name));
    }
}
