//! How many of the requests are hits.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use speedup_benches::{Bars, Limit, black_box};

use crate::traces::{Trace, all};

pub fn run(bars: &mut Bars) {
    println!("### Hits of 100 requests\n");
    println!("| trace | requests | room | speedup | quick_cache | moka | LRU |\n|---|---:|---:|---:|---:|---:|---:|");
    for trace in all() {
        let [ours, quick, moka, lru] = [speedup(&trace), quick(&trace), moka(&trace), lru(&trace)];
        let (requests, room) = (trace.keys.len(), trace.room);
        println!("| {} | {requests} | {room} | {ours:.2} | {quick:.2} | {moka:.2} | {lru:.2} |", trace.name);
        let behind = quick.max(moka).max(lru) - ours;
        bars.check(&trace.name, "points behind the best", behind, Limit::AtMost(1.0));
        if trace.is_hard_for_lru {
            bars.check("", "points more than LRU", ours - lru, Limit::AtLeast(0.01));
        }
    }
    println!();
}

/// The hits of 100 requests by what tells whether one is a hit.
fn hits(trace: &Trace, mut is_hit: impl FnMut(u64) -> bool) -> f64 {
    let hits = trace.keys.iter().filter(|key| is_hit(**key)).count();
    100.0 * hits as f64 / trace.keys.len() as f64
}

fn speedup(trace: &Trace) -> f64 {
    let misses = Arc::new(AtomicUsize::new(0));
    let counted = misses.clone();
    let cache = speedup::Cache::from_fn(move |n: u64| {
        counted.fetch_add(1, Ordering::Relaxed);
        n
    })
    .capacity(trace.room as u64);
    trace.keys.iter().for_each(|key| _ = black_box(cache.get((*key,))));
    100.0 - 100.0 * misses.load(Ordering::Relaxed) as f64 / trace.keys.len() as f64
}

fn quick(trace: &Trace) -> f64 {
    let cache = quick_cache::sync::Cache::new(trace.room);
    hits(trace, |key| {
        let is_hit = cache.get(&key).is_some();
        if !is_hit {
            cache.insert(key, key);
        }
        is_hit
    })
}

fn moka(trace: &Trace) -> f64 {
    let cache = moka::sync::Cache::new(trace.room as u64);
    hits(trace, |key| {
        let is_hit = cache.get(&key).is_some();
        if !is_hit {
            cache.insert(key, key);
        }
        is_hit
    })
}

fn lru(trace: &Trace) -> f64 {
    let mut cache = lru::LruCache::new(NonZeroUsize::new(trace.room).unwrap_or(NonZeroUsize::MIN));
    hits(trace, |key| {
        let is_hit = cache.get(&key).is_some();
        if !is_hit {
            cache.put(key, key);
        }
        is_hit
    })
}
