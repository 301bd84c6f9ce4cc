//! What pictures are made of.

use std::fmt::{Display, Write as _};

/// All in pixels.
pub(super) const WIDTH: f64 = 560.0;
const TITLE: f64 = 26.0;
const GAP: f64 = 14.0;
/// A letter takes about so much.
pub(super) const LETTER: f64 = 6.1;

/// Of one series after the other.
pub(super) const COLOURS: [&str; 10] =
    ["#4e79a7", "#f28e2b", "#59a14f", "#b07aa1", "#e15759", "#76b7b2", "#9c755f", "#8a7a12", "#2f4b7c", "#d45087"];
pub(super) const GREY: &str = "#9a9a9a";

/// A part of a picture: `body` is drawn below the title, from (0, 0) on.
pub(super) struct Panel {
    pub(super) title: String,
    pub(super) height: f64,
    pub(super) body: String,
}

/// A picture of panels that stand side by side, row by row.
pub(super) fn page(panels: &[Panel], columns: usize) -> String {
    let rows: Vec<f64> =
        panels.chunks(columns).map(|row| row.iter().map(|panel| panel.height).fold(0.0, f64::max) + TITLE).collect();
    let width = GAP + (WIDTH + GAP) * columns.min(panels.len()) as f64;
    let height = GAP + rows.iter().map(|row| row + GAP).sum::<f64>();
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{width:.0}\" height=\"{height:.0}\" fill=\"#ffffff\"/>\n"
    );
    let mut top = GAP;
    for (row, tall) in panels.chunks(columns).zip(&rows) {
        for (column, panel) in row.iter().enumerate() {
            let left = GAP + (WIDTH + GAP) * column as f64;
            let title = label(0.0, 14.0, "start", "#222222", &panel.title);
            let _ = writeln!(text, "<g transform=\"translate({left:.0} {top:.0})\">\n{title}");
            let _ = writeln!(text, "<g transform=\"translate(0 {TITLE:.0})\">\n{}</g>\n</g>", panel.body);
        }
        top += tall + GAP;
    }
    text + "</svg>\n"
}

/// A text whose end or beginning is at a point.
pub(super) fn label(x: f64, y: f64, anchor: &str, colour: &str, text: impl Display) -> String {
    let text = escaped(&text.to_string());
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{text}</text>")
}

/// A straight line.
pub(super) fn line([x1, y1]: [f64; 2], [x2, y2]: [f64; 2], colour: &str, width: f64) -> String {
    format!(
        "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\" stroke-width=\"{width}\"/>"
    )
}

/// A text as XML has it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
