//! A cheap recursion over a grid, with parallelism on: it must cost what a table costs.

use std::collections::HashMap;
use std::hash::Hash;

use salsa::DatabaseImpl;
use speedup_benches::{Bars, Contest, Limit, black_box};

use crate::peers::{grid, tracked};

const SIDE: u32 = 900;

pub fn run(bars: &mut Bars) {
    let corner = (SIDE - 1, SIDE - 1);
    let outcome = Contest::new("900 x 900 grid recursion, (u32, u32) keys", u64::from(SIDE * SIDE))
        .rounds(7)
        .once("Vec by hand, same recursion", || {
            let mut table = vec![None; (SIDE * SIDE) as usize];
            black_box(by_vec(&mut table, corner.0, corner.1));
        })
        .once("HashMap by hand", || {
            black_box(by_map(&mut HashMap::new(), corner.0, corner.1));
        })
        .once("speedup", || {
            grid::OURS.clear();
            black_box(grid::ours(corner.0, corner.1));
        })
        .once("speedup sequential", || {
            grid::OURS_SEQUENTIAL.clear();
            black_box(grid::ours_sequential(corner.0, corner.1));
        })
        .once("cached", || {
            *grid::CACHED_DEFAULT.write() = cached::UnboundCache::builder().build().expect("an unbound cache");
            black_box(grid::cached_default(corner.0, corner.1));
        })
        .once("cached concurrent", || {
            grid::CACHED_CONCURRENT.clear();
            black_box(grid::cached_concurrent(corner.0, corner.1));
        })
        .once("memoize", || {
            grid::memoized_flush_memoize_default();
            black_box(grid::memoize_default(corner.0, corner.1));
        })
        .once("dashmap", || {
            black_box(shared(&dashmap::DashMap::new(), corner));
        })
        .once("papaya", || {
            black_box(shared(&papaya::HashMap::new(), corner));
        })
        .once("quick_cache", || {
            black_box(shared(&quick_cache::sync::Cache::new(4 << 20), corner));
        })
        .once("moka", || {
            black_box(shared(&moka::sync::Cache::new(4 << 20), corner));
        })
        .once("salsa", || {
            let database = DatabaseImpl::new();
            black_box(tracked::grid(&database, tracked::Cell::new(&database, corner)));
        })
        .run();
    println!("{}", outcome.table("Vec by hand, same recursion"));
    let work = "900 x 900 grid recursion, cheap body";
    let vec = outcome.ratio("speedup", "Vec by hand, same recursion");
    bars.check(work, "time over a `Vec` table", vec, Limit::AtMost(1.5));
    bars.check("", "time over `HashMap`", outcome.ratio("speedup", "HashMap by hand"), Limit::AtMost(0.3));
}

fn by_vec(table: &mut [Option<u64>], i: u32, j: u32) -> u64 {
    let index = (i * SIDE + j) as usize;
    if let Some(value) = table[index] {
        return value;
    }
    let value = if i == 0 || j == 0 { 1 } else { by_vec(table, i - 1, j).wrapping_add(by_vec(table, i, j - 1)) };
    table[index] = Some(value);
    value
}

fn by_map(table: &mut HashMap<(u32, u32), u64>, i: u32, j: u32) -> u64 {
    if let Some(value) = table.get(&(i, j)) {
        return *value;
    }
    let value = if i == 0 || j == 0 { 1 } else { by_map(table, i - 1, j).wrapping_add(by_map(table, i, j - 1)) };
    table.insert((i, j), value);
    value
}

/// A map that threads can share, asked and filled as people do by hand.
trait Shared<K: Hash + Eq> {
    fn look(&self, key: &K) -> Option<u64>;
    fn keep(&self, key: K, value: u64);
}

impl<K: Hash + Eq> Shared<K> for dashmap::DashMap<K, u64> {
    fn look(&self, key: &K) -> Option<u64> {
        self.get(key).map(|value| *value)
    }

    fn keep(&self, key: K, value: u64) {
        self.insert(key, value);
    }
}

impl<K: Hash + Eq> Shared<K> for papaya::HashMap<K, u64> {
    fn look(&self, key: &K) -> Option<u64> {
        self.pin().get(key).copied()
    }

    fn keep(&self, key: K, value: u64) {
        self.pin().insert(key, value);
    }
}

impl<K: Hash + Eq> Shared<K> for quick_cache::sync::Cache<K, u64> {
    fn look(&self, key: &K) -> Option<u64> {
        self.get(key)
    }

    fn keep(&self, key: K, value: u64) {
        self.insert(key, value);
    }
}

impl<K: Hash + Eq + Send + Sync + 'static> Shared<K> for moka::sync::Cache<K, u64> {
    fn look(&self, key: &K) -> Option<u64> {
        self.get(key)
    }

    fn keep(&self, key: K, value: u64) {
        self.insert(key, value);
    }
}

fn shared(table: &impl Shared<(u32, u32)>, (i, j): (u32, u32)) -> u64 {
    if let Some(value) = table.look(&(i, j)) {
        return value;
    }
    let value = if i == 0 || j == 0 { 1 } else { shared(table, (i - 1, j)).wrapping_add(shared(table, (i, j - 1))) };
    table.keep((i, j), value);
    value
}
