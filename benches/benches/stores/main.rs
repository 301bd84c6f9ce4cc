//! Stores on disk and on servers against `cached`'s, and on servers against their clients used by hand.
//!
//! `cargo xtask bench stores [disk|redis|memcached]`. It starts servers of its own.

mod disk;
mod memcached;
mod redis;

#[allow(dead_code, reason = "shared with tests of stores, which also harm servers")]
#[path = "../../../speedup-runtime/tests/store_servers/proxy.rs"]
mod proxy;
#[allow(dead_code, reason = "shared with tests of stores, which also harm servers")]
#[path = "../../../speedup-runtime/tests/store_servers/servers.rs"]
mod servers;

use speedup_benches::{Bars, machine};

/// Results of one run: as many as a middling recursion has.
const RESULTS: u64 = 10_000;
/// How many of them come together.
const GROUP: usize = 100;

/// The results: keys, and values of some fifty bytes.
fn results() -> Vec<((u64,), String)> {
    (0..RESULTS).map(|n| ((n * 7_919,), format!("{n:0>50}"))).collect()
}

fn main() {
    if disk::is_another_run() {
        return;
    }
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let is_chosen = |section: &str| words.is_empty() || words.iter().any(|word| word == section);
    println!("Measured on {}.\n", machine::description());
    let mut bars = Bars::new();
    if is_chosen("disk") {
        disk::section(&mut bars);
    }
    if is_chosen("redis") || is_chosen("memcached") {
        println!(
            "The servers run on the same machine. \"redis by hand\" is the `redis` crate with pipelines of `SET` and with `MGET`; its \
             values carry neither their key nor a checksum."
        );
    }
    if is_chosen("redis") {
        redis::section(&mut bars);
    }
    if is_chosen("memcached") {
        memcached::section();
    }
    println!("\n### Figures against their bars\n\n{bars}");
}
