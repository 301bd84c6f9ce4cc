//! What a miss costs, and how many bytes an entry: a million keys, dense and random.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use cached::macros::{cached, concurrent_cached};
use memoize::memoize;
use salsa::DatabaseImpl;
use speedup::Cache;
use speedup_benches::{Bars, Contest, Limit, Scramble, alloc, black_box};

use crate::peers::{mixed, tracked};

const KEYS: usize = 1_000_000;

#[cached]
fn cached_default(n: u64) -> u64 {
    mixed(n)
}

#[cached(unsync_reads = true)]
fn cached_unsync(n: u64) -> u64 {
    mixed(n)
}

#[concurrent_cached]
fn cached_concurrent(n: u64) -> u64 {
    mixed(n)
}

#[memoize]
fn memoize_default(n: u64) -> u64 {
    mixed(n)
}

pub fn run(bars: &mut Bars) {
    let dense: Vec<u64> = (0..KEYS as u64).collect();
    let random: Vec<u64> = Scramble(4).take(KEYS).collect();
    contest(bars, "dense", &dense, (0.2, 16.0));
    contest(bars, "random", &random, (0.8, 40.0));
}

/// Asks for every key of an empty table, and says how long that took; making and dropping the table do not count.
fn filled<T>(keys: &[u64], table: T, answer: impl Fn(&T, u64) -> u64) -> Duration {
    let start = Instant::now();
    for key in keys {
        black_box(answer(&table, *key));
    }
    start.elapsed()
}

fn contest(bars: &mut Bars, kind: &str, keys: &[u64], (time, bytes): (f64, f64)) {
    let outcome = Contest::new(&format!("1,000,000 misses, {kind} u64 keys"), KEYS as u64)
        .rounds(5)
        .timed("speedup", || filled(keys, Cache::from_fn(mixed), ask))
        .timed("HashMap", || {
            let start = Instant::now();
            let mut table = HashMap::new();
            for key in keys {
                black_box(*table.entry(*key).or_insert_with(|| mixed(*key)));
            }
            let elapsed = start.elapsed();
            drop(table);
            elapsed
        })
        .timed("cached", || {
            *CACHED_DEFAULT.write() = cached::UnboundCache::builder().build().expect("an unbound cache");
            filled(keys, (), |(), n| cached_default(n))
        })
        .timed("cached unsync_reads", || {
            *CACHED_UNSYNC.write() = cached::UnboundCache::builder().build().expect("an unbound cache");
            filled(keys, (), |(), n| cached_unsync(n))
        })
        .timed("cached concurrent", || {
            CACHED_CONCURRENT.clear();
            filled(keys, (), |(), n| cached_concurrent(n))
        })
        .timed("memoize", || {
            memoized_flush_memoize_default();
            filled(keys, (), |(), n| memoize_default(n))
        })
        .timed("moka get_with", || {
            filled(keys, moka::sync::Cache::new(4 << 20), |table, n| table.get_with(n, || mixed(n)))
        })
        .timed("quick_cache", || {
            filled(keys, quick_cache::sync::Cache::new(4 << 20), |table, n| {
                table.get_or_insert_with(&n, || Ok::<_, ()>(mixed(n))).unwrap_or(0)
            })
        })
        .timed("dashmap", || {
            filled(keys, dashmap::DashMap::new(), |table, n| *table.entry(n).or_insert_with(|| mixed(n)))
        })
        .timed("papaya", || {
            filled(keys, papaya::HashMap::new(), |table, n| *table.pin().get_or_insert_with(n, || mixed(n)))
        })
        .timed("salsa", || filled(keys, DatabaseImpl::new(), |db, n| tracked::number(db, tracked::Number::new(db, n))))
        .run();
    println!("{}", outcome.table("cached"));

    let table = Cache::from_fn(mixed);
    let (count, ()) = alloc::counted(|| {
        for key in keys {
            black_box(ask(&table, *key));
        }
    });
    let work = format!("1,000,000 misses, {kind} `u64` keys");
    bars.check(&work, "time over `cached`", outcome.ratio("speedup", "cached"), Limit::AtMost(time));
    bars.check("", "bytes an entry", count.bytes_kept as f64 / KEYS as f64, Limit::AtMost(bytes));
}

fn ask(table: &Cache<(u64,), u64>, n: u64) -> u64 {
    table.get((n,))
}
