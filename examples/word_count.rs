//! Counts the words, or the runs of words, of a text that is larger than the memory it may use.
//!
//! `cargo run --release --example word_count [-- MEGABYTES [WORDS]]` counts runs of so many words; try it under `ulimit -v 90000`.

#![allow(clippy::print_stdout, reason = "an example shows its results")]

use std::collections::{HashMap, VecDeque};
use std::io::IsTerminal;
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use speedup::disk::{DiskDict, Error};

/// How many different n-grams are counted in memory before they go to disk.
const BATCH: usize = 30_000;
/// How many different words the text has; a few of them make up most of it.
const VOCABULARY: f64 = 60_000.0;

/// An endless text: word numbers drawn by Zipf's law from a generator with a fixed seed.
fn text() -> impl Iterator<Item = String> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let uniform = (state >> 11) as f64 / (1_u64 << 53) as f64;
        format!("word-{:0>25}", VOCABULARY.powf(uniform) as u64)
    })
}

/// Adds counts to those on disk.
fn merge(counts: &mut DiskDict<String, u64>, batch: &mut HashMap<String, u64>) -> Result<(), Error> {
    for (gram, count) in batch.drain() {
        counts.entry(gram).and_modify(|known| *known += count).or_insert(count)?;
    }
    Ok(())
}

/// Counts the runs of `words` words in `bytes` bytes of text and returns how many there were, all in all.
pub(crate) fn run(folder: &Path, bytes: u64, words: usize) -> Result<u64, Error> {
    let mut counts = DiskDict::<String, u64>::builder("grams").location(folder).write_buffer(4 << 20).open()?;
    counts.clear()?;
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(bytes) } else { ProgressBar::hidden() };
    let style = "{bar:40} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
    bar.set_style(ProgressStyle::with_template(style).expect("a template without mistakes"));

    let mut batch: HashMap<String, u64> = HashMap::new();
    let (mut read, mut grams, mut recent) = (0, 0, VecDeque::new());
    for word in text() {
        read += word.len() as u64 + 1;
        recent.push_back(word);
        if recent.len() < words {
            continue;
        }
        *batch.entry(recent.make_contiguous().join(" ")).or_default() += 1;
        recent.pop_front();
        grams += 1;
        if batch.len() >= BATCH {
            merge(&mut counts, &mut batch)?;
            bar.set_position(read);
        }
        if read >= bytes {
            break;
        }
    }
    merge(&mut counts, &mut batch)?;
    bar.finish_and_clear();

    let mut top: Vec<(u64, String)> = Vec::new();
    let mut total = 0;
    for entry in counts.iter() {
        let (gram, count) = entry?;
        total += count;
        top.push((count, gram));
        if top.len() == 1000 {
            top.sort_unstable_by(|a, b| b.cmp(a));
            top.truncate(10);
        }
    }
    top.sort_unstable_by(|a, b| b.cmp(a));
    println!("{grams} grams, {} different ones, {} bytes of text", counts.len(), read);
    for (count, gram) in top.iter().take(10) {
        println!("{count:>9}  {gram}");
    }
    assert_eq!(total, grams, "every gram is counted once");
    counts.close()?;
    Ok(grams)
}

fn main() -> Result<(), Error> {
    let mut numbers = std::env::args().skip(1).map_while(|argument| argument.parse().ok());
    let (megabytes, words) = (numbers.next().unwrap_or(100), numbers.next().unwrap_or(2));
    let folder = std::env::temp_dir().join("speedup-word-count");
    run(&folder, megabytes << 20, words as usize).map(drop)
}
