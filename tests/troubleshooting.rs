//! Every text of an error or a panic of this project has a row in `src/guide/troubleshooting.md`.
//!
//! What may stand for anything in a row is written `..` there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The first cells of all tables of the chapter.
fn rows() -> Vec<String> {
    let text = fs::read_to_string(root().join("src/guide/troubleshooting.md")).expect("the chapter");
    let cell =
        |line: &str| line.strip_prefix("| ")?.replace("\\|", "\u{1}").split_once(" |").map(|(cell, _)| cell.to_owned());
    let rows = text.lines().filter_map(cell).map(|cell| cell.replace('\u{1}', "|"));
    rows.filter(|cell| *cell != "text").collect()
}

/// Whether a text is what a row says, with the shortest possible text for each `..`.
fn matches(row: &str, text: &str) -> bool {
    // A row of hardly a word would explain everything.
    if row.chars().filter(|letter| letter.is_alphabetic()).count() < 8 {
        return row.replace("..", "X") == text;
    }
    let Some((first, others)) = row.split_once("..") else { return row == text };
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let (between, last) = others.rsplit_once("..").map_or((None, others), |(between, last)| (Some(between), last));
    for part in between.into_iter().flat_map(|parts| parts.split("..")) {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, ending, found);
        } else if path.extension().is_some_and(|own| own == ending) {
            found.push(path);
        }
    }
}

/// The literal that begins at a quote, as it is meant; `None` if there is none.
fn literal(source: &str) -> Option<String> {
    let mut letters = source.strip_prefix('"')?.chars();
    let mut text = String::new();
    loop {
        match letters.next()? {
            '"' => return Some(text),
            '\\' => match letters.next()? {
                '\n' => letters = letters.as_str().trim_start().chars(),
                letter => text.push(letter),
            },
            letter => text.push(letter),
        }
    }
}

/// A text in which something stands for each placeholder.
fn filled(text: &str) -> String {
    let mut filled = String::new();
    let mut depth = 0;
    for letter in text.chars() {
        match letter {
            '{' => {
                depth += 1;
                filled.push('X');
            }
            '}' => depth -= 1,
            letter if depth == 0 => filled.push(letter),
            _ => {}
        }
    }
    filled
}

/// The texts of errors and panics in the runtime's sources, without those of tests, models and the simulation, which no program has.
fn texts_of_the_runtime() -> BTreeSet<String> {
    let mut sources = Vec::new();
    files(&root().join("speedup-runtime/src"), "rs", &mut sources);
    let mut texts = BTreeSet::new();
    for file in sources {
        let name = file.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        let of_tests = name.ends_with("tests")
            || name == "loom"
            || file.iter().any(|part| part == "model" || part == "tests" || part == "simulation");
        let source = fs::read_to_string(&file).expect("a source");
        let source = source.split("#[cfg(test)]").next().unwrap_or_default();
        let source = source.split("#[cfg(all(test").next().unwrap_or_default();
        if of_tests {
            continue;
        }
        for start in ["#[error(", "panic!(", "panic_any(", "const CYCLE: &str = "] {
            for (at, _) in source.match_indices(start) {
                let behind = source[at + start.len()..].trim_start();
                let line = source[..at].rsplit('\n').next().unwrap_or_default().trim_start();
                if !line.starts_with("//") {
                    texts.extend(literal(behind).map(|text| filled(&text)).filter(|text| *text != "X"));
                }
            }
        }
    }
    texts
}

/// The first lines of what the compiler says in the tests of compile errors. Warnings of its own are no texts of ours.
fn texts_of_the_macros() -> BTreeSet<String> {
    let mut outputs = Vec::new();
    for folder in ["cache", "buffer", "key"] {
        files(&root().join("tests/ui").join(folder), "stderr", &mut outputs);
    }
    let mut texts = BTreeSet::new();
    for file in outputs {
        let output = fs::read_to_string(file).expect("an output");
        let errors = output.lines().filter(|line| line.starts_with("error"));
        texts.extend(errors.filter_map(|line| line.split_once(": ")).map(|(_, text)| text.to_owned()));
    }
    texts
}

fn assert_explained(texts: &BTreeSet<String>, least: usize) {
    assert!(texts.len() >= least, "only {} texts were found: is the search still right?", texts.len());
    let rows = rows();
    let missing: Vec<&String> = texts.iter().filter(|text| !rows.iter().any(|row| matches(row, text))).collect();
    assert!(missing.is_empty(), "no row of src/guide/troubleshooting.md explains:\n{missing:#?}");
}

#[test]
fn every_error_and_panic_of_the_runtime_is_explained() {
    assert_explained(&texts_of_the_runtime(), 40);
}

#[test]
fn every_compile_error_is_explained() {
    assert_explained(&texts_of_the_macros(), 100);
}

#[test]
fn rows_match_what_they_say_and_nothing_else() {
    assert!(matches("a `..` is no `..` here", "a `cat` is no `big dog` here"));
    assert!(matches("`..` ends there..", "`it` ends there and then"));
    assert!(!matches("a `..` is no mammal", "a `cat` is no mammal today"));
    assert!(!matches("a `..` is known", "the `cat` is known"));
    assert!(!matches("..: ..", "X is damaged: X"));
}
