//! One recursion, computed by as many processes as you like, each key once between them.
//!
//! Start a Redis server, and then this in as many terminals, or on as many machines, as you like:
//! `cargo run --release --features redis --example cluster [-- SIDE [redis://HOST:PORT]]`.
//! Each line that is aligned costs 20 ms here, by sleeping; the last process to come ends with the first.

#![allow(clippy::print_stdout, reason = "an example shows its results")]

use std::env;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use speedup::cache;
use speedup::store::{Error, RedisStore};

/// Calls that this process has computed.
static COMPUTED: AtomicU64 = AtomicU64::new(0);

/// Where the processes meet. The name says whose results they are: change it with the function.
fn meeting_point() -> Result<RedisStore<(u32, u32), u64>, Error> {
    let server = env::args().nth(2).unwrap_or_else(|| "redis://127.0.0.1:6379".to_owned());
    RedisStore::builder(server, "examples/cluster v1").cooperate().ttl(Duration::from_secs(600)).open()
}

/// In how many ways two texts of these lengths can be aligned (Delannoy), modulo a prime.
#[cache(store = meeting_point())]
fn alignments(rows: u32, columns: u32) -> u64 {
    if rows == 0 || columns == 0 {
        return 1;
    }
    let (above, left, across) =
        (alignments(rows - 1, columns), alignments(rows, columns - 1), alignments(rows - 1, columns - 1));
    thread::sleep(Duration::from_millis(20));
    COMPUTED.fetch_add(1, Ordering::Relaxed);
    (above + left + across) % 1_000_000_007
}

/// The number for a square of this side, and the calls that this process has computed for it.
pub(crate) fn run(side: u32) -> (u64, u64) {
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} results are known here  {elapsed}");
    let bar = ProgressBar::new(u64::from(side + 1).pow(2));
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let value = thread::scope(|scope| {
        let computes = scope.spawn(|| alignments(side, side));
        while !computes.is_finished() {
            bar.set_position(ALIGNMENTS.len() as u64);
            thread::sleep(Duration::from_millis(50));
        }
        computes.join()
    });
    bar.finish_and_clear();
    (value.expect("the recursion does not panic"), COMPUTED.load(Ordering::Relaxed))
}

pub(crate) fn main() {
    let side = env::args().nth(1).and_then(|side| side.parse().ok()).unwrap_or(24);
    let began = Instant::now();
    let (value, computed) = run(side);
    let stats = ALIGNMENTS.stats();
    println!("{value} alignments, modulo 1,000,000,007, after {:.1} s", began.elapsed().as_secs_f64());
    println!("computed here {computed}, by others or before {}, of {}", stats.store_hits, ALIGNMENTS.len());
    println!("{}", speedup::report());
    if stats.store_errors > 0 {
        println!("the server failed {} times: what it would have known was computed here", stats.store_errors);
    }
}
