//! A walk through everything `speedup` does, on real input: the text of this repository, or of a folder given as an
//! argument. Each result is checked, each speed-up measured here and now.
//!
//! ```text
//! cargo run --release --example tour [FOLDER] [--quick]
//! ```

#![allow(clippy::print_stdout, reason = "the tour tells what it does")]

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use speedup::{DiskDict, DiskList, buffer, cache};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Outcome {
    run(std::env::args().skip(1).collect())
}

/// The tour; `--quick` makes every part small.
pub(crate) fn run(arguments: Vec<String>) -> Outcome {
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let folder = arguments.iter().find(|argument| !argument.starts_with("--"));
    let folder = folder.map_or_else(repository, PathBuf::from);
    let texts = read_texts(&folder)?;
    let bytes: usize = texts.iter().map(|(_, text)| text.len()).sum();
    println!("Read {} text files, {} KB, from {}.\n", texts.len(), bytes / 1024, folder.display());

    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("1. #[cache]: recursion that is memoized and parallel ({cores} cores)");
    recursion(&texts, quick)?;
    println!("\n2. #[buffer]: a generator that is computed ahead and kept");
    generators(quick)?;
    println!("\n3. DiskDict and DiskList: collections that are still there tomorrow");
    collections(&texts, quick)
}

// ------------------------------------------------------------------------------------------------ 1. recursion

/// The two texts that are compared, line by line.
static LINES: OnceLock<[Vec<String>; 2]> = OnceLock::new();

fn line(text: usize, index: u32) -> &'static str {
    LINES.get().map_or("", |lines| &lines[text][index as usize])
}

/// How many letters differ between the first `i` lines of one text and the first `j` lines of the other, when lines
/// may be left out, put in or changed. This is what everybody writes first; it takes exponential time.
fn plain_difference(i: u32, j: u32) -> u32 {
    if i == 0 || j == 0 {
        return unmatched(i, j);
    }
    let (x, y) = (line(0, i - 1), line(1, j - 1));
    let changed = changed_letters(x, y);
    (plain_difference(i - 1, j) + letters(x))
        .min(plain_difference(i, j - 1) + letters(y))
        .min(plain_difference(i - 1, j - 1) + changed)
}

/// The same function with one more line.
#[cache]
fn difference(i: u32, j: u32) -> u32 {
    if i == 0 || j == 0 {
        return unmatched(i, j);
    }
    let (x, y) = (line(0, i - 1), line(1, j - 1));
    let changed = changed_letters(x, y);
    (difference(i - 1, j) + letters(x)).min(difference(i, j - 1) + letters(y)).min(difference(i - 1, j - 1) + changed)
}

/// Memoized, but on one core, to measure what the others add.
#[cache(sequential)]
fn sequential_difference(i: u32, j: u32) -> u32 {
    if i == 0 || j == 0 {
        return unmatched(i, j);
    }
    let (x, y) = (line(0, i - 1), line(1, j - 1));
    let changed = changed_letters(x, y);
    (sequential_difference(i - 1, j) + letters(x))
        .min(sequential_difference(i, j - 1) + letters(y))
        .min(sequential_difference(i - 1, j - 1) + changed)
}

/// When one text has no lines left, those of the other count in full.
fn unmatched(i: u32, j: u32) -> u32 {
    (0..i).map(|n| letters(line(0, n))).sum::<u32>() + (0..j).map(|n| letters(line(1, n))).sum::<u32>()
}

fn letters(line: &str) -> u32 {
    line.chars().count() as u32
}

/// Letters to change, leave out or put in to make one line of the other: the work of each call.
fn changed_letters(a: &str, b: &str) -> u32 {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<u32> = (0..=b.len() as u32).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i as u32 + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + u32::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

fn recursion(texts: &[(String, String)], quick: bool) -> Outcome {
    let names = choose_lines(texts)?;
    println!("   How many letters differ between {} and {}?", names[0], names[1]);
    let small = if quick { 4 } else { 8 };
    let bar = spinner(&format!("the first {small} lines, without a cache"));
    let (plain, plain_time) = timed(|| plain_difference(small, small));
    bar.finish_and_clear();
    let (cached, cached_time) = timed(|| difference(small, small));
    check(plain == cached, "the cached function agrees with the plain one")?;
    println!("   first {small} lines: {plain} letters; plain {}, cached {}", show(plain_time), show(cached_time));
    println!("   speed-up by the cache: {:.0} x", ratio(plain_time, cached_time));

    let lines = LINES.get().map_or(0, |lines| lines[0].len().min(lines[1].len()));
    let large = lines.min(if quick { 30 } else { 250 }) as u32;
    DIFFERENCE.clear();
    let bar = spinner(&format!("{large} lines, on one core"));
    let (alone, alone_time) = timed(|| sequential_difference(large, large));
    bar.set_message(format!("{large} lines, on all cores"));
    let (together, together_time) = timed(|| difference(large, large));
    bar.finish_and_clear();
    check(alone == together, "the parallel recursion agrees with the sequential one")?;
    let calls = DIFFERENCE.len();
    println!("   first {large} lines: {together} letters in {calls} calls, each computed once");
    println!("   one core {}, all cores {}", show(alone_time), show(together_time));
    println!("   speed-up by the cores: {:.2} x", ratio(alone_time, together_time));
    let first = DIFFERENCE.peek(&(1, 1));
    check(first == Some(plain_difference(1, 1)), "what was computed on the way is there to be looked at")
}

/// Takes the lines of the two longest texts, cut to 72 letters.
fn choose_lines(texts: &[(String, String)]) -> Outcome<[String; 2]> {
    let mut longest: Vec<_> = texts.iter().collect();
    longest.sort_by_key(|(name, text)| (std::cmp::Reverse(text.lines().count()), name.as_str()));
    let [first, second, ..] = longest[..] else { return Err("the folder holds no two text files".into()) };
    let lines = |text: &str| {
        let long = text.lines().map(str::trim).filter(|line| line.len() >= 20);
        long.map(|line| line.chars().take(72).collect()).collect::<Vec<String>>()
    };
    let lines = LINES.get_or_init(|| [lines(&first.1), lines(&second.1)]);
    check(lines.iter().all(|lines| lines.len() >= 8), "both texts have eight long lines")?;
    Ok([first.0.clone(), second.0.clone()])
}

// ------------------------------------------------------------------------------------------------ 2. generators

/// The postponed sieve of Eratosthenes: it crosses out multiples of the primes that it yielded before, which it reads
/// from its own buffer.
#[buffer(size = 64)]
fn primes() -> u64 {
    for prime in [2, 3, 5, 7] {
        yield_!(prime);
    }
    let mut crossing_out: HashMap<u64, u64> = HashMap::new();
    let mut own = primes().skip(1);
    let mut prime = own.next().unwrap_or(3);
    let mut candidate = 9;
    loop {
        let step = match crossing_out.remove(&candidate) {
            Some(step) => step,
            None if candidate < prime * prime => {
                yield_!(candidate);
                candidate += 2;
                continue;
            }
            None => {
                let step = 2 * prime;
                prime = own.next().unwrap_or(u64::from(u32::MAX));
                step
            }
        };
        let mut multiple = candidate + step;
        while crossing_out.contains_key(&multiple) {
            multiple += step;
        }
        crossing_out.insert(multiple, step);
        candidate += 2;
    }
}

/// The longest of the Collatz sequences of a block of numbers: a generator whose values take a while.
#[buffer]
fn longest_sequences() -> impl Iterator<Item = u32> {
    (0..).map(longest_sequence)
}

fn longest_sequence(block: u64) -> u32 {
    (block * 2_000 + 1..(block + 1) * 2_000).map(collatz).max().unwrap_or(0)
}

fn collatz(mut n: u64) -> u32 {
    let mut steps = 0;
    while n != 1 {
        n = if n.is_multiple_of(2) { n / 2 } else { 3 * n + 1 };
        steps += 1;
    }
    steps
}

fn generators(quick: bool) -> Outcome {
    let count = if quick { 1_000 } else { 200_000 };
    let bar = spinner(&format!("{count} primes"));
    let (last, first_time) = timed(|| PRIMES[count - 1]);
    bar.finish_and_clear();
    check(is_prime(last), "the last prime asked for is one")?;
    println!("   the {count}th prime is {last}, after {}", show(first_time));
    let (sum, again_time) = timed(|| PRIMES.iter().take(count).sum::<u64>());
    println!("   reading them all again: {} (sum {sum})", show(again_time));
    println!("   speed-up by keeping them: {:.0} x", ratio(first_time, again_time));
    let found = PRIMES.position(&7_919);
    check(found == Some(999), "7919 is the 1000th prime")?;
    check(!PRIMES.contains(&(last - 1)), "an even number is no prime")?;
    println!("   7919 has index 999, {} is absent; {} primes are ready", last - 1, PRIMES.len_ready());

    // The consumer is as slow as the generator: ahead of it, the buffer computes meanwhile.
    let blocks = if quick { 5 } else { 400 };
    let consume = |block: usize| longest_sequence(block as u64 + 1_000);
    let bar = spinner(&format!("{blocks} blocks of Collatz sequences"));
    let plain = timed(|| (0..blocks).map(|n| longest_sequence(n as u64).max(consume(n))).max());
    let ahead = timed(|| LONGEST_SEQUENCES.iter().take(blocks).enumerate().map(|(n, v)| consume(n).max(*v)).max());
    bar.finish_and_clear();
    check(plain.0 == ahead.0, "the buffered values are those of the plain loop")?;
    println!("   generator and consumer in turn {}, read ahead {}", show(plain.1), show(ahead.1));
    println!("   speed-up by reading ahead: {:.2} x", ratio(plain.1, ahead.1));
    Ok(())
}

fn is_prime(n: u64) -> bool {
    n > 1 && (2..).take_while(|d| d * d <= n).all(|d| !n.is_multiple_of(d))
}

// ------------------------------------------------------------------------------------------------ 3. collections

fn collections(texts: &[(String, String)], quick: bool) -> Outcome {
    let folder = tempfile::tempdir()?;
    let words: Vec<&str> = texts.iter().flat_map(|(_, text)| text.split(|c: char| !c.is_alphanumeric())).collect();
    let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    let words = &words[..if quick { words.len().min(2_000) } else { words.len() }];

    // In memory, to check against.
    let mut wanted: BTreeMap<&str, u64> = BTreeMap::new();
    words.iter().for_each(|word| *wanted.entry(word).or_default() += 1);

    let time = Instant::now();
    let bar = progress(words.len() as u64, "words");
    let mut counts = DiskDict::<String, u64>::builder("counts").location(folder.path()).open()?;
    let mut order = DiskList::<String>::builder("order").location(folder.path()).open()?;
    for word in words {
        let count = counts.get(word)?.unwrap_or(0);
        if count == 0 {
            order.push(word.clone())?;
        }
        counts.insert(word.clone(), count + 1)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    counts.close()?;
    order.close()?;
    println!("   counted {} words, {} different, in {}", words.len(), wanted.len(), show(time.elapsed()));

    let time = Instant::now();
    let counts = DiskDict::<String, u64>::builder("counts").location(folder.path()).open()?;
    let order = DiskList::<String>::builder("order").location(folder.path()).open()?;
    println!("   closed and opened again in {}", show(time.elapsed()));
    check(counts.len() == wanted.len(), "no word is lost")?;
    for (entry, (word, count)) in counts.iter().zip(&wanted) {
        check(entry? == ((*word).to_owned(), *count), "the counts are those of a map in memory, in order")?;
    }
    check(order.get(0)?.as_ref() == words.first(), "the list keeps the order of first appearance")?;
    check(order.len() == counts.len(), "every word appears first once")?;

    let mut most: Vec<(u64, String)> =
        counts.iter().map(|entry| entry.map(|(w, n)| (n, w))).collect::<Result<_, _>>()?;
    most.sort_unstable_by(|a, b| b.cmp(a));
    let most: Vec<String> = most.iter().take(5).map(|(count, word)| format!("{word} {count}")).collect();
    println!("   most frequent: {}", most.join(", "));
    let range: Vec<String> = counts
        .range("s".to_owned().."t".to_owned())
        .take(5)
        .map(|entry| entry.map(|e| e.0))
        .collect::<Result<_, _>>()?;
    println!("   the first words with s: {}", range.join(", "));
    Ok(())
}

// ------------------------------------------------------------------------------------------------ input and output

/// The repository's folder, whichever package this file is built in.
fn repository() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().find(|folder| folder.join("Cargo.lock").exists()).unwrap_or(own).to_path_buf()
}

/// All text files of a folder, with their names, in a stable order; build results and hidden folders are left out.
fn read_texts(folder: &Path) -> Outcome<Vec<(String, String)>> {
    let mut texts = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(current) = folders.pop() {
        for entry in std::fs::read_dir(&current)? {
            let path = entry?.path();
            let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
            if path.is_dir() {
                if !name.starts_with('.') && name != "target" {
                    folders.push(path);
                }
            } else if ["md", "rs", "txt", "toml"].iter().any(|end| path.extension().is_some_and(|own| own == *end)) {
                let shown = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
                // What is no UTF-8 is no text.
                texts.extend(std::fs::read_to_string(&path).ok().map(|text| (shown, text)));
            }
        }
    }
    texts.sort();
    Ok(texts)
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}

fn ratio(slow: Duration, fast: Duration) -> f64 {
    slow.as_secs_f64() / fast.as_secs_f64().max(1e-9)
}

fn show(time: Duration) -> String {
    match time.as_secs_f64() {
        s if s < 1e-3 => format!("{:.0} us", s * 1e6),
        s if s < 1.0 => format!("{:.1} ms", s * 1e3),
        s => format!("{s:.2} s"),
    }
}

fn check(holds: bool, statement: &str) -> Outcome {
    if holds { Ok(()) } else { Err(format!("not so: {statement}").into()) }
}

/// A sign of life for a step of unknown length; invisible where the output is no terminal.
fn spinner(what: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// A bar for a step of known length; invisible where the output is no terminal.
fn progress(length: u64, unit: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("   {bar:40} {pos}/{len} {msg}, {eta} left");
    let bar = ProgressBar::new(length).with_message(unit.to_owned());
    if let Ok(style) = style { bar.with_style(style) } else { bar }
}
