//! What people build on such structures: an inverted index, in batches and word by word, and a queue of jobs; with redb beside.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use redb::{ReadableDatabase, ReadableTable};
use speedup::disk::{DiskDict, DiskList};
use speedup_benches::{Bars, Limit};

use super::{Figures, report, run, scatter, timed};

/// How many words the index holds that is built in batches (60 MB of text), and the one that is built word by word.
const WORDS: [usize; 2] = [8_000_000, 1_000_000];
/// How many jobs go through the queue.
const JOBS: usize = 1_000_000;
/// How many words of the index share a batch.
const BATCH: usize = 500_000;
/// How many operations of redb share a transaction.
const TRANSACTION: usize = 10_000;
/// How many jobs are made durable one by one.
const FLUSHED: usize = 500;

/// Word `n` of a text: few words are frequent, and most are rare.
fn word(n: u64) -> String {
    let place = (scatter(n) >> 11) as f64 / (1_u64 << 53) as f64;
    format!("word{}", 200_000_f64.powf(place) as u64)
}

/// A stretch of the text.
fn text((from, to): (usize, usize)) -> String {
    (from..to).map(|n| word(n as u64) + " ").collect()
}

/// Its words in order, each with its places; `from` is that of the first.
fn batch(text: &str, from: usize) -> Vec<(&str, Vec<u32>)> {
    let mut words: HashMap<&str, Vec<u32>> = HashMap::new();
    text.split_ascii_whitespace().zip(from..).for_each(|(word, n)| words.entry(word).or_default().push(n as u32));
    let mut words: Vec<_> = words.into_iter().collect();
    words.sort_unstable_by_key(|&(word, _)| word);
    words
}

/// Times parts of what is done.
#[derive(Default)]
struct Clock(Duration);

impl Clock {
    fn run<R>(&mut self, part: impl FnOnce() -> R) -> R {
        let start = Instant::now();
        let result = part();
        self.0 += start.elapsed();
        result
    }
}

fn stretches(words: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..words).step_by(BATCH).map(move |from| (from, (from + BATCH).min(words)))
}

fn ours(folder: &Path) -> DiskDict<String, Vec<u32>> {
    DiskDict::builder("index").location(folder).open().unwrap()
}

const INDEX: redb::TableDefinition<'static, &str, &[u8]> = redb::TableDefinition::new("index");
const QUEUE: redb::TableDefinition<'static, u64, u64> = redb::TableDefinition::new("queue");

fn redb(folder: &Path) -> redb::Database {
    redb::Database::builder().set_cache_size(16 << 20).create(folder.join("redb")).unwrap()
}

/// One transaction of redb.
fn transaction(database: &redb::Database, durability: redb::Durability, work: impl FnOnce(&redb::WriteTransaction)) {
    let mut writing = database.begin_write().unwrap();
    writing.set_durability(durability).unwrap();
    work(&writing);
    writing.commit().unwrap();
}

fn add(table: &mut redb::Table<'_, &str, &[u8]>, word: &str, places: &[u32]) {
    let mut bytes = table.get(word).unwrap().map(|old| old.value().to_vec()).unwrap_or_default();
    places.iter().for_each(|place| bytes.extend_from_slice(&place.to_le_bytes()));
    table.insert(word, bytes.as_slice()).unwrap();
}

/// Builds the index in batches. The text is there before the clock runs.
pub fn batches(contender: &str, words: usize, folder: &Path) {
    let mut clock = Clock::default();
    let texts = stretches(words).map(|stretch| (stretch.0, text(stretch)));
    if contender == "speedup" {
        let mut index = clock.run(|| ours(folder));
        for (from, text) in texts {
            clock.run(|| {
                batch(&text, from).iter().for_each(|&(word, ref places)| index.append(word.into(), places).unwrap());
            });
        }
        clock.run(|| index.close().unwrap());
    } else {
        let index = clock.run(|| redb(folder));
        for (from, text) in texts {
            clock.run(|| {
                transaction(&index, redb::Durability::Immediate, |writing| {
                    let mut table = writing.open_table(INDEX).unwrap();
                    batch(&text, from).iter().for_each(|(word, places)| add(&mut table, word, places));
                });
            });
        }
        clock.run(|| drop(index));
    }
    report("batches", words as f64 / clock.0.as_secs_f64());
}

/// Builds the index word by word.
pub fn words(contender: &str, words: usize, folder: &Path) {
    timed("words", words, || {
        if contender == "speedup" {
            let mut index = ours(folder);
            (0..words).for_each(|n| index.append(word(n as u64), &[n as u32]).unwrap());
            return index.close().unwrap();
        }
        let index = redb(folder);
        for from in (0..words).step_by(TRANSACTION) {
            transaction(&index, redb::Durability::None, |writing| {
                let mut table = writing.open_table(INDEX).unwrap();
                (from..(from + TRANSACTION).min(words)).for_each(|n| add(&mut table, &word(n as u64), &[n as u32]));
            });
        }
        transaction(&index, redb::Durability::Immediate, |_| {});
    });
}

/// A queue: all jobs in, all jobs out, then some that are made durable one by one.
pub fn queue(contender: &str, jobs: usize, folder: &Path) {
    if contender == "speedup" {
        let mut queue = DiskList::<u64>::builder("queue").location(folder).open().unwrap();
        timed("push", jobs, || (0..jobs as u64).for_each(|n| queue.push(n).unwrap()));
        timed("pop", jobs, || (0..jobs as u64).for_each(|n| assert_eq!(queue.pop_front().unwrap(), Some(n))));
        timed("flushed", FLUSHED, || {
            for n in 0..FLUSHED as u64 {
                queue.push(n).unwrap();
                queue.flush().unwrap();
            }
        });
        return;
    }
    let queue = redb(folder);
    let stretches =
        || (0..jobs as u64).step_by(TRANSACTION).map(|from| from..(from + TRANSACTION as u64).min(jobs as u64));
    timed("push", jobs, || {
        for stretch in stretches() {
            transaction(&queue, redb::Durability::None, |writing| {
                let mut table = writing.open_table(QUEUE).unwrap();
                stretch.for_each(|n| drop(table.insert(n, n).unwrap()));
            });
        }
    });
    timed("pop", jobs, || {
        for stretch in stretches() {
            transaction(&queue, redb::Durability::None, |writing| {
                let mut table = writing.open_table(QUEUE).unwrap();
                stretch.for_each(|n| assert_eq!(table.pop_first().unwrap().map(|job| job.1.value()), Some(n)));
            });
        }
    });
    timed("flushed", FLUSHED, || {
        for n in 0..FLUSHED as u64 {
            transaction(&queue, redb::Durability::Immediate, |writing| {
                writing.open_table(QUEUE).unwrap().insert(n, n).unwrap();
            });
        }
    });
    assert_eq!(queue.begin_read().unwrap().open_table(QUEUE).unwrap().iter().unwrap().count(), FLUSHED);
}

/// The rows of both, and their bars.
pub fn section(bars: &mut Bars) {
    println!(
        "\n### An inverted index of {} words in batches and {} one by one, and a queue of {JOBS} jobs\n",
        WORDS[0], WORDS[1]
    );
    println!(
        "| | words/s in batches | words/s one by one | push/s | pop_front/s | durable jobs/s | peak MB |\n|---|---|---|---|---|---|---|"
    );
    let measure = |contender: &str| -> Figures {
        let mut all = Figures::new();
        for (phase, items) in [("batches", WORDS[0]), ("words", WORDS[1]), ("queue", JOBS)] {
            let folder = tempfile::tempdir().unwrap();
            for (name, value) in run(phase, contender, items, folder.path()) {
                let most = all.entry(name).or_insert(value);
                *most = most.max(value);
            }
        }
        let columns = ["batches", "words", "push", "pop", "flushed", "peak"].map(|name| format!("{:.0}", all[name]));
        println!("| {contender} | {} |", columns.join(" | "));
        all
    };
    let (ours, theirs) = (measure("speedup"), measure("redb"));
    let ratio = |name: &str| ours[name] / theirs[name];
    bars.check("inverted index in batches", "times redb", ratio("batches"), Limit::AtLeast(1.3));
    bars.check("inverted index word by word", "times redb", ratio("words"), Limit::AtLeast(1.3));
    bars.check("queue: push", "million/s", ours["push"] / 1e6, Limit::AtLeast(1.0));
    bars.check("queue: pop_front", "million/s", ours["pop"] / 1e6, Limit::AtLeast(1.0));
    bars.check("queue: a flush a job", "times redb", ratio("flushed"), Limit::AtLeast(1.0));
}
