//! Three recursions whose work is a sleep, so that a machine of few cores shows what many would do.

use std::env;
use std::io::Write as _;
use std::thread;
use std::time::Duration;

use speedup::cache;
use speedup::store::{Error, RedisStore};

/// Names the server.
pub const SERVER: &str = "SPEEDUP_REDIS";
/// How long a claim lasts without being renewed.
pub const LEASE: Duration = Duration::from_secs(1);

/// A store on the server that the environment names.
fn store<K, V>(name: &str) -> Result<RedisStore<K, V>, Error>
where
    K: serde::Serialize + serde::de::DeserializeOwned,
    V: serde::Serialize + serde::de::DeserializeOwned,
{
    let server = env::var(SERVER).unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned());
    RedisStore::builder(server, name).cooperate().lease(LEASE).open()
}

/// Works for this long, and tells the parent of a computation.
fn work(milliseconds: u64) {
    thread::sleep(Duration::from_millis(milliseconds));
    let mut out = std::io::stdout().lock();
    // A parent that is gone does not count.
    let _ = writeln!(out, "computed").and_then(|()| out.flush());
}

/// Paths to a point of a grid, modulo a prime: 5 ms a point.
#[cache(store = store("grid"))]
fn grid(x: u32, y: u32) -> u64 {
    if x == 0 || y == 0 {
        work(5);
        return 1;
    }
    let (left, below) = (grid(x - 1, y), grid(x, y - 1));
    work(5);
    (left + below) % 1_000_000_007
}

/// A random directed graph: 20 ms a node, each of which needs up to three before it.
#[cache(store = store("graph"))]
fn graph(node: u32) -> u64 {
    let sum: u64 = needs(node).into_iter().map(|need| graph(need) % 1_000_000_007).sum();
    work(20);
    (sum + u64::from(node)) % 1_000_000_007
}

/// The nodes that one needs.
fn needs(node: u32) -> Vec<u32> {
    let mut state = u64::from(node).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut needs: Vec<u32> = (0..3)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            1 + (state % 60) as u32
        })
        .filter(|back| *back <= node)
        .map(|back| node - back)
        .collect();
    needs.sort_unstable();
    needs.dedup();
    needs
}

/// The best value of the first items in a knapsack: 5 ms a call.
#[cache(store = store("knapsack"))]
fn knapsack(items: u32, room: u32) -> u64 {
    let Some(item) = items.checked_sub(1) else {
        work(5);
        return 0;
    };
    let (weight, value) = (2 + item * 7 % 5, u64::from(3 + item * 11 % 13));
    let without = knapsack(item, room);
    let with = if weight <= room { knapsack(item, room - weight) + value } else { 0 };
    work(5);
    without.max(with)
}

/// The value of a recursion, computed by this process and whoever does the same.
///
/// # Panics
/// If there is no recursion of this name.
#[must_use]
pub fn value(name: &str, size: u32) -> u64 {
    match name {
        "grid" => grid(size, size),
        "graph" => graph(size),
        "knapsack" => knapsack(size, 4 * size),
        other => panic!("no recursion {other}"),
    }
}

/// The same without any of that, and the number of its distinct calls.
///
/// # Panics
/// If there is no recursion of this name.
#[must_use]
pub fn by_hand(name: &str, size: u32) -> (u64, usize) {
    use std::collections::HashMap;

    fn grid(known: &mut HashMap<(u32, u32), u64>, (x, y): (u32, u32)) -> u64 {
        if let Some(value) = known.get(&(x, y)) {
            return *value;
        }
        let is_edge = x == 0 || y == 0;
        let value = if is_edge { 1 } else { (grid(known, (x - 1, y)) + grid(known, (x, y - 1))) % 1_000_000_007 };
        known.insert((x, y), value);
        value
    }
    fn graph(known: &mut HashMap<(u32, u32), u64>, node: u32) -> u64 {
        if let Some(value) = known.get(&(node, 0)) {
            return *value;
        }
        let sum: u64 = needs(node).into_iter().map(|need| graph(known, need) % 1_000_000_007).sum();
        let value = (sum + u64::from(node)) % 1_000_000_007;
        known.insert((node, 0), value);
        value
    }
    fn knapsack(known: &mut HashMap<(u32, u32), u64>, items: u32, room: u32) -> u64 {
        if let Some(value) = known.get(&(items, room)) {
            return *value;
        }
        let best = items.checked_sub(1).map_or(0, |item| {
            let (weight, value) = (2 + item * 7 % 5, u64::from(3 + item * 11 % 13));
            let without = knapsack(known, item, room);
            let with = if weight <= room { knapsack(known, item, room - weight) + value } else { 0 };
            without.max(with)
        });
        known.insert((items, room), best);
        best
    }

    let mut known = HashMap::new();
    let value = match name {
        "grid" => grid(&mut known, (size, size)),
        "graph" => graph(&mut known, size),
        "knapsack" => knapsack(&mut known, size, 4 * size),
        other => panic!("no recursion {other}"),
    };
    (value, known.len())
}
