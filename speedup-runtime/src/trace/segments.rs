//! Which of the things that a thread was in the middle of was the innermost, and when.

use std::{cmp::Reverse, time::Duration};

use super::Span;

/// A time in which a span was the innermost one of its thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment<'a> {
    pub(super) span: &'a Span,
    pub(super) from: Duration,
    pub(super) to: Duration,
}

/// The segments of a thread, in the order of time. O(n log n) for n spans.
pub(super) fn of_thread(spans: &[Span], thread: u32) -> Vec<Segment<'_>> {
    let mut own: Vec<&Span> = spans.iter().filter(|span| span.thread == thread).collect();
    // Outer ones first.
    own.sort_by_key(|span| (span.began, Reverse(span.took)));
    let mut lane = Lane::default();
    for span in own {
        lane.end_until(span.began);
        lane.advance(span.began);
        lane.open.push(span);
    }
    lane.end_until(Duration::MAX);
    lane.segments
}

/// A thread, as far as it has been followed.
#[derive(Default)]
struct Lane<'a> {
    segments: Vec<Segment<'a>>,
    /// What it is in the middle of, innermost last.
    open: Vec<&'a Span>,
    at: Duration,
}

impl Lane<'_> {
    /// Goes on to this time, with what is the innermost.
    fn advance(&mut self, to: Duration) {
        if let Some(span) = self.open.last().filter(|_| to > self.at) {
            self.segments.push(Segment { span, from: self.at, to });
        }
        self.at = self.at.max(to);
    }

    /// Ends all that have ended at this time.
    fn end_until(&mut self, time: Duration) {
        while let Some(end) = self.open.last().map(|span| span.began + span.took).filter(|end| *end <= time) {
            self.advance(end);
            self.open.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{What, example},
        *,
    };

    #[test]
    fn the_innermost_is_what_counts() {
        let trace = example(&[
            (What::Call, "b", 0, 20, 30),
            (What::Call, "c", 0, 60, 10),
            (What::Call, "a", 0, 10, 90),
            (What::Call, "other", 1, 0, 100),
            (What::Call, "d", 0, 200, 5),
        ]);
        let found: Vec<(&str, u128, u128)> = of_thread(&trace.spans, 0)
            .iter()
            .map(|segment| (segment.span.call.as_str(), segment.from.as_micros(), segment.to.as_micros()))
            .collect();
        assert_eq!(
            found,
            [("a", 10, 20), ("b", 20, 50), ("a", 50, 60), ("c", 60, 70), ("a", 70, 100), ("d", 200, 205)]
        );
    }
}
