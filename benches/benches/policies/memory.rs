//! How many bytes an entry takes.

use speedup_benches::{Bars, Limit, alloc, black_box};

use crate::mixed;

const ENTRIES: u64 = 1_000_000;

pub fn run(bars: &mut Bars) {
    println!("### Bytes an entry, u64 to u64, 1,000,000 entries at a capacity of as many\n");
    println!("| cache | entries | bytes an entry |\n|---|---:|---:|");
    let ours = bytes("speedup", || {
        let cache = speedup::Cache::from_fn(mixed).capacity(ENTRIES);
        (0..ENTRIES).for_each(|n| _ = black_box(cache.get((n,))));
        let len = cache.len();
        (cache, len)
    });
    bytes("quick_cache", || {
        let cache = quick_cache::sync::Cache::new(ENTRIES as usize);
        (0..ENTRIES).for_each(|n| cache.insert(n, mixed(n)));
        let len = cache.len();
        (cache, len)
    });
    bytes("moka", || {
        let cache = moka::sync::Cache::new(ENTRIES);
        (0..ENTRIES).for_each(|n| cache.insert(n, mixed(n)));
        cache.run_pending_tasks();
        let len = cache.entry_count() as usize;
        (cache, len)
    });
    println!();
    bars.check("1,000,000 entries, u64 to u64", "bytes an entry", ours, Limit::AtMost(48.0));
}

/// What a cache takes that was filled by the calling thread, an entry.
fn bytes<T>(name: &str, filled: impl FnOnce() -> (T, usize)) -> f64 {
    let (count, (cache, len)) = alloc::counted(filled);
    let bytes = count.bytes_kept as f64 / len as f64;
    println!("| {name} | {len} | {bytes:.1} |");
    drop(cache);
    bytes
}
