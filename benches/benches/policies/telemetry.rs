//! What it costs that somebody looks on: a subscriber of `tracing` that takes every span and does nothing with it. This program is built
//! with `tracing` and `metrics`; in all its other sections nobody looks on.

use std::time::Instant;

use speedup_benches::{Bars, Contest, Limit, Outcome, black_box};
use tracing::{Dispatch, Event, Metadata, Subscriber, dispatcher, span};

use crate::mixed;

/// How many keys are asked for.
const KEYS: u64 = 4_096;

#[speedup::cache]
fn plain(n: u64) -> u64 {
    mixed(n)
}

pub fn run(bars: &mut Bars) {
    // Before there is a subscriber: the level that `tracing` keeps for all stays where the first one has put it.
    let off = [hits("nobody looks on"), calls("nobody looks on")];
    let on = dispatcher::with_default(&Dispatch::new(Everything), || [hits("with `tracing`"), calls("with `tracing`")]);
    let more = |at: usize| on[at].median("speedup") - off[at].median("speedup");
    bars.check("hit, with `tracing`", "nanoseconds more", more(0), Limit::AtMost(20.0));
    bars.check("call, with `tracing`", "nanoseconds more", more(1), Limit::AtMost(300.0));
}

fn hits(who: &str) -> Outcome {
    (0..KEYS).for_each(|n| _ = plain(n));
    let ask = |passes| (0..passes).for_each(|_| (0..KEYS).for_each(|n| _ = black_box(plain(black_box(n)))));
    let outcome = Contest::new(&format!("hit, {who}"), KEYS).looped("speedup", ask).run();
    println!("{}", outcome.table("speedup"));
    outcome
}

fn calls(who: &str) -> Outcome {
    let call = || {
        PLAIN.clear();
        let start = Instant::now();
        (0..KEYS).for_each(|n| _ = black_box(plain(black_box(n))));
        start.elapsed()
    };
    let outcome = Contest::new(&format!("call of next to nothing, {who}"), KEYS).timed("speedup", call).run();
    println!("{}", outcome.table("speedup"));
    outcome
}

/// Takes everything, and does nothing with it.
struct Everything;

impl Subscriber for Everything {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}
