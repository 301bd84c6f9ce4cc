//! Three recursions whose work is a sleep, so that a machine of few cores shows what many would do.

use std::collections::HashMap;
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
/// Has all calls claimed.
pub const CLAIM_ALL: &str = "SPEEDUP_CLAIM_ALL";
/// Has claims last for so many seconds, and the server be waited for as long as it takes.
pub const PATIENT: &str = "SPEEDUP_PATIENT";

/// A store on the server that the environment names.
fn store<K, V>(name: &str) -> Result<RedisStore<K, V>, Error>
where
    K: serde::Serialize + serde::de::DeserializeOwned,
    V: serde::Serialize + serde::de::DeserializeOwned,
{
    let server = env::var(SERVER).unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned());
    let store = RedisStore::builder(server, name);
    let store = if env::var_os(CLAIM_ALL).is_some() { store.claim_all() } else { store.cooperate() };
    match env::var(PATIENT).ok().and_then(|seconds| seconds.parse().ok()) {
        None => store.lease(LEASE).open(),
        Some(seconds) => store.lease(Duration::from_secs(seconds)).timeout(Duration::from_secs(60)).open(),
    }
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
    let without = knapsack(item, room);
    let with = if weight(item) <= room { knapsack(item, room - weight(item)) + worth(item) } else { 0 };
    work(5);
    without.max(with)
}

fn weight(item: u32) -> u32 {
    2 + item * 7 % 5
}

fn worth(item: u32) -> u64 {
    u64::from(3 + item * 11 % 13)
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

/// One of the recursions as a description: what each call needs, and what becomes of that.
#[derive(Clone, Copy, Debug)]
pub struct Recursion {
    /// The outermost call.
    pub root: Key,
    /// How long a call works by itself.
    pub work: Duration,
    /// The calls that a call needs, in their order.
    pub needs: fn(Key) -> Vec<Key>,
    /// The value of a call, by those of the calls that it needs.
    pub value: fn(Key, &[u64]) -> u64,
}

/// The arguments of a call; of a function of one argument, the second is 0.
pub type Key = (u32, u32);

impl Recursion {
    /// The recursion that [`value`] computes.
    ///
    /// # Panics
    /// If there is none of this name.
    #[must_use]
    pub fn of(name: &str, size: u32) -> Self {
        match name {
            "grid" => Self {
                root: (size, size),
                work: Duration::from_millis(5),
                needs: |(x, y)| if x == 0 || y == 0 { Vec::new() } else { vec![(x - 1, y), (x, y - 1)] },
                value: |_, needed| if needed.is_empty() { 1 } else { needed.iter().sum::<u64>() % 1_000_000_007 },
            },
            "graph" => Self {
                root: (size, 0),
                work: Duration::from_millis(20),
                needs: |(node, _)| needs(node).into_iter().map(|need| (need, 0)).collect(),
                value: |(node, _), needed| {
                    let sum: u64 = needed.iter().map(|value| value % 1_000_000_007).sum();
                    (sum + u64::from(node)) % 1_000_000_007
                },
            },
            "knapsack" => Self {
                root: (size, 4 * size),
                work: Duration::from_millis(5),
                needs: |(items, room)| match items.checked_sub(1) {
                    None => Vec::new(),
                    Some(item) if weight(item) <= room => vec![(item, room), (item, room - weight(item))],
                    Some(item) => vec![(item, room)],
                },
                value: |(items, _), needed| match needed {
                    [] => 0,
                    [without] => *without,
                    [without, with, ..] => *without.max(&(with + worth(items - 1))),
                },
            },
            other => panic!("no recursion {other}"),
        }
    }

    /// Its value, computed by hand, and the number of its distinct calls.
    #[must_use]
    pub fn by_hand(&self) -> (u64, usize) {
        let mut known = HashMap::new();
        let value = self.known(&mut known, self.root);
        (value, known.len())
    }

    fn known(&self, known: &mut HashMap<Key, u64>, key: Key) -> u64 {
        if let Some(value) = known.get(&key) {
            return *value;
        }
        let needed: Vec<u64> = (self.needs)(key).into_iter().map(|need| self.known(known, need)).collect();
        let value = (self.value)(key, &needed);
        known.insert(key, value);
        value
    }
}
