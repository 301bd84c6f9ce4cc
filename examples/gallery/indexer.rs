//! The classic indexer: a queue of files for each of their kinds, workers that read them, and one writer. Then the same as one call
//! of `speedup::map`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, mpsc};
use std::thread;

use speedup::DiskDict;

use super::show::{Outcome, Shown, check, ratio, repository, show, text_files, timed};

const KINDS: [&str; 2] = ["rs", "md"];

/// Which files a word is in.
type Index = BTreeMap<String, BTreeSet<PathBuf>>;

/// The words of a file, and their stems: what is left without an ending.
fn words(file: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default().to_lowercase();
    let words = text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').filter(|word| word.len() > 2);
    words.flat_map(|word| [word, word.trim_end_matches("ing").trim_end_matches('s')]).map(str::to_owned).collect()
}

fn write(index: &mut Index, file: &Path, words: BTreeSet<String>) {
    for word in words {
        index.entry(word).or_default().insert(file.to_path_buf());
    }
}

/// A pool of `workers` takes the files of each kind from a queue of their own; one writer puts together what they find.
fn by_queue(files: &[PathBuf], workers: usize) -> Index {
    let of_kind = |kind| files.iter().filter(move |file| file.extension().is_some_and(|ending| ending == kind));
    let queues = KINDS.map(|kind| Mutex::new(of_kind(kind)));
    let mut index = Index::new();
    thread::scope(|scope| {
        let (results, found) = mpsc::channel();
        for queue in &queues {
            for _ in 0..workers {
                let results = results.clone();
                // It ends when the queue is empty.
                scope.spawn(move || {
                    let next = || queue.lock().ok().and_then(|mut files| files.next());
                    std::iter::from_fn(next).try_for_each(|file| results.send((file, words(file))))
                });
            }
        }
        drop(results);
        found.iter().for_each(|(file, words)| write(&mut index, file, words));
    });
    index
}

/// The engine's own pool does the waiting.
fn by_map(files: &[PathBuf]) -> Index {
    let mut index = Index::new();
    let found = speedup::map(files, |file| words(file));
    files.iter().zip(found).for_each(|(file, words)| write(&mut index, file, words));
    index
}

pub(crate) fn run(quick: bool) -> Outcome<Shown> {
    let mut files = text_files(&repository(), &KINDS)?;
    if quick {
        files.truncate(12);
    }
    let (wanted, alone) = timed(|| by_queue(&files, 1));
    let (two, with_two) = timed(|| by_queue(&files, 2));
    let (four, with_four) = timed(|| by_queue(&files, 4));
    let (mapped, with_map) = timed(|| by_map(&files));
    check(two == wanted && four == wanted, "the number of workers makes no difference")?;
    check(mapped == wanted, "nor does the pool")?;

    let folder = tempfile::tempdir()?;
    let mut kept = DiskDict::<String, BTreeSet<PathBuf>>::builder("index").location(folder.path()).open()?;
    kept.extend(wanted)?;
    check(
        kept.len() == mapped.len() && kept.get(&"cache".to_owned())? == mapped.get("cache").cloned(),
        "the index is kept",
    )?;
    Ok(Shown::new(
        format!("{} files, {} words, in {}", files.len(), mapped.len(), show(with_map)),
        format!(
            "1, 2, 4 threads a kind: 1, {:.2}, {:.2}; `speedup::map`: {:.2} times",
            ratio(alone, with_two),
            ratio(alone, with_four),
            ratio(alone, with_map)
        ),
    ))
}
