//! What a hit costs where there is a bound or an age.

use cached::macros::cached;
use speedup_benches::{Bars, Contest, Limit, Scramble, black_box, on_threads};

use crate::mixed;

/// How many different keys there are. All of them are hot.
const KEYS: u64 = 4_096;
const ROOM: usize = 1 << 20;

#[speedup::cache]
fn plain(n: u64) -> u64 {
    mixed(n)
}

#[speedup::cache(capacity = 1_048_576)]
fn bounded(n: u64) -> u64 {
    mixed(n)
}

#[speedup::cache(ttl = "1h")]
fn aging(n: u64) -> u64 {
    mixed(n)
}

#[cached(ttl_secs = 3600)]
fn cached_aging(n: u64) -> u64 {
    mixed(n)
}

pub fn run(bars: &mut Bars) {
    let keys: Vec<u64> = Scramble(1).take(2 * KEYS as usize).map(|n| n % KEYS).collect();
    let one = capacity(&keys, 1);
    let two = capacity(&keys, 2);
    bars.check(
        "hit, `capacity`, one thread",
        "time over quick_cache",
        one.ratio("speedup", "quick_cache"),
        Limit::AtMost(0.7),
    );
    let gain = two.ratio("quick_cache", "speedup");
    bars.check("hit, `capacity`, two threads on hot keys", "throughput over quick_cache", gain, Limit::AtLeast(4.0));
    let ages = Contest::new("hit, `ttl`, fn(u64) -> u64, one thread", keys.len() as u64)
        .looped("speedup, no policy", |passes| ask(&keys, passes, plain))
        .looped("speedup", |passes| ask(&keys, passes, aging))
        .looped("cached", |passes| ask(&keys, passes, cached_aging))
        .run();
    println!("{}", ages.table("speedup, no policy"));
    bars.check("hit, `ttl`", "time over no policy", ages.ratio("speedup", "speedup, no policy"), Limit::AtMost(1.5));
    bars.check("", "time over `cached` with `ttl`", ages.ratio("speedup", "cached"), Limit::AtMost(0.3));
}

fn capacity(keys: &[u64], threads: usize) -> speedup_benches::Outcome {
    let quick = quick_cache::sync::Cache::new(ROOM);
    let moka = moka::sync::Cache::new(ROOM as u64);
    for key in 0..KEYS {
        quick.insert(key, mixed(key));
        moka.insert(key, mixed(key));
    }
    let work = format!("hit, `capacity`, fn(u64) -> u64, threads: {threads}");
    let outcome = Contest::new(&work, (keys.len() * threads) as u64)
        .looped("speedup, no policy", |passes| all_ask(threads, keys, passes, plain))
        .looped("speedup", |passes| all_ask(threads, keys, passes, bounded))
        .looped("quick_cache", |passes| all_ask(threads, keys, passes, |n| quick.get(&n).unwrap_or_default()))
        .looped("moka", |passes| all_ask(threads, keys, passes, |n| moka.get(&n).unwrap_or_default()))
        .run();
    println!("{}", outcome.table("quick_cache"));
    outcome
}

fn all_ask(threads: usize, keys: &[u64], passes: u64, answer: impl Fn(u64) -> u64 + Sync) {
    match threads {
        1 => ask(keys, passes, answer),
        _ => on_threads(threads, |_| ask(keys, passes, &answer)),
    }
}

/// Asks for every key as often as told; every answer is used.
fn ask(keys: &[u64], passes: u64, answer: impl Fn(u64) -> u64) {
    for _ in 0..passes {
        for key in keys {
            black_box(answer(black_box(*key)));
        }
    }
}
