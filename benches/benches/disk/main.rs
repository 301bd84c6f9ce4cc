//! `DiskDict` and `DiskList` against raw sled, redb, fjall and the standard collections.
//!
//! `cargo bench --bench disk [-- WORD..]`: sections `dict`, `strings`, `list`, `peers`, `uses` and `shared`, sizes `1m` and `10m`, contenders `sled` (0.34),
//! `sled1` (the alpha of 1.0), `redb`, `fjall` and `BTreeMap`; without a word of a sort, all of that sort. Every phase runs in a child
//! process of its own, so that its peak memory is its own. At ten million, the peers only insert, and stop when their time is over.

mod shared;
mod stores;
mod uses;

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use speedup::disk::{DiskDict, DiskList};
use speedup_benches::{Bars, Limit, black_box, machine};

/// Set in a child: what it shall do.
const TASK: &str = "SPEEDUP_DISK_TASK";
/// How many positions a measurement of random reads visits.
const READS: usize = 300_000;
/// How long one phase of inserts may take; what came in by then gives the figure.
const PATIENCE: Duration = Duration::from_secs(200);

fn main() {
    if let Ok(task) = std::env::var(TASK) {
        let words: Vec<&str> = task.split(' ').collect();
        return child(words[0], words[1], words[2].parse().unwrap(), Path::new(words[3]));
    }
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let chosen = |all: &[&'static str]| -> Vec<&'static str> {
        let named: Vec<_> = all.iter().copied().filter(|name| words.iter().any(|word| word == name)).collect();
        if named.is_empty() { all.to_vec() } else { named }
    };
    let sections = chosen(&["dict", "peers", "strings", "list", "uses", "shared"]);
    println!("Measured on {}.", machine::description());
    let mut small = None;
    for size in chosen(&["1m", "10m"]) {
        let items = if size == "1m" { 1_000_000 } else { 10_000_000 };
        let mut bars = Bars::new();
        for section in &sections {
            match *section {
                "dict" => {
                    let peak = dict(items, &mut bars);
                    if let Some(small) = small.replace(peak) {
                        bars.check("peak memory", "times that at 1 million", peak / small, Limit::AtMost(1.25));
                    }
                }
                "peers" => peers(items, &chosen(&stores::PEERS), &mut bars),
                "strings" => strings(items, &mut bars),
                // Its sizes are its own.
                "uses" | "shared" if items > 1_000_000 => {}
                "uses" => uses::section(&mut bars),
                "shared" => shared::section(&mut bars),
                _ => lists(items, &mut bars),
            }
        }
        println!("\n### Figures against their bars, {items} items\n\n{bars}");
    }
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
    let pairs = text.lines().filter_map(|line| line.rsplit_once(' '));
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
        "batches" => uses::batches(contender, items, folder),
        "words" => uses::words(contender, items, folder),
        "queue" => uses::queue(contender, items, folder),
        "readers" => shared::readers(items, folder),
        "beside" => shared::beside(items, folder),
        "small" => shared::small(folder),
        _ => unreachable!("no phase {phase}"),
    }
    report("peak", machine::peak().unwrap_or(0) as f64 / (1 << 20) as f64);
}

fn fill(random: bool, contender: &str, items: usize, folder: &Path) {
    let mut store = stores::open(contender, folder);
    let (start, mut inserted) = (Instant::now(), 0);
    while inserted < items && (!inserted.is_multiple_of(1 << 14) || start.elapsed() < PATIENCE) {
        let n = inserted as u64;
        store.insert(if random { scatter(n) } else { n }, n as f64);
        inserted += 1;
    }
    store.close();
    report("insert", inserted as f64 / start.elapsed().as_secs_f64());
    report("inserted", inserted as f64);
}

/// The rate of inserts, and how many there were if the time was over before the last.
fn inserts(figures: &Figures, items: usize) -> String {
    let (rate, inserted) = (figures["insert"], figures["inserted"]);
    if inserted < items as f64 { format!("{rate:.0} (the first {inserted:.0})") } else { format!("{rate:.0}") }
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

/// What became of one contender, all phases together.
struct Outcome {
    sequential: Figures,
    random: Figures,
    disk: f64,
    items: usize,
    /// Absent where only inserts were measured.
    rest: Option<Rest>,
}

struct Rest {
    open: Figures,
    read: Figures,
    compact: Figures,
    compacted: f64,
}

impl Outcome {
    fn of(name: &str, items: usize, whole: bool) -> Self {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let sequential = run("sequential", name, items, folders[0].path());
        let random = run("random", name, items, folders[1].path());
        let disk = size(folders[1].path());
        let rest = whole.then(|| {
            let [open, read, compact] =
                ["open", "read", "compact"].map(|phase| run(phase, name, items, folders[1].path()));
            Rest { open, read, compact, compacted: size(folders[1].path()) }
        });
        Outcome { sequential, random, disk, items, rest }
    }

    fn peak(&self) -> f64 {
        let rest = self.rest.iter().flat_map(|rest| [&rest.open, &rest.read, &rest.compact]);
        [&self.sequential, &self.random].into_iter().chain(rest).map(|figures| figures["peak"]).fold(0.0, f64::max)
    }

    fn row(&self, name: &str) -> String {
        let (peak, disk) = (self.peak(), self.disk);
        let [sequential, random] = [&self.sequential, &self.random].map(|figures| inserts(figures, self.items));
        let inserts = format!("| {name} | {sequential} | {random} |");
        let Some(rest) = &self.rest else {
            return format!("{inserts} - | - | - | - | {peak:.0} | - | {disk:.0} | - |");
        };
        let compacted = if rest.compact["done"] == 1.0 { format!("{:.0}", rest.compacted) } else { "-".into() };
        format!(
            "{inserts} {:.0} | {:.0} | {:.0} | {:.1} | {peak:.0} | {:.0} | {disk:.0} | {compacted} |",
            rest.read["cold"],
            rest.read["warm"],
            rest.read["iterate"],
            rest.open["seconds"] * 1e3,
            rest.open["peak"],
        )
    }
}

fn heading(title: &str) {
    println!("\n### {title}\n");
    println!(
        "| | sequential insert/s | random insert/s | get/s cold | get/s warm | iterate/s | open ms | peak MB | peak MB to open | disk MB | compacted |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
}

/// Our own figures; returns the peak of memory.
fn dict(items: usize, bars: &mut Bars) -> f64 {
    heading(&format!("`u64 -> f64`, {items} items"));
    let ours = Outcome::of("speedup", items, true);
    println!("{}", ours.row("speedup"));
    let Some(rest) = &ours.rest else { unreachable!("the whole was asked for") };
    let data = items as f64 * 16.0 / 1e6;
    bars.check("sequential insert", "million/s", ours.sequential["insert"] / 1e6, Limit::AtLeast(4.0));
    bars.check("random insert", "thousand/s", ours.random["insert"] / 1e3, Limit::AtLeast(500.0));
    bars.check("iteration", "million/s", rest.read["iterate"] / 1e6, Limit::AtLeast(20.0));
    bars.check("random get, cold", "thousand/s", rest.read["cold"] / 1e3, Limit::AtLeast(80.0));
    bars.check("random get, in cached pages", "thousand/s", rest.read["warm"] / 1e3, Limit::AtLeast(1000.0));
    bars.check("peak memory of any phase", "MB", ours.peak(), Limit::AtMost(96.0));
    bars.check("space after random insert", "times the data", ours.disk / data, Limit::AtMost(3.0));
    bars.check("space after `compact()`", "times the data", rest.compacted / data, Limit::AtMost(1.3));
    bars.check("reopen", "seconds", rest.open["seconds"], Limit::AtMost(0.1));
    bars.check("memory to reopen", "MB", rest.open["peak"], Limit::AtMost(32.0));
    ours.peak()
}

/// The peers, and ourselves once more right before them.
fn peers(items: usize, names: &[&str], bars: &mut Bars) {
    heading(&format!("Against others, `u64 -> f64`, {items} items"));
    let whole = items <= 1_000_000;
    let ours = Outcome::of("speedup", items, whole);
    println!("{}", ours.row("speedup"));
    for name in names {
        let theirs = Outcome::of(name, items, whole);
        println!("{}", theirs.row(name));
        let times = match *name {
            "sled" | "sled1" => 7.0,
            "BTreeMap" => continue,
            _ => 1.5,
        };
        for (order, ours, theirs) in
            [("sequential", &ours.sequential, &theirs.sequential), ("random", &ours.random, &theirs.random)]
        {
            let ratio = ours["insert"] / theirs["insert"];
            bars.check(&format!("{order} insert"), &format!("times {name}"), ratio, Limit::AtLeast(times));
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
    println!("\n### Strings of 20 bytes -> 100 bytes, {items} items in random order\n");
    println!("| insert/s | get/s cold | iterate/s | open ms | peak MB | disk MB |\n|---|---|---|---|---|---|");
    println!(
        "| {:.0} | {:.0} | {:.0} | {:.1} | {:.0} | {:.0} |",
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
    println!("\n### A list of {items} `u64`\n");
    println!(
        "| push/s | get/s at random | iterate/s | insert/s at random | remove/s at random | set/s at random | peak MB | disk MB |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let columns =
        ["push", "get", "iterate", "insert", "remove", "set", "peak"].map(|name| format!("{:.0}", figures[name]));
    println!("| {} | {:.0} |", columns.join(" | "), size(folder.path()));
    bars.check("list: push", "million/s", figures["push"] / 1e6, Limit::AtLeast(5.0));
    bars.check("list: random get", "thousand/s", figures["get"] / 1e3, Limit::AtLeast(300.0));
    bars.check("list: insert at random", "thousand/s", figures["insert"] / 1e3, Limit::AtLeast(25.0));
    bars.check("list: remove at random", "thousand/s", figures["remove"] / 1e3, Limit::AtLeast(25.0));
}
