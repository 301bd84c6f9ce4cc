//! An inverted index larger than the memory it uses, and questions to it.

use std::collections::BTreeMap;
use std::path::Path;

use speedup::DiskDict;
use speedup::disk::Error;

use super::show::{Outcome, Shown, check, numbers, repository, show, text_files, timed};

/// Words are kept with the paragraphs they are in, in blocks: `(word, block)`. So no value grows, and a word's blocks lie together.
type Postings = DiskDict<(String, u32), Vec<u32>>;

/// How many paragraphs a block spans.
const BLOCK: u32 = 4096;
/// How many paragraphs are indexed in memory before they go to disk.
const BATCH: u32 = 2_000;

fn open(folder: &Path) -> Result<Postings, Error> {
    Postings::builder("postings").location(folder).page_size(64).max_pages(64).write_buffer(1 << 20).open()
}

/// The paragraphs that hold all of these words.
fn query(index: &Postings, words: &[&str]) -> Result<Vec<u32>, Error> {
    let mut found: Option<Vec<u32>> = None;
    for word in words {
        let mut with_word = Vec::new();
        for entry in index.range(((*word).to_owned(), 0)..=((*word).to_owned(), u32::MAX)) {
            with_word.extend(entry?.1);
        }
        found = Some(match found {
            None => with_word,
            Some(so_far) => so_far.into_iter().filter(|paragraph| with_word.binary_search(paragraph).is_ok()).collect(),
        });
    }
    Ok(found.unwrap_or_default())
}

/// Paragraph after paragraph, made of the repository's words in an order that looks random.
fn paragraphs(vocabulary: &[String], count: u32) -> impl Iterator<Item = Vec<&str>> {
    let mut random = numbers(99);
    (0..count).map(move |_| {
        let pick =
            |n: u64| vocabulary[(n as usize % vocabulary.len()) * (n as usize >> 20) % vocabulary.len()].as_str();
        let mut words: Vec<&str> = random.by_ref().take(40).map(pick).collect();
        words.sort_unstable();
        words.dedup();
        words
    })
}

/// Adds what a batch has found.
fn merge(index: &mut Postings, batch: &mut BTreeMap<(String, u32), Vec<u32>>) -> Result<(), Error> {
    for (key, found) in std::mem::take(batch) {
        index.entry(key).or_default()?.extend(found);
    }
    Ok(())
}

pub(crate) fn run(quick: bool) -> Outcome<Shown> {
    let folder = tempfile::tempdir()?;
    let mut vocabulary = std::collections::BTreeSet::new();
    for file in text_files(&repository().join("src"), &["md"])? {
        let text = std::fs::read_to_string(file)?;
        vocabulary.extend(text.split(|letter: char| !letter.is_alphabetic()).map(str::to_lowercase));
    }
    let vocabulary: Vec<String> = vocabulary.into_iter().filter(|word| word.len() > 3).collect();
    let count = if quick { 3_000 } else { 200_000 };

    let mut index = open(folder.path())?;
    let (built, building) = timed(|| -> Result<u64, Error> {
        let (mut batch, mut postings) = (BTreeMap::<(String, u32), Vec<u32>>::new(), 0);
        for (paragraph, words) in (0..).zip(paragraphs(&vocabulary, count)) {
            postings += words.len() as u64;
            for word in words {
                batch.entry((word.to_owned(), paragraph / BLOCK)).or_default().push(paragraph);
            }
            if paragraph % BATCH == BATCH - 1 {
                merge(&mut index, &mut batch)?;
            }
        }
        merge(&mut index, &mut batch)?;
        Ok(postings)
    });
    let postings = built?;
    index.close()?;

    let index = open(folder.path())?;
    let asked = [vocabulary[0].as_str(), vocabulary[vocabulary.len() / 3].as_str()];
    let (answer, asking) = timed(|| query(&index, &asked));
    let answer = answer?;
    let wanted: Vec<u32> = (0..)
        .zip(paragraphs(&vocabulary, count))
        .filter(|(_, words)| asked.iter().all(|word| words.contains(word)))
        .map(|(paragraph, _)| paragraph)
        .collect();
    check(answer == wanted, "a scan of the text finds the same paragraphs")?;
    Ok(Shown::new(
        format!("{postings} postings in {}; in memory, at most 64 pages of 64 lists", show(building)),
        format!("a question for two words in {}, after a restart", show(asking)),
    ))
}
