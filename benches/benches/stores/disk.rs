//! `DiskStore` and `#[cache(disk)]` against `cached`'s redb store, and what the next run has of it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cached::macros::concurrent_cached;
use cached::{ConcurrentCached as _, RedbCache};
use speedup::cache;
use speedup::store::{DiskStore, Store as _};
use speedup_benches::{Bars, Contest, Limit, Scramble, Spin, black_box};

use crate::{GROUP, RESULTS, results};

/// Set in a process that is another run of this one: the folder of its results.
const ANOTHER_RUN: &str = "SPEEDUP_ANOTHER_RUN";
/// Calls of a run, and what each of them costs where it is computed.
const CALLS: u64 = 2_000;
const COST: Duration = Duration::from_micros(100);
/// Where each put is made durable by itself, so many do.
const FEW: usize = 200;

/// Where the functions have their results.
static FOLDER: OnceLock<PathBuf> = OnceLock::new();

fn folder() -> &'static Path {
    FOLDER.get().expect("it is chosen first")
}

/// One that costs something.
#[cache(disk = folder())]
fn dear(n: u64) -> String {
    format!("{:0>50}", Spin::of(COST).run(n))
}

#[concurrent_cached(ty = "RedbCache<u64, String>", create = "{ redb(folder(), \"dear\") }")]
fn dear_by_cached(n: u64) -> Result<String, cached::RedbCacheError> {
    Ok(format!("{:0>50}", Spin::of(COST).run(n)))
}

/// Two that do nothing, but for what the attribute does.
#[cache]
fn nothing(n: u64) -> u64 {
    n
}

#[cache(disk = folder())]
fn nothing_on_disk(n: u64) -> u64 {
    n
}

/// Those that give results of fifty bytes.
#[cache(disk = folder())]
fn text(n: u64) -> String {
    format!("{n:0>50}")
}

#[concurrent_cached(ty = "RedbCache<u64, String>", create = "{ redb(folder(), \"text\") }")]
fn text_by_cached(n: u64) -> Result<String, cached::RedbCacheError> {
    Ok(format!("{n:0>50}"))
}

/// A store of `cached` that does not make each put durable.
fn redb(folder: &Path, name: &str) -> RedbCache<u64, String> {
    RedbCache::builder(name).disk_dir(folder).durable(false).build().expect("a folder")
}

pub(crate) fn section(bars: &mut Bars) {
    println!(
        "On disk, \"redb\" is `cached`'s `RedbCache`. Where nothing else is said, it is opened with `durable(false)`: what it has put is then lost with the process until it \
         is flushed, where what a `DiskStore` has put survives the end of the process in any way. After a flush both survive a power cut."
    );
    let folder = tempfile::tempdir().expect("a folder");
    FOLDER.get_or_init(|| folder.path().to_owned());
    puts(bars);
    durable_puts();
    gets(bars);
    attributes(bars);
    cold_calls(bars);
    runs(bars);
}

/// An empty store in a folder of its own, which goes with what is returned.
fn empty() -> (tempfile::TempDir, DiskStore<(u64,), String>) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = DiskStore::builder("bench").location(folder.path()).open().expect("a folder");
    (folder, store)
}

fn timed(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

fn puts(bars: &mut Bars) {
    let results = results();
    let puts = Contest::new("10,000 results put into an empty store, and flushed", RESULTS)
        .rounds(5)
        .timed("speedup", || {
            let (_folder, store) = empty();
            timed(|| {
                results.iter().for_each(|(key, value)| store.put(key, value, None).expect("it is kept"));
                store.flush().expect("it is written");
            })
        })
        .timed("speedup, in groups of 100", || {
            let (_folder, store) = empty();
            timed(|| {
                for group in results.chunks(GROUP) {
                    let group: Vec<_> = group.iter().map(|(key, value)| (key, value)).collect();
                    store.put_many(&group, None).expect("it is kept");
                }
                store.flush().expect("it is written");
            })
        })
        .timed("redb", || {
            let folder = tempfile::tempdir().expect("a folder");
            let store = redb(folder.path(), "bench");
            timed(|| {
                for (n, value) in &results {
                    store.cache_set(n.0, value.clone()).expect("it is kept");
                }
                store.flush().expect("it is written");
            })
        })
        .run();
    println!("\n{}", puts.table("redb"));
    bars.check("cold puts on disk", "times the speed of redb", puts.ratio("redb", "speedup"), Limit::AtLeast(3.0));
}

/// As both are by default, and where both are durable after each put.
fn durable_puts() {
    let results = &results()[..FEW];
    let puts = Contest::new("200 results put into an empty store, one by one", FEW as u64)
        .rounds(5)
        .timed("speedup", || {
            let (_folder, store) = empty();
            timed(|| results.iter().for_each(|(key, value)| store.put(key, value, None).expect("it is kept")))
        })
        .timed("speedup, each flushed", || {
            let (_folder, store) = empty();
            timed(|| {
                for (key, value) in results {
                    store.put(key, value, None).expect("it is kept");
                    store.flush().expect("it is written");
                }
            })
        })
        .timed("redb by default, each flushed", || {
            let folder = tempfile::tempdir().expect("a folder");
            let store = RedbCache::<u64, String>::builder("bench").disk_dir(folder.path());
            let store = store.build().expect("a folder");
            timed(|| {
                for (n, value) in results {
                    store.cache_set(n.0, value.clone()).expect("it is kept");
                }
            })
        })
        .run();
    println!("{}", puts.table("redb by default, each flushed"));
}

/// The numbers up to this one, in an order of chance.
fn shuffled(count: u64) -> Vec<u64> {
    let mut numbers: Vec<u64> = (0..count).collect();
    let mut chance = Scramble(7);
    for last in (1..numbers.len()).rev() {
        let other = chance.next().expect("it is endless") % (last as u64 + 1);
        numbers.swap(last, other as usize);
    }
    numbers
}

fn gets(bars: &mut Bars) {
    let results = results();
    let order: Vec<&(u64,)> = shuffled(RESULTS).into_iter().map(|n| &results[n as usize].0).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let open = || DiskStore::<(u64,), String>::builder("bench").location(folder.path()).open().expect("a folder");
    let (ours, theirs) = (open(), redb(folder.path(), "bench"));
    for (key, value) in &results {
        ours.put(key, value, None).expect("it is kept");
        theirs.cache_set(key.0, value.clone()).expect("it is kept");
    }
    theirs.flush().expect("it is written");
    // Both as the next run finds them.
    drop((ours, theirs));
    let (ours, theirs) = (open(), redb(folder.path(), "bench"));
    let gets = Contest::new("10,000 results got in an order of chance", RESULTS)
        .looped("speedup", |passes| {
            for key in (0..passes).flat_map(|_| &order) {
                assert!(black_box(ours.get(key).expect("it answers")).is_some());
            }
        })
        .looped("speedup, in groups of 100", |passes| {
            for group in (0..passes).flat_map(|_| order.chunks(GROUP)) {
                let found = black_box(ours.get_many(group).expect("it answers"));
                assert!(found.iter().all(Option::is_some));
            }
        })
        .looped("redb", |passes| {
            for key in (0..passes).flat_map(|_| &order) {
                assert!(black_box(theirs.cache_get(&key.0).expect("it answers")).is_some());
            }
        })
        .run();
    println!("{}", gets.table("redb"));
    bars.check("warm gets on disk", "times the speed of redb", gets.ratio("redb", "speedup"), Limit::AtLeast(2.0));
}

/// Numbers that no call had yet, so many at a time.
fn new_numbers(count: u64) -> impl Iterator<Item = u64> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let first = NEXT.fetch_add(count, Ordering::Relaxed);
    first..first + count
}

/// The same by the attributes: with the memory before the disk where there is one.
fn attributes(bars: &mut Bars) {
    let cold = Contest::new("10,000 cold calls that give fifty bytes, and a flush", RESULTS)
        .rounds(5)
        .timed("#[cache(disk)]", || {
            timed(|| {
                new_numbers(RESULTS).for_each(|n| drop(black_box(text(n))));
                TEXT.flush().expect("it is written");
            })
        })
        .timed("#[concurrent_cached] on redb", || {
            timed(|| {
                new_numbers(RESULTS).for_each(|n| drop(black_box(text_by_cached(n))));
                TEXT_BY_CACHED.flush().expect("it is written");
            })
        })
        .run();
    println!("{}", cold.table("#[concurrent_cached] on redb"));

    let order = shuffled(RESULTS);
    for n in &order {
        text(*n);
        text_by_cached(*n).expect("it is kept");
    }
    TEXT.flush().expect("it is written");
    let call_all = |call: &dyn Fn(u64) -> String| order.iter().for_each(|n| drop(black_box(call(*n))));
    let warm = Contest::new("10,000 calls whose results are on disk", RESULTS)
        .rounds(5)
        .timed("#[cache(disk)]", || {
            TEXT.forget(None);
            timed(|| call_all(&text))
        })
        .timed("#[cache(disk)], again", || timed(|| call_all(&text)))
        .timed("#[concurrent_cached] on redb", || timed(|| call_all(&|n| text_by_cached(n).expect("it is kept"))))
        .run();
    println!("{}", warm.table("#[concurrent_cached] on redb"));
    for (work, outcome, least) in
        [("cold calls of `#[cache(disk)]`", &cold, 3.0), ("warm calls of `#[cache(disk)]`", &warm, 2.0)]
    {
        let ratio = outcome.ratio("#[concurrent_cached] on redb", "#[cache(disk)]");
        bars.check(work, "times the speed of redb", ratio, Limit::AtLeast(least));
    }
}

/// What the disk costs a call that finds nothing.
fn cold_calls(bars: &mut Bars) {
    let calls = Contest::new("10,000 cold calls that do nothing", RESULTS)
        .timed("#[cache]", || timed(|| new_numbers(RESULTS).for_each(|n| _ = black_box(nothing(n)))))
        .timed("#[cache(disk)]", || {
            let took = timed(|| new_numbers(RESULTS).for_each(|n| _ = black_box(nothing_on_disk(n))));
            // The next round begins with nothing to write.
            NOTHING_ON_DISK.flush().expect("it is written");
            took
        })
        .run();
    println!("{}", calls.table("#[cache]"));
    let micros = (calls.median("#[cache(disk)]") - calls.median("#[cache]")) / 1e3;
    bars.check("a cold call", "us that `disk` costs", micros, Limit::AtMost(3.0));
}

/// One run after the other, each a process of its own.
fn runs(bars: &mut Bars) {
    const CONTENDERS: [(&str, &str); 2] = [("`#[cache(disk)]`", "ours"), ("`#[concurrent_cached]` on redb", "theirs")];
    let mut times = [const { [const { Vec::new() }; 2] }; 2];
    for _ in 0..7 {
        let folder = tempfile::tempdir().expect("a folder");
        for ((_, task), times) in CONTENDERS.iter().zip(&mut times) {
            times.iter_mut().for_each(|times| times.push(another_run(task, folder.path())));
        }
    }
    println!("### 2,000 calls of 100 us, in a run and in the next one\n");
    println!("| contender | computed | found | times faster | the whole next process |\n|---|---:|---:|---:|---:|");
    for ((name, task), [first, next]) in CONTENDERS.iter().zip(times) {
        let [first, calls] = [&first, &next].map(|times| median(times.iter().map(|(calls, _)| *calls)));
        let whole = median(next.iter().map(|(_, whole)| *whole));
        println!("| {name} | {first:.1} ms | {calls:.2} ms | {:.0} | {whole:.1} ms |", first / calls);
        if *task == "ours" {
            bars.check("a warm start", "times faster than computing", first / calls, Limit::AtLeast(50.0));
        }
    }
    println!();
}

/// What the calls of a fresh process take, and what it takes with all that a process does, in milliseconds.
fn another_run(task: &str, folder: &Path) -> (f64, f64) {
    let mut command = Command::new(std::env::current_exe().expect("a program has a path"));
    let (name, rate) = Spin::passed_on();
    let began = Instant::now();
    let output = command.args([task]).env(ANOTHER_RUN, folder).env(name, rate).output().expect("it starts");
    let whole = began.elapsed().as_secs_f64() * 1e3;
    let text = String::from_utf8_lossy(&output.stdout);
    let calls = text.trim().parse().unwrap_or_else(|_| panic!("{task} ended with {} and said {text:?}", output.status));
    (calls, whole)
}

/// What such a process does. Returns false in any other.
pub(crate) fn is_another_run() -> bool {
    let Some(folder) = std::env::var_os(ANOTHER_RUN) else { return false };
    FOLDER.get_or_init(|| folder.into());
    let is_ours = std::env::args().nth(1).is_some_and(|task| task == "ours");
    let call = |n: u64| if is_ours { dear(n) } else { dear_by_cached(n).expect("it is kept") };
    // What it needs to know for that is no part of the first call.
    black_box(Spin::of(COST));
    let took = timed(|| (0..CALLS).for_each(|n| _ = black_box(call(n))));
    if is_ours {
        DEAR.flush().expect("it is written");
    } else {
        DEAR_BY_CACHED.flush().expect("it is written");
    }
    println!("{}", took.as_secs_f64() * 1e3);
    true
}

fn median(times: impl Iterator<Item = f64>) -> f64 {
    let mut times: Vec<f64> = times.collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
