//! A trace as a picture: a lane a thread, a box a segment.

use std::fmt::{self, Write as _};

use super::{Trace, What, segments};
use crate::seeing::report::time;

/// All in pixels.
const WIDTH: f64 = 1200.0;
const MARGIN: f64 = 90.0;
const TOP: f64 = 12.0;
const LANE: f64 = 26.0;
const GAP: f64 = 8.0;
const AXIS: f64 = 26.0;
/// A letter takes about so much.
const LETTER: f64 = 6.0;
/// Boxes narrower than this are drawn together.
const NARROW: f64 = 0.5;

/// A function has one of these, by its name.
const COLOURS: [&str; 8] = ["#4e79a7", "#f28e2b", "#59a14f", "#b07aa1", "#76b7b2", "#e15759", "#9c755f", "#edc948"];

/// The picture.
pub(super) fn draw(trace: &Trace) -> String {
    let mut svg = String::new();
    // Writing to a `String` does not fail.
    let _ = try_draw(trace, &mut svg);
    svg
}

/// A box on its way: a segment, or several that are too narrow to be seen.
struct Box<'a> {
    what: What,
    call: &'a str,
    from: f64,
    to: f64,
    /// How many segments it stands for.
    segments: usize,
}

fn try_draw(trace: &Trace, svg: &mut String) -> fmt::Result {
    let lanes = trace.threads.len().max(1) as f64;
    let height = TOP + lanes * (LANE + GAP) + AXIS;
    writeln!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="monospace" font-size="10">
<defs><pattern id="waits" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" fill="#f4f4f4"/><rect width="2" height="6" fill="#b8b8b8"/></pattern></defs>
<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>"##
    )?;
    // A trace of nothing has a length, too.
    let scale = (WIDTH - MARGIN - 10.0) / trace.took.as_secs_f64().max(1e-9);
    for (lane, (thread, name)) in trace.threads.iter().enumerate() {
        let y = TOP + lane as f64 * (LANE + GAP);
        writeln!(svg, r##"<text x="6" y="{:.1}" fill="#333">{}</text>"##, y + LANE / 2.0 + 3.5, escaped(name))?;
        writeln!(
            svg,
            r##"<rect x="{MARGIN}" y="{y}" width="{:.1}" height="{LANE}" fill="#fafafa"/>"##,
            WIDTH - MARGIN - 10.0
        )?;
        for each in boxes(trace, *thread, scale) {
            draw_box(&each, y, scale, svg)?;
        }
    }
    draw_axis(trace, height, scale, svg)?;
    svg.write_str("</svg>\n")
}

/// The boxes of a thread.
fn boxes(trace: &Trace, thread: u32, scale: f64) -> Vec<Box<'_>> {
    let mut boxes: Vec<Box<'_>> = Vec::new();
    for segment in segments::of_thread(&trace.spans, thread) {
        let [from, to] = [segment.from, segment.to].map(|at| MARGIN + at.as_secs_f64() * scale);
        let (what, call) = (segment.span.what, segment.span.call.as_str());
        match boxes.last_mut() {
            Some(last)
                if to - from < NARROW
                    && last.what == what
                    && last.to - last.from < 4.0 * NARROW
                    && from - last.to < NARROW =>
            {
                last.to = to;
                last.segments += 1;
            }
            _ => boxes.push(Box { what, call, from, to, segments: 1 }),
        }
    }
    boxes
}

fn draw_box(each: &Box<'_>, y: f64, scale: f64, svg: &mut String) -> fmt::Result {
    let Box { what, call, from, to, segments } = *each;
    let (width, call) = (to - from, escaped(call));
    let fill = match what {
        What::Wait => "url(#waits)",
        What::Help => "#eeeeee",
        _ => colour(&call),
    };
    let took = time(std::time::Duration::from_secs_f64((width / scale).max(0.0)));
    let title = match what {
        _ if segments > 1 => format!("{call} and {} more: {took}", segments - 1),
        What::Wait => format!("waits for {call}: {took}"),
        What::Help => format!("looks for work: {took}"),
        _ => format!("{call}: {took}"),
    };
    write!(
        svg,
        r##"<g><title>{title}</title><rect x="{from:.2}" y="{y:.1}" width="{:.2}" height="{LANE}" fill="{fill}" stroke="#ffffff" stroke-width="0.3"/>"##,
        width.max(0.1)
    )?;
    // An escaped sign is longer than it looks, which leaves out a name that might have fitted.
    if what == What::Call && segments == 1 && call.len() as f64 * LETTER + 6.0 < width {
        write!(svg, r##"<text x="{:.1}" y="{:.1}" fill="#fff">{call}</text>"##, from + 3.0, y + LANE / 2.0 + 3.5)?;
    }
    writeln!(svg, "</g>")
}

/// Ticks at round times.
fn draw_axis(trace: &Trace, height: f64, scale: f64, svg: &mut String) -> fmt::Result {
    let total = trace.took.as_secs_f64().max(1e-9);
    let rough = total / 8.0;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].iter().map(|factor| factor * power).find(|step| *step >= rough);
    let step = step.unwrap_or(total);
    for tick in (0..).map(|tick| f64::from(tick) * step).take_while(|at| *at <= total).take(20) {
        let x = MARGIN + tick * scale;
        let label = time(std::time::Duration::from_secs_f64(tick));
        writeln!(
            svg,
            r##"<line x1="{x:.1}" y1="{TOP}" x2="{x:.1}" y2="{:.1}" stroke="#dddddd" stroke-width="0.5"/><text x="{x:.1}" y="{:.1}" fill="#666">{label}</text>"##,
            height - AXIS + 4.0,
            height - 8.0
        )?;
    }
    Ok(())
}

/// The colour of the function of a call.
fn colour(call: &str) -> &'static str {
    let name = call.split('(').next().unwrap_or(call);
    // FNV-1a: the same in each run.
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    COLOURS[(hash % COLOURS.len() as u64) as usize]
}

/// A text as XML has it.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for part in text.chars() {
        match part {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            // Neither are allowed in XML.
            part if part.is_control() => escaped.push(' '),
            part => escaped.push(part),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{super::example, *};

    #[test]
    fn a_lane_a_thread_and_a_box_a_call() {
        let trace = example(&[
            (What::Call, "wide(1)", 0, 0, 500),
            (What::Wait, "wide<\"x\">(2)", 1, 0, 400),
            (What::Call, "wide(2)", 1, 400, 300),
        ]);
        let svg = draw(&trace);
        assert_eq!(svg.matches("thread ").count(), 2);
        assert_eq!(svg.matches("<g>").count(), 3);
        assert_eq!(svg.matches("url(#waits)").count(), 1);
        assert!(svg.contains(">wide(1)</text>"), "a wide box bears its name");
        assert!(svg.contains("waits for wide&lt;&quot;x&quot;&gt;(2): 400 us"), "{svg}");
        assert_eq!(svg.matches('<').count(), svg.matches('>').count());
    }

    #[test]
    fn what_is_too_narrow_is_drawn_together() {
        let spans: Vec<_> = (0..1_000).map(|n| (What::Call, "tiny(1)", 0, n, 1)).collect();
        let mut trace = example(&spans);
        trace.took = std::time::Duration::from_millis(100);
        let boxes = draw(&trace).matches("<g>").count();
        assert!((1..50).contains(&boxes), "{boxes} boxes in 11 pixels");
    }

    #[test]
    fn nothing_is_a_picture_as_well() {
        assert!(draw(&Trace::default()).ends_with("</svg>\n"));
    }
}
