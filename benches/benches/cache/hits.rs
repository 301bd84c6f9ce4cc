//! What a hit costs: numbers, triples with large values, strings; on one thread and on two.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::Hash;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use salsa::DatabaseImpl;
use speedup_benches::{Bars, Contest, Limit, Outcome, Scramble, alloc, black_box, on_processors};

use crate::peers::{mixed, number, text, tracked, triple};

/// How many different keys there are.
const KEYS: usize = 4_096;

/// The forms of `cached` that threads can share.
const CACHED_SHARED: [&str; 3] = ["cached", "cached unsync_reads", "cached concurrent"];

pub fn run(bars: &mut Bars) {
    numbers(bars);
    asynchronous(bars);
    triples(bars);
    texts(bars);
}

/// The concurrent maps, filled by hand with the answers of `answer`.
struct Maps<K: Hash + Eq + Send + Sync + 'static, V: Clone + Send + Sync + 'static> {
    std: HashMap<K, V>,
    moka: moka::sync::Cache<K, V>,
    quick: quick_cache::sync::Cache<K, V>,
    dash: dashmap::DashMap<K, V>,
    papaya: papaya::HashMap<K, V>,
}

impl<K: Hash + Eq + Clone + Send + Sync + 'static, V: Clone + Send + Sync + 'static> Maps<K, V> {
    fn filled(keys: &[K], answer: impl Fn(&K) -> V) -> Self {
        let maps = Self {
            std: keys.iter().map(|key| (key.clone(), answer(key))).collect(),
            moka: moka::sync::Cache::new(1 << 20),
            quick: quick_cache::sync::Cache::new(1 << 20),
            dash: dashmap::DashMap::new(),
            papaya: papaya::HashMap::new(),
        };
        for (key, value) in &maps.std {
            maps.moka.insert(key.clone(), value.clone());
            maps.quick.insert(key.clone(), value.clone());
            maps.dash.insert(key.clone(), value.clone());
            maps.papaya.pin().insert(key.clone(), value.clone());
        }
        maps
    }
}

/// Asks for every key as often as told; every answer is used.
fn ask<K, V>(keys: &[K], passes: u64, answer: impl Fn(&K) -> V) {
    for _ in 0..passes {
        for key in keys {
            black_box(answer(black_box(key)));
        }
    }
}

fn numbers(bars: &mut Bars) {
    let keys: Vec<u64> = Scramble(1).take(KEYS * 2).map(|n| n % KEYS as u64).collect();
    let plain: Vec<u64> = (0..KEYS as u64).map(mixed).collect();
    let maps = Maps::filled(&(0..KEYS as u64).collect::<Vec<_>>(), |n| mixed(*n));
    let database = DatabaseImpl::new();
    let local = RefCell::new(maps.std.clone());
    let one = number_contest("hit, fn(u64) -> u64, one thread", &keys, &plain, &maps, 1)
        .looped("HashMap in a RefCell", |passes| ask(&keys, passes, |n| local.borrow()[n]))
        .looped("memoize", |passes| ask(&keys, passes, |n| number::memoize_default(*n)))
        .looped("salsa", |passes| {
            ask(&keys, passes, |n| tracked::number(&database, tracked::Number::new(&database, *n)))
        })
        .run();
    println!("{}", one.table("cached"));
    let two = number_contest("hit, fn(u64) -> u64, two threads on the same keys", &keys, &plain, &maps, 2).run();
    println!("{}", two.table("cached"));

    ask(&keys, 1, |n| number::ours(*n));
    let (count, ()) = alloc::counted(|| ask(&keys, 10, |n| number::ours(*n)));
    bars.check("hit, `fn(u64) -> u64`, one thread", "ns", one.median("speedup"), Limit::AtMost(3.0));
    bars.check("", "time over `cached`", one.ratio("speedup", "cached"), Limit::AtMost(0.25));
    bars.check("", "allocations in 81,920 hits", count.allocations as f64, Limit::AtMost(0.0));
    bars.check("hit, two threads", "throughput over `cached`", two.ratio("cached", "speedup"), Limit::AtLeast(15.0));
    let scaling = one.median("speedup") / two.median("speedup");
    bars.check("", "throughput over one thread", scaling, Limit::AtLeast(1.8));
}

/// A hit of an `async fn`, polled as an executor would poll it, against one of a plain function.
fn asynchronous(bars: &mut Bars) {
    let keys: Vec<u64> = Scramble(1).take(KEYS * 2).map(|n| n % KEYS as u64).collect();
    let outcome = Contest::new("hit, async fn(u64) -> u64, one thread", keys.len() as u64)
        .looped("speedup, plain fn", |passes| ask(&keys, passes, |n| number::ours(*n)))
        .looped("speedup", |passes| ask(&keys, passes, |n| polled(number::awaited(*n))))
        .run();
    println!("{}", outcome.table("speedup, plain fn"));
    let ratio = outcome.ratio("speedup", "speedup, plain fn");
    bars.check("hit, `async fn(u64) -> u64`", "time over a plain `fn`", ratio, Limit::AtMost(1.5));
}

/// The value of a future that rests nowhere.
fn polled<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("it rests nowhere"),
    }
}

/// The contenders that threads can share, each asked by `threads` threads at once; one operation is one answer to
/// anybody.
fn number_contest<'a>(
    work: &str,
    keys: &'a [u64],
    plain: &'a [u64],
    maps: &'a Maps<u64, u64>,
    threads: usize,
) -> Contest<'a> {
    fn asked<'a>(
        threads: usize,
        keys: &'a [u64],
        answer: impl Fn(&u64) -> u64 + Copy + Sync + 'a,
    ) -> impl FnMut(u64) + 'a {
        move |passes| match threads {
            1 => ask(keys, passes, answer),
            _ => on_processors(threads, |_| ask(keys, passes, answer)),
        }
    }
    Contest::new(work, (keys.len() * threads) as u64)
        .looped("Vec by hand", asked(threads, keys, |n| plain[*n as usize]))
        .looped("speedup", asked(threads, keys, |n| number::ours(*n)))
        .looped("cached", asked(threads, keys, |n| number::cached_default(*n)))
        .looped("cached unsync_reads", asked(threads, keys, |n| number::cached_unsync(*n)))
        .looped("cached mutex", asked(threads, keys, |n| number::cached_mutex(*n)))
        .looped("cached max_size", asked(threads, keys, |n| number::cached_max_size(*n)))
        .looped("cached ttl", asked(threads, keys, |n| number::cached_ttl(*n)))
        .looped("cached sync_writes", asked(threads, keys, |n| number::cached_sync_writes(*n)))
        .looped("cached concurrent", asked(threads, keys, |n| number::cached_concurrent(*n)))
        .looped("cached concurrent max_size", asked(threads, keys, |n| number::cached_concurrent_max_size(*n)))
        .looped("memoize SharedCache", asked(threads, keys, |n| number::memoize_shared(*n)))
        .looped("moka get", asked(threads, keys, |n| maps.moka.get(n).unwrap_or(0)))
        .looped("moka get_with", asked(threads, keys, |n| maps.moka.get_with(*n, || mixed(*n))))
        .looped("quick_cache", asked(threads, keys, |n| maps.quick.get(n).unwrap_or(0)))
        .looped("dashmap", asked(threads, keys, |n| maps.dash.get(n).map_or(0, |value| *value)))
        .looped("papaya", asked(threads, keys, |n| maps.papaya.pin().get(n).copied().unwrap_or(0)))
}

fn triples(bars: &mut Bars) {
    let keys: Vec<(u64, u64, u64)> = Scramble(2).take(KEYS).map(|n| (n % 16, (n >> 8) % 16, (n >> 16) % 16)).collect();
    let maps = Maps::filled(&keys, |&(a, b, c)| triple::large(a, b, c));
    let database = DatabaseImpl::new();
    let outcome = Contest::new("hit, (u64, u64, u64) -> Arc of 1,000 numbers", KEYS as u64)
        .looped("HashMap", |passes| ask(&keys, passes, |key| maps.std.get(key).cloned()))
        .looped("speedup", |passes| ask(&keys, passes, |&(a, b, c)| triple::ours(a, b, c)))
        .looped("cached", |passes| ask(&keys, passes, |&(a, b, c)| triple::cached_default(a, b, c)))
        .looped("cached unsync_reads", |passes| ask(&keys, passes, |&(a, b, c)| triple::cached_unsync(a, b, c)))
        .looped("cached concurrent", |passes| ask(&keys, passes, |&(a, b, c)| triple::cached_concurrent(a, b, c)))
        .looped("memoize", |passes| ask(&keys, passes, |&(a, b, c)| triple::memoize_default(a, b, c)))
        .looped("moka get", |passes| ask(&keys, passes, |key| maps.moka.get(key)))
        .looped("quick_cache", |passes| ask(&keys, passes, |key| maps.quick.get(key)))
        .looped("dashmap", |passes| ask(&keys, passes, |key| maps.dash.get(key).map(|value| value.clone())))
        .looped("papaya", |passes| ask(&keys, passes, |key| maps.papaya.pin().get(key).cloned()))
        .looped("salsa", |passes| {
            ask(&keys, passes, |key| tracked::large(&database, tracked::Triple::new(&database, *key)))
        })
        .run();
    let (count, ()) = alloc::counted(|| ask(&keys, 10, |&(a, b, c)| triple::ours(a, b, c)));
    report(bars, &outcome, "hit, `(u64, u64, u64)` key, large values", 0.6, count);
}

fn texts(bars: &mut Bars) {
    let keys: Vec<String> = Scramble(3).take(KEYS).map(|n| format!("{n:020}")).collect();
    let maps = Maps::filled(&keys, |key| text::measured(key));
    let database = DatabaseImpl::new();
    let outcome = Contest::new("hit, fn(&str) -> u64, 20 bytes", KEYS as u64)
        .looped("HashMap", |passes| ask(&keys, passes, |key| maps.std.get(key.as_str()).copied()))
        .looped("speedup", |passes| ask(&keys, passes, |key| text::ours(key)))
        .looped("cached", |passes| ask(&keys, passes, |key| text::cached_default(key)))
        .looped("cached unsync_reads", |passes| ask(&keys, passes, |key| text::cached_unsync(key)))
        .looped("cached concurrent", |passes| ask(&keys, passes, |key| text::cached_concurrent(key)))
        .looped("memoize", |passes| ask(&keys, passes, |key| text::memoize_default(key.clone())))
        .looped("moka get", |passes| ask(&keys, passes, |key| maps.moka.get(key.as_str())))
        .looped("quick_cache", |passes| ask(&keys, passes, |key| maps.quick.get(key.as_str())))
        .looped("dashmap", |passes| ask(&keys, passes, |key| maps.dash.get(key.as_str()).map(|value| *value)))
        .looped("papaya", |passes| ask(&keys, passes, |key| maps.papaya.pin().get(key.as_str()).copied()))
        .looped("salsa", |passes| {
            ask(&keys, passes, |key| tracked::text(&database, tracked::Text::new(&database, key.as_str())))
        })
        .run();
    let (count, ()) = alloc::counted(|| ask(&keys, 10, |key| text::ours(key)));
    report(bars, &outcome, "hit, `&str` argument of 20 bytes", 0.8, count);
}

fn report(bars: &mut Bars, outcome: &Outcome, work: &str, limit: f64, count: alloc::Count) {
    let (best, time) = outcome.best(&CACHED_SHARED);
    println!("{}", outcome.table(best));
    let figure = format!("time over `{best}`, the best shared form of `cached`");
    bars.check(work, &figure, outcome.median("speedup") / time, Limit::AtMost(limit));
    bars.check("", "allocations in 40,960 hits", count.allocations as f64, Limit::AtMost(0.0));
}
