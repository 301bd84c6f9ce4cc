//! The experiments of the classic chapter on making programs fast, done again: what each piece of advice is worth here.

#[path = "../../../xtask/src/functions.rs"]
mod functions;
mod growth;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use speedup::cache;
use speedup_benches::{Contest, Scramble, Section, black_box, machine};

/// The sections, in the order of the table.
const SECTIONS: [Section; 9] = [
    ("square", |_| square()),
    ("keys", |_| keys()),
    ("queue", |_| queue()),
    ("entry", |_| entry()),
    ("distinct", |_| distinct()),
    ("search", |_| search()),
    ("indexer", |_| indexer()),
    ("growth", |_| growth::section()),
    ("complexity", |_| growth::of_functions()),
];

fn main() {
    // cargo adds `--bench`; what remains names the sections wanted.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    println!("## The classic experiments\n\n{}\n", machine::description());
    let mut bars = speedup_benches::Bars::new();
    for (name, run) in SECTIONS {
        if wanted.is_empty() || wanted.iter().any(|wish| wish == name) {
            run(&mut bars);
        }
    }
}

#[cache]
fn cached_square(n: u64) -> u64 {
    n * n
}

/// A thousand steps, each of which needs the one before.
fn plain_steps(n: u64) -> u64 {
    (0..1_000).fold(n, |x, step| x.rotate_left(5) ^ step)
}

#[cache]
fn cached_steps(n: u64) -> u64 {
    plain_steps(n)
}

/// A cache pays for what costs more than a hit.
fn square() {
    const KEYS: u64 = 1_024;
    let each = |work: fn(u64) -> u64| {
        move |passes| {
            for n in (0..passes).flat_map(|_| 0..KEYS) {
                black_box(work(black_box(n)));
            }
        }
    };
    let cheap = Contest::new("squares of 1,024 numbers, again and again", KEYS)
        .looped("plain", each(|n| n * n))
        .looped("`#[cache]`", each(cached_square));
    println!("{}", cheap.run().table("plain"));
    let dear = Contest::new("1,000 steps of 1,024 numbers, again and again", KEYS)
        .looped("plain", each(plain_steps))
        .looped("`#[cache]`", each(cached_steps));
    println!("{}", dear.run().table("plain"));
}

#[cache]
fn by_number(page: u64) -> u64 {
    page
}

#[cache]
fn by_text(text: &str) -> usize {
    text.len()
}

#[cache(key = |text| -> u64 { digest(text) })]
fn by_digest(text: &str) -> usize {
    text.len()
}

/// FNV-1a, as short as a digest can be.
fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// What is looked up is hashed first.
fn keys() {
    let texts: Vec<String> =
        Scramble(3).take(256).map(|n| format!("https://example.org/articles/{n:020}/{n:020}")).collect();
    let contest = Contest::new("hits by keys of different length", 256)
        .looped("a number", |passes| {
            for page in (0..passes).flat_map(|_| 0..256) {
                black_box(by_number(black_box(page)));
            }
        })
        .looped("a text of 70 letters", |passes| {
            for text in (0..passes).flat_map(|_| &texts) {
                black_box(by_text(black_box(text)));
            }
        })
        .looped("a digest of the text", |passes| {
            for text in (0..passes).flat_map(|_| &texts) {
                black_box(by_digest(black_box(text)));
            }
        });
    println!("{}", contest.run().table("a number"));
}

/// First in, first out.
fn queue() {
    const LENGTH: u64 = 10_000;
    let contest = Contest::new("a queue of 10,000, one in and one out", 1)
        .looped("VecDeque", |passes| {
            let mut queue: VecDeque<u64> = (0..LENGTH).collect();
            for n in 0..passes {
                queue.push_back(n);
                black_box(queue.pop_front());
            }
        })
        .looped("Vec", |passes| {
            let mut queue: Vec<u64> = (0..LENGTH).collect();
            for n in 0..passes {
                queue.push(n);
                black_box(queue.remove(0));
            }
        });
    println!("{}", contest.run().table("VecDeque"));
}

/// One look at a map, or two.
fn entry() {
    let words: Vec<String> = Scramble(5).take(10_000).map(|n| format!("word {}", n % 2_000)).collect();
    let contest = Contest::new("counting 10,000 words, 2,000 different ones", words.len() as u64)
        .looped("entry", |passes| {
            for _ in 0..passes {
                let mut counts: HashMap<&str, u64> = HashMap::new();
                words.iter().for_each(|word| match counts.entry(word) {
                    Entry::Occupied(mut count) => *count.get_mut() += 1,
                    Entry::Vacant(free) => *free.insert(0) += 1,
                });
                black_box(counts.len());
            }
        })
        .looped("check, then insert", |passes| {
            for _ in 0..passes {
                let mut counts: HashMap<&str, u64> = HashMap::new();
                for word in &words {
                    if !counts.contains_key(word.as_str()) {
                        counts.insert(word, 0);
                    }
                    if let Some(count) = counts.get_mut(word.as_str()) {
                        *count += 1;
                    }
                }
                black_box(counts.len());
            }
        });
    println!("{}", contest.run().table("entry"));
}

/// Which values there are, in the order in which they first came.
fn distinct() {
    let values: Vec<u64> = Scramble(7).take(4_000).map(|n| n % 1_000).collect();
    let contest = Contest::new("the distinct ones of 4,000 values", values.len() as u64)
        .looped("a set", |passes| {
            for _ in 0..passes {
                let mut seen = HashSet::new();
                black_box(values.iter().filter(|value| seen.insert(**value)).count());
            }
        })
        .looped("a list", |passes| {
            for _ in 0..passes {
                let mut seen: Vec<u64> = Vec::new();
                for value in &values {
                    if !seen.contains(value) {
                        seen.push(*value);
                    }
                }
                black_box(seen.len());
            }
        });
    println!("{}", contest.run().table("a set"));
}

/// Whether a value is there.
fn search() {
    let values: Vec<u64> = (0..10_000).map(|n| n * 3).collect();
    let wanted: Vec<u64> = Scramble(9).take(100).map(|n| n % 30_000).collect();
    let contest = Contest::new("searches in 10,000 sorted values", wanted.len() as u64)
        .looped("binary", |passes| {
            for wanted in (0..passes).flat_map(|_| &wanted) {
                black_box(values.binary_search(wanted).is_ok());
            }
        })
        .looped("linear", |passes| {
            for wanted in (0..passes).flat_map(|_| &wanted) {
                black_box(values.contains(wanted));
            }
        });
    println!("{}", contest.run().table("binary"));
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

fn words(file: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.split(|letter: char| !letter.is_alphanumeric()).map(str::to_lowercase).collect()
}

/// Workers take files from a queue; one writer puts together what they find.
fn index(files: &[PathBuf], workers: usize) -> usize {
    let queue = Mutex::new(files.iter());
    let mut index: BTreeMap<String, Vec<&Path>> = BTreeMap::new();
    thread::scope(|scope| {
        let (results, found) = std::sync::mpsc::channel();
        for _ in 0..workers {
            let (queue, results) = (&queue, results.clone());
            scope.spawn(move || {
                let next = || queue.lock().ok().and_then(|mut files| files.next());
                std::iter::from_fn(next).try_for_each(|file| results.send((file, words(file))))
            });
        }
        drop(results);
        for (file, words) in found {
            words.into_iter().for_each(|word| index.entry(word).or_default().push(file));
        }
    });
    index.len()
}

/// The indexer of the chapter, over this repository.
fn indexer() {
    let mut files = Vec::new();
    for folder in ["../speedup-runtime/src", "../speedup-macros/src"] {
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut files);
    }
    let mut contest = Contest::new("an index of this repository's sources, a file", files.len() as u64);
    for workers in [1, 2, 3, 4] {
        let files = &files;
        contest = contest.once(&format!("threads: {workers}"), move || {
            black_box(index(files, workers));
        });
    }
    println!("{}", contest.run().table("threads: 1"));
}
