//! What a miss costs that puts another value out, on two threads.

use speedup_benches::{Bars, Contest, Limit, Scramble, black_box, on_threads};

use crate::mixed;

const ROOM: usize = 10_000;
/// How many requests each thread makes in a round.
const REQUESTS: usize = 50_000;

#[speedup::cache(capacity = 10_000)]
fn bounded(n: u64) -> u64 {
    mixed(n)
}

pub fn run(bars: &mut Bars) {
    let quick = quick_cache::sync::Cache::new(ROOM);
    let moka = moka::sync::Cache::new(ROOM as u64);
    let compute = |n: &u64| Ok::<_, std::convert::Infallible>(mixed(*n));
    let outcome = Contest::new("miss that puts a value out, two threads", 2 * REQUESTS as u64)
        .rounds(7)
        .once("speedup", || ask(bounded))
        .once("quick_cache", || ask(|n| quick.get_or_insert_with(&n, || compute(&n)).unwrap_or_default()))
        .once("moka", || ask(|n| moka.get_with(n, || mixed(n))))
        .run();
    println!("{}", outcome.table("quick_cache"));
    let over = |peer| outcome.ratio(peer, "speedup");
    bars.check(
        "miss that puts a value out, two threads",
        "throughput over quick_cache",
        over("quick_cache"),
        Limit::AtLeast(1.0),
    );
    bars.check("", "throughput over moka", over("moka"), Limit::AtLeast(3.0));
}

/// Each thread asks for keys of its own, of which there are a hundred times as many as there is room for.
fn ask(answer: impl Fn(u64) -> u64 + Sync) {
    on_threads(2, |thread| {
        for n in Scramble(thread as u64).take(REQUESTS) {
            black_box(answer(n % 1_000_000 * 2 + thread as u64));
        }
    });
}
