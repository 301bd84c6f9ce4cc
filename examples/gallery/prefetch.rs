//! A reader that is a step ahead: the next blocks of a file are read and counted while the last one is being worked on.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use speedup::Buffer;

use super::show::{Outcome, Shown, check, ratio, repository, show, text_files, timed};

/// How many lines make a block.
const LINES: usize = 200;

/// A block of lines as words. Whoever opens it reads; nothing is read before.
fn blocks(files: Vec<PathBuf>) -> impl Iterator<Item = io::Result<Vec<String>>> + Send {
    files.into_iter().flat_map(|file| match File::open(file) {
        Ok(file) => Blocks { lines: Some(BufReader::new(file)), failed: None },
        Err(error) => Blocks { lines: None, failed: Some(error) },
    })
}

struct Blocks {
    lines: Option<BufReader<File>>,
    failed: Option<io::Error>,
}

impl Iterator for Blocks {
    type Item = io::Result<Vec<String>>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.failed.take() {
            return Some(Err(error));
        }
        let lines: io::Result<Vec<String>> = self.lines.as_mut()?.lines().take(LINES).collect();
        let split =
            |lines: Vec<String>| lines.iter().flat_map(|line| line.split_whitespace().map(str::to_lowercase)).collect();
        match lines {
            Ok(lines) if lines.is_empty() => None,
            Ok(lines) => Some(Ok(split(lines))),
            Err(error) => {
                self.lines = None;
                Some(Err(error))
            }
        }
    }
}

/// What is done with a block.
fn count(counts: &mut HashMap<String, u64>, words: &[String]) {
    words.iter().for_each(|word| *counts.entry(word.clone()).or_default() += 1);
}

/// The sources of the repository, several times over.
fn files(folder: &Path, times: usize) -> Outcome<Vec<PathBuf>> {
    let files = text_files(folder, &["rs", "md"])?;
    Ok(files.iter().cycle().take(files.len() * times).cloned().collect())
}

pub(crate) fn run(quick: bool) -> Outcome<Shown> {
    let files = files(&repository().join("src"), if quick { 1 } else { 50 })?;
    let (in_line, one) = timed(|| -> io::Result<HashMap<String, u64>> {
        let mut counts = HashMap::new();
        for block in blocks(files.clone()) {
            count(&mut counts, &block?);
        }
        Ok(counts)
    });
    let (ahead, two) = timed(|| -> Result<HashMap<String, u64>, String> {
        let mut counts = HashMap::new();
        for block in &Buffer::from_iter(blocks(files.clone())).size(8) {
            count(&mut counts, block.as_ref().map_err(ToString::to_string)?);
        }
        Ok(counts)
    });
    let (in_line, ahead) = (in_line?, ahead?);
    check(in_line == ahead, "the counts are the same")?;
    Ok(Shown::new(
        format!("{} words in {}", in_line.values().sum::<u64>(), show(two)),
        format!("{:.2} times as fast as reading in line", ratio(one, two)),
    ))
}
