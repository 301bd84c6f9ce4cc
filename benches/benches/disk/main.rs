//! `DiskDict` and `DiskList` against raw sled, redb, fjall and the standard collections.
//!
//! `cargo bench --bench disk [-- SECTION..]`, sections `dict`, `strings`, `list`, `peers`; with `full`, 10 million items instead of one.
//! Every phase runs in a child process of its own, so that its peak memory is its own.

mod stores;

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use speedup::disk::{DiskDict, DiskList};
use speedup_benches::{Bars, Limit, black_box, machine};

/// Set in a child: what it shall do.
const TASK: &str = "SPEEDUP_DISK_TASK";
/// How many positions a measurement of random reads visits.
const READS: usize = 300_000;

fn main() {
    if let Ok(task) = std::env::var(TASK) {
        let words: Vec<&str> = task.split(' ').collect();
        return child(words[0], words[1], words[2].parse().unwrap(), Path::new(words[3]));
    }
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let full = arguments.iter().any(|word| word == "full");
    let sections: Vec<&str> = arguments.iter().map(String::as_str).filter(|word| *word != "full").collect();
    let wanted = |section: &str| sections.is_empty() || sections.contains(&section);
    let items = if full { 10_000_000 } else { 1_000_000 };
    println!("Measured on {}.\n", machine::description());
    let mut bars = Bars::new();
    if wanted("dict") || wanted("peers") {
        dicts(items, wanted("peers"), &mut bars);
    }
    if wanted("strings") {
        strings(items, &mut bars);
    }
    if wanted("list") {
        lists(items, &mut bars);
    }
    println!("## Figures against their bars, {items} items\n\n{bars}");
}

/// Spreads numbers over all of `u64`, each once.
fn scatter(n: u64) -> u64 {
    let n = (n ^ (n >> 31)).wrapping_mul(0x7fb5_d329_728e_a185);
    let n = (n ^ (n >> 27)).wrapping_mul(0x81da_def4_bc2d_d44d);
    n ^ (n >> 33)
}

/// What a child measured, by name.
type Figures = HashMap<String, f64>;

/// Runs one phase in a child process.
fn run(phase: &str, contender: &str, items: usize, folder: &Path) -> Figures {
    let task = format!("{phase} {contender} {items} {}", folder.display());
    let output = Command::new(std::env::current_exe().unwrap()).env(TASK, task).output().unwrap();
    assert!(output.status.success(), "{phase} {contender}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let pairs = text.lines().filter_map(|line| line.split_once(' '));
    pairs.map(|(name, value)| (name.to_owned(), value.parse().unwrap())).collect()
}

fn report(name: &str, value: f64) {
    println!("{name} {value}");
}

fn timed<R>(name: &str, items: usize, work: impl FnOnce() -> R) -> R {
    let start = Instant::now();
    let result = work();
    report(name, items as f64 / start.elapsed().as_secs_f64());
    result
}

fn child(phase: &str, contender: &str, items: usize, folder: &Path) {
    match phase {
        "sequential" | "random" => fill(phase == "random", contender, items, folder),
        "open" => {
            let start = Instant::now();
            let mut store = stores::open(contender, folder);
            black_box(store.get(scatter(1)));
            report("seconds", start.elapsed().as_secs_f64());
        }
        "read" => read(contender, items, folder),
        "compact" => {
            let mut store = stores::open(contender, folder);
            report("done", f64::from(u8::from(store.compact())));
            store.close();
        }
        "strings" => fill_strings(items, folder),
        "list" => list(items, folder),
        _ => unreachable!("no phase {phase}"),
    }
    report("peak", machine::peak().unwrap_or(0) as f64 / (1 << 20) as f64);
}

fn fill(random: bool, contender: &str, items: usize, folder: &Path) {
    let mut store = stores::open(contender, folder);
    timed("insert", items, || {
        for n in 0..items as u64 {
            store.insert(if random { scatter(n) } else { n }, n as f64);
        }
        store.close();
    });
}

fn read(contender: &str, items: usize, folder: &Path) {
    let mut store = stores::open(contender, folder);
    if contender == "BTreeMap" {
        (0..items as u64).for_each(|n| store.insert(scatter(n), n as f64));
    }
    timed("cold", READS, || {
        for n in 0..READS as u64 {
            let n = scatter(n ^ 0xabcd) % items as u64;
            assert_eq!(store.get(scatter(n)), Some(n as f64));
        }
    });
    timed("iterate", items, || assert_eq!(store.sum().0, items));
    // The keys of a few pages: those that share their first bits.
    let near: Vec<u64> = (0..items as u64).filter(|&n| scatter(n) < u64::MAX / (items as u64 / 8000)).collect();
    near.iter().for_each(|&n| assert_eq!(store.get(scatter(n)), Some(n as f64)));
    timed("warm", READS, || {
        for n in 0..READS {
            let n = near[scatter(n as u64) as usize % near.len()];
            assert_eq!(store.get(scatter(n)), Some(n as f64));
        }
    });
}

fn size(folder: &Path) -> f64 {
    let mut total = 0;
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let about = entry.metadata().unwrap();
        total += if about.is_dir() { (size(&entry.path()) * 1e6) as u64 } else { allocated(&about) };
    }
    total as f64 / 1e6
}

#[cfg(unix)]
fn allocated(about: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::blocks(about) * 512
}

#[cfg(not(unix))]
fn allocated(about: &std::fs::Metadata) -> u64 {
    about.len()
}

fn dicts(items: usize, peers: bool, bars: &mut Bars) {
    println!("## `u64 -> f64`, {items} items\n");
    println!(
        "| | sequential insert/s | random insert/s | get/s cold | get/s warm | iterate/s | open ms | peak MB | peak MB to open | disk MB | compacted |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    let mut speeds: HashMap<&str, [f64; 2]> = HashMap::new();
    for name in stores::NAMES.into_iter().filter(|name| peers || *name == "speedup") {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let sequential = run("sequential", name, items, folders[0].path());
        let random = run("random", name, items, folders[1].path());
        let disk = size(folders[1].path());
        let open = run("open", name, items, folders[1].path());
        let read = run("read", name, items, folders[1].path());
        let compact = run("compact", name, items, folders[1].path());
        let compacted = size(folders[1].path());
        let peak = [&sequential, &random, &open, &read, &compact].map(|figures| figures["peak"]);
        let peak = peak.into_iter().fold(0.0, f64::max);
        println!(
            "| {name} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {:.1} | {peak:.0} | {:.0} | {disk:.0} | {} |",
            sequential["insert"],
            random["insert"],
            read["cold"],
            read["warm"],
            read["iterate"],
            open["seconds"] * 1e3,
            open["peak"],
            if compact["done"] == 1.0 { format!("{compacted:.0}") } else { "-".into() },
        );
        speeds.insert(name, [sequential["insert"], random["insert"]]);
        if name == "speedup" {
            let data = items as f64 * 16.0 / 1e6;
            bars.check("sequential insert", "million/s", sequential["insert"] / 1e6, Limit::AtLeast(4.0));
            bars.check("random insert", "thousand/s", random["insert"] / 1e3, Limit::AtLeast(500.0));
            bars.check("iteration", "million/s", read["iterate"] / 1e6, Limit::AtLeast(20.0));
            bars.check("random get, cold", "thousand/s", read["cold"] / 1e3, Limit::AtLeast(80.0));
            bars.check("random get, in cached pages", "thousand/s", read["warm"] / 1e3, Limit::AtLeast(1000.0));
            bars.check("peak memory of any phase", "MB", peak, Limit::AtMost(96.0));
            bars.check("space after random insert", "times the data", disk / data, Limit::AtMost(3.0));
            bars.check("space after `compact()`", "times the data", compacted / data, Limit::AtMost(1.3));
            bars.check("reopen", "seconds", open["seconds"], Limit::AtMost(0.1));
            bars.check("memory to reopen", "MB", open["peak"], Limit::AtMost(32.0));
        }
    }
    println!();
    for (peer, times) in [("sled", 7.0), ("redb", 1.5), ("fjall", 1.5)] {
        let (Some(ours), Some(theirs)) = (speeds.get("speedup"), speeds.get(peer)) else { continue };
        for (which, order) in ["sequential", "random"].into_iter().enumerate() {
            bars.check(
                &format!("{order} insert"),
                &format!("times {peer}"),
                ours[which] / theirs[which],
                Limit::AtLeast(times),
            );
        }
    }
}

/// A string of 20 bytes.
fn name_of(n: u64) -> String {
    format!("{:020}", scatter(n))
}

fn fill_strings(items: usize, folder: &Path) {
    let mut dict = DiskDict::<String, String>::builder("strings").location(folder).open().unwrap();
    let value = |n: u64| format!("{n:0100}");
    timed("insert", items, || {
        for n in 0..items as u64 {
            dict.insert(name_of(n), value(n)).unwrap();
        }
        dict.close().unwrap();
    });
    let start = Instant::now();
    let dict = DiskDict::<String, String>::builder("strings").location(folder).open().unwrap();
    assert_eq!(dict.len(), items);
    report("open", start.elapsed().as_secs_f64());
    timed("cold", READS, || {
        for n in 0..READS as u64 {
            let n = scatter(n ^ 0xabcd) % items as u64;
            assert_eq!(dict.get(&name_of(n)).unwrap(), Some(value(n)));
        }
    });
    timed("iterate", items, || assert_eq!(dict.iter().map(Result::unwrap).count(), items));
}

fn strings(items: usize, bars: &mut Bars) {
    let folder = tempfile::tempdir().unwrap();
    let figures = run("strings", "speedup", items, folder.path());
    println!("## Strings of 20 bytes -> 100 bytes, {items} items in random order\n");
    println!("| insert/s | get/s cold | iterate/s | open ms | peak MB | disk MB |\n|---|---|---|---|---|---|");
    println!(
        "| {:.0} | {:.0} | {:.0} | {:.1} | {:.0} | {:.0} |\n",
        figures["insert"],
        figures["cold"],
        figures["iterate"],
        figures["open"] * 1e3,
        figures["peak"],
        size(folder.path())
    );
    bars.check("strings: peak memory of any phase", "MB", figures["peak"], Limit::AtMost(160.0));
}

fn list(items: usize, folder: &Path) {
    let open = || DiskList::<u64>::builder("list").location(folder).open().unwrap();
    let mut list = open();
    timed("push", items, || {
        (0..items as u64).for_each(|n| list.push(n).unwrap());
        list.close().unwrap();
    });
    let mut list = open();
    timed("get", READS, || {
        for n in 0..READS as u64 {
            let at = scatter(n) as usize % items;
            assert_eq!(list.get(at).unwrap(), Some(at as u64));
        }
    });
    timed("iterate", items, || assert_eq!(list.iter().map(Result::unwrap).count(), items));
    timed("insert", READS, || {
        for n in 0..READS as u64 {
            list.insert(scatter(n) as usize % items, n).unwrap();
        }
        list.flush().unwrap();
    });
    timed("remove", READS, || {
        for n in 0..READS as u64 {
            black_box(list.remove(scatter(n) as usize % items).unwrap());
        }
        list.flush().unwrap();
    });
    timed("set", READS, || {
        for n in 0..READS as u64 {
            list.set(scatter(n) as usize % items, n).unwrap();
        }
        list.close().unwrap();
    });
}

fn lists(items: usize, bars: &mut Bars) {
    let folder = tempfile::tempdir().unwrap();
    let figures = run("list", "speedup", items, folder.path());
    println!("## A list of {items} `u64`\n");
    println!(
        "| push/s | get/s at random | iterate/s | insert/s at random | remove/s at random | set/s at random | peak MB | disk MB |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let columns =
        ["push", "get", "iterate", "insert", "remove", "set", "peak"].map(|name| format!("{:.0}", figures[name]));
    println!("| {} | {:.0} |\n", columns.join(" | "), size(folder.path()));
    bars.check("list: push", "million/s", figures["push"] / 1e6, Limit::AtLeast(5.0));
    bars.check("list: random get", "thousand/s", figures["get"] / 1e3, Limit::AtLeast(300.0));
    bars.check("list: insert at random", "thousand/s", figures["insert"] / 1e3, Limit::AtLeast(25.0));
    bars.check("list: remove at random", "thousand/s", figures["remove"] / 1e3, Limit::AtLeast(25.0));
}
