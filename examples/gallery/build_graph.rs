//! A build graph of real commands: each target is made once, and what does not need one another side by side.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use speedup::cache;

use super::show::{Outcome, Shown, check, ratio, repository, show, text_files, timed};

/// A target, what it needs, and the command that makes it in the folder of the build.
struct Rule {
    needs: Vec<usize>,
    command: String,
}

struct Build<'a> {
    folder: &'a Path,
    rules: Vec<Rule>,
    runs: AtomicUsize,
}

impl Build<'_> {
    fn run(&self, target: usize) -> Result<(), String> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        let command = &self.rules[target].command;
        let output = Command::new("sh").args(["-c", command]).current_dir(self.folder).output();
        let output = output.map_err(|error| format!("sh: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!("`{command}`: {}", String::from_utf8_lossy(&output.stderr)))
    }
}

/// Makes a target and all that it needs. A failure reaches whoever needs the target, and is tried again by the next build.
#[cache(scoped)]
fn make(build: &Build<'_>, target: usize) -> Result<(), String> {
    build.rules[target].needs.iter().map(|needed| make(build, *needed)).collect::<Result<Vec<()>, String>>()?;
    build.run(target)
}

/// In the order of the rules, one after the other.
fn one_by_one(build: &Build<'_>) -> Result<(), String> {
    (0..build.rules.len()).try_for_each(|target| build.run(target))
}

/// The words of each file in order, merged pair by pair; one more target counts each of the words.
fn rules(files: &[impl AsRef<Path>]) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for (target, file) in files.iter().enumerate() {
        let file = file.as_ref().display();
        let command = format!("tr -cs 'A-Za-z' '\\n' < '{file}' | LC_ALL=C sort > {target}");
        rules.push(Rule { needs: Vec::new(), command });
    }
    let mut open: Vec<usize> = (0..files.len()).collect();
    while let [first, second, ..] = open[..] {
        let command = format!("LC_ALL=C sort -m {first} {second} > {}", rules.len());
        open.push(rules.len());
        open.drain(..2);
        rules.push(Rule { needs: vec![first, second], command });
    }
    let merged = rules.len() - 1;
    rules.push(Rule { needs: vec![merged], command: format!("uniq -c {merged} > counts") });
    rules
}

pub(crate) fn run(quick: bool) -> Outcome<Shown> {
    if cfg!(not(unix)) {
        return Ok(Shown::new("nothing".to_owned(), "its commands are those of Unix".to_owned()));
    }
    let folder = tempfile::tempdir()?;
    let files = text_files(&repository().join("src"), &["md", "rs"])?;
    let files = &files[..files.len().min(if quick { 4 } else { 16 })];
    let build = Build { folder: folder.path(), rules: rules(files), runs: AtomicUsize::new(0) };
    let last = build.rules.len() - 1;

    let (made, together) = timed(|| make(&build, last));
    made?;
    check(build.runs.load(Ordering::Relaxed) == build.rules.len(), "each command has run once")?;
    let counts = std::fs::read_to_string(folder.path().join("counts"))?;
    let (made, alone) = timed(|| one_by_one(&build));
    made?;
    check(counts == std::fs::read_to_string(folder.path().join("counts"))?, "in any order, the counts are the same")?;
    let total: usize = counts.lines().filter_map(|line| line.split_whitespace().next()?.parse::<usize>().ok()).sum();
    check(total > 1_000, "it has counted words")?;
    Ok(Shown::new(
        format!("{} commands of a shell, in {}", build.rules.len(), show(together)),
        format!("{:.2} times as fast as one after the other", ratio(alone, together)),
    ))
}
