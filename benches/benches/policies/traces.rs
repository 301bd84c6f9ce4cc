//! Which keys are asked for, one after the other.

use speedup_benches::Scramble;

/// A trace, and how many values there is room for.
pub struct Trace {
    pub name: String,
    pub keys: Vec<u64>,
    pub room: usize,
    /// Whether it is one on which an exact LRU does badly.
    pub is_hard_for_lru: bool,
}

/// How many requests a trace has.
const REQUESTS: usize = 500_000;
/// How many keys the traces of Zipf have.
const KEYS: usize = 100_000;

pub fn all() -> Vec<Trace> {
    let mut traces = Vec::new();
    for skew in [0.7, 0.9, 1.1] {
        let keys: Vec<u64> = Zipf::new(KEYS, skew).take(REQUESTS).collect();
        for percent in [1, 10] {
            let name = format!("Zipf {skew}, room for {percent} % of the keys");
            traces.push(Trace { name, keys: keys.clone(), room: KEYS * percent / 100, is_hard_for_lru: false });
        }
    }
    traces.push(Trace { name: "Zipf 0.9 with scans".into(), keys: scans(), room: KEYS / 10, is_hard_for_lru: true });
    let looped = (0..REQUESTS as u64).map(|n| n % 12_000).collect();
    traces.push(Trace { name: "loop of 1.2 times the room".into(), keys: looped, room: 10_000, is_hard_for_lru: true });
    traces.push(Trace {
        name: "working set that shifts".into(),
        keys: shifting(),
        room: 5_000,
        is_hard_for_lru: false,
    });
    traces
}

/// Of 20,000 requests, 10,000 go through keys that nobody else asks for.
fn scans() -> Vec<u64> {
    let mut fresh = 1 << 32..;
    let mut zipf = Zipf::new(KEYS, 0.9);
    let mut keys = Vec::with_capacity(REQUESTS);
    while keys.len() < REQUESTS {
        keys.extend(zipf.by_ref().take(10_000));
        keys.extend(fresh.by_ref().take(10_000));
    }
    keys
}

/// Of 10,000 keys, a quarter is exchanged every 50,000 requests.
fn shifting() -> Vec<u64> {
    let zipf = Zipf::new(10_000, 0.9).take(REQUESTS);
    zipf.enumerate().map(|(at, key)| key % 10_000 + (at / 50_000 * 2_500) as u64).collect()
}

/// An endless stream of keys, the `n`th of which is asked for in proportion to `n` to the power of minus the skew.
struct Zipf {
    sums: Vec<f64>,
    random: Scramble,
}

impl Zipf {
    fn new(keys: usize, skew: f64) -> Self {
        let mut sum = 0.0;
        let sums = (1..=keys).map(|n| {
            sum += (n as f64).powf(-skew);
            sum
        });
        Self { sums: sums.collect(), random: Scramble(7) }
    }
}

impl Iterator for Zipf {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let part = self.random.next()? as f64 / u64::MAX as f64;
        let sought = part * self.sums.last()?;
        // Scattered, so that no cache gains by keys in a row.
        Some((self.sums.partition_point(|sum| *sum < sought) as u64).wrapping_mul(0x9e37_79b1) % (1 << 32))
    }
}
