//! A dict that several threads share, and one that is small.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use speedup::disk::{DiskDict, Shared};
use speedup_benches::{Bars, Limit};

use super::{READS, report, run, scatter};

const ITEMS: usize = 1_000_000;
/// How often the rates of one thread and two are taken in turn; the best of each counts.
const ROUNDS: usize = 7;

fn filled(items: usize, folder: &Path) -> Shared<DiskDict<u64, f64>> {
    let dict = DiskDict::builder("shared").location(folder).open().unwrap().shared();
    (0..items as u64).for_each(|n| dict.put(scatter(n), n as f64).unwrap());
    drop(dict.snapshot().unwrap());
    dict
}

fn read(dict: &Shared<DiskDict<u64, f64>>, items: usize, from: u64) {
    for n in 0..READS as u64 {
        let n = scatter(n ^ from) % items as u64;
        assert_eq!(dict.get(&scatter(n)).unwrap(), Some(n as f64));
    }
}

/// How many keys one thread and two read.
pub fn readers(items: usize, folder: &Path) {
    let dict = filled(items, folder);
    let rate = |threads: u64| {
        let start = Instant::now();
        std::thread::scope(|scope| (0..threads).for_each(|n| drop(scope.spawn(move_read(&dict, items, n)))));
        (READS as u64 * threads) as f64 / start.elapsed().as_secs_f64()
    };
    let (mut one, mut two) = (0.0, 0.0);
    for _ in 0..ROUNDS {
        (one, two) = (rate(1).max(one), rate(2).max(two));
    }
    report("one", one);
    report("two", two);
}

fn move_read(dict: &Shared<DiskDict<u64, f64>>, items: usize, n: u64) -> impl FnOnce() + Send + '_ {
    move || read(dict, items, n << 32 | 0xabcd)
}

/// How long single reads wait while another thread inserts, and how long its single changes take.
pub fn beside(items: usize, folder: &Path) {
    let dict = filled(items, folder);
    let stop = AtomicBool::new(false);
    let mut waits: Vec<Duration> = Vec::new();
    let mut stops: Vec<Duration> = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in items as u64.. {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let begun = Instant::now();
                dict.put(scatter(n), n as f64).unwrap();
                stops.push(begun.elapsed());
            }
        });
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(5) {
            let n = scatter(waits.len() as u64) % items as u64;
            let begun = Instant::now();
            assert_eq!(dict.get(&scatter(n)).unwrap(), Some(n as f64));
            waits.push(begun.elapsed());
        }
        stop.store(true, Ordering::Relaxed);
    });
    waits.sort_unstable();
    stops.sort_unstable();
    let at = |times: &[Duration], part: f64| times[((times.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e6;
    report("half", at(&waits, 0.5));
    report("rare", at(&waits, 0.9999));
    report("longest", at(&waits, 1.0));
    report("half of changes", at(&stops, 0.5));
    report("rare change", at(&stops, 0.9999));
    report("longest change", at(&stops, 1.0));
}

/// How long it takes to open a small dict that was closed, and to read from it.
pub fn small(folder: &Path) {
    let open = || DiskDict::<u64, u64>::builder("small").location(folder).open().unwrap();
    let mut dict = open();
    dict.extend((0..100).map(|n| (n, n))).unwrap();
    dict.close().unwrap();
    let mut least = f64::MAX;
    for _ in 0..50 {
        let start = Instant::now();
        let dict = open();
        assert_eq!(dict.get(&7).unwrap(), Some(7));
        least = least.min(start.elapsed().as_secs_f64() * 1e3);
    }
    report("ms", least);
}

/// The rows, and their bars.
pub fn section(bars: &mut Bars) {
    let of = |phase: &str| {
        let folder = tempfile::tempdir().unwrap();
        run(phase, "speedup", ITEMS, folder.path())
    };
    let (readers, beside, small) = (of("readers"), of("beside"), of("small"));
    println!("\n### A dict of {ITEMS} entries that threads share, and a small one\n");
    println!(
        "| get/s, one thread | get/s, two threads | us a get beside a writer: half / 1 of 10,000 / longest | us a put of the writer: half / 1 of 10,000 / longest | ms to open a small dict and read |"
    );
    println!("|---|---|---|---|---|");
    println!(
        "| {:.0} | {:.0} | {:.1} / {:.0} / {:.0} | {:.1} / {:.0} / {:.0} | {:.2} |",
        readers["one"],
        readers["two"],
        beside["half"],
        beside["rare"],
        beside["longest"],
        beside["half of changes"],
        beside["rare change"],
        beside["longest change"],
        small["ms"]
    );
    bars.check("two readers", "times one", readers["two"] / readers["one"], Limit::AtLeast(1.8));
    bars.check("open and read a small dict", "ms", small["ms"], Limit::AtMost(2.0));
}
