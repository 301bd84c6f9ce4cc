//! What users get: one run of a fresh process, and the same code in each profile that a program may be built with.
//!
//! ```text
//!   cold table [WORD..]       the cold rows: every contender of every row whose work has one of the words, in processes of its own
//!   cold puzzles [WORD..]     the puzzles, in the same way
//!   cold profiles PROGRAM..   the warm rows, by programs that were built of this file in profiles of those names
//!   cold run NAME [beside]    (by the others) one contender, which prints nanoseconds
//! ```
//!
//! Contenders take turns, round by round. What counts is the median; beside it stands the ninth of ten runs.

mod buffer;
mod cache;
mod puzzles;
mod warm;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use speedup_benches::{Bars, Limit, Spin, machine};

/// How often each contender runs in a process of its own.
const ROUNDS: usize = 21;
/// The same for programs in several profiles, which repeat the work themselves.
const WARM_ROUNDS: usize = 5;
/// What is forgiven a fresh process, in nanoseconds.
const FORGIVEN: f64 = 30_000.0;

/// Does the work once and says how long it took.
type Body = fn() -> Duration;

/// One kind of work, and those who do it: the first is ours, the second the one to be measured against, which of the puzzles is the quickest.
struct Row {
    work: &'static str,
    /// How long ours may take, in times of the second's.
    limit: Limit,
    contenders: &'static [(&'static str, Body)],
}

/// The rows of fresh processes.
fn rows() -> impl Iterator<Item = &'static Row> {
    cache::ROWS.iter().chain(buffer::ROWS)
}

fn main() -> ExitCode {
    // cargo adds `--bench` to what it runs.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["run", name, rest @ ..] => run(name, rest.contains(&"beside")),
        ["profiles", programs @ ..] => {
            let programs: Vec<PathBuf> = programs.iter().map(PathBuf::from).collect();
            profiles(&programs);
            ExitCode::SUCCESS
        }
        ["table", wanted @ ..] => {
            table(wanted);
            ExitCode::SUCCESS
        }
        ["puzzles", wanted @ ..] => {
            puzzles::table(wanted);
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("cold table [WORD..] | cold puzzles [WORD..] | cold profiles PROGRAM.. | cold run NAME [beside]");
            ExitCode::FAILURE
        }
    }
}

/// Runs one contender, named `work/contender`, perhaps beside another thread.
fn run(name: &str, beside: bool) -> ExitCode {
    if beside {
        let (started, waits) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let _ = started.send(());
            loop {
                std::thread::park();
            }
        });
        let _ = waits.recv();
    }
    let body = rows().chain(puzzles::rows()).chain(warm::ROWS).find_map(|row| {
        let contender = name.strip_prefix(row.work)?.strip_prefix('/')?;
        row.contenders.iter().find(|(name, _)| *name == contender).map(|(_, body)| body)
    });
    match body {
        Some(body) => {
            println!("{}", body().as_nanos());
            ExitCode::SUCCESS
        }
        None => ExitCode::FAILURE,
    }
}

/// The nanoseconds that a contender takes in a process of its own.
fn ask(program: &Path, work: &str, contender: &str, beside: bool) -> f64 {
    let mut command = Command::new(program);
    command.args(["run", &format!("{work}/{contender}")]).args(beside.then_some("beside"));
    let (name, rate) = Spin::passed_on();
    let output = command.env(name, rate).output().expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().unwrap_or_else(|_| panic!("{work}/{contender} ended with {} and said {text:?}", output.status))
}

/// The median and the ninth of ten.
fn summary(mut times: Vec<f64>) -> (f64, f64) {
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], times[times.len() * 9 / 10])
}

fn this_program() -> PathBuf {
    std::env::current_exe().expect("a program has a path")
}

/// Whether the work has one of the words, or there are none.
fn is_wanted(row: &Row, words: &[&str]) -> bool {
    words.is_empty() || words.iter().any(|word| row.work.contains(word))
}

fn table(wanted: &[&str]) {
    let program = this_program();
    println!("## Fresh processes\n\n{}\n", machine::description());
    let mut bars = Bars::new();
    for row in rows().filter(|row| is_wanted(row, wanted)) {
        println!(
            "### {}\n\n| contender | main thread | ninth of ten | beside another thread | ninth of ten |",
            row.work
        );
        println!("|---|---:|---:|---:|---:|");
        let mut times = vec![[Vec::new(), Vec::new()]; row.contenders.len()];
        for round in 0..ROUNDS {
            for turn in 0..row.contenders.len() {
                let index = (turn + round) % row.contenders.len();
                for beside in [false, true] {
                    let time = ask(&program, row.work, row.contenders[index].0, beside);
                    times[index][usize::from(beside)].push(time);
                }
            }
        }
        let times: Vec<[(f64, f64); 2]> = times.into_iter().map(|both| both.map(summary)).collect();
        for ((name, _), [alone, beside]) in row.contenders.iter().zip(&times) {
            let [a, b, c, d] = [alone.0, alone.1, beside.0, beside.1].map(micros);
            println!("| {name} | {a} | {b} | {c} | {d} |");
        }
        println!();
        for (place, which) in ["main thread", "beside another thread"].into_iter().enumerate() {
            let (ours, theirs) = (times[0][place], times[1][place]);
            let (typical, bad) = match row.limit {
                Limit::AtMost(most) => ((ours.0 - FORGIVEN).max(0.0) / theirs.0, Limit::AtMost(most * 2.0)),
                // A speed-up, which what is forgiven would hardly change.
                Limit::AtLeast(least) => (theirs.0 / ours.0, Limit::AtLeast(least / 2.0)),
            };
            let worse = match row.limit {
                Limit::AtMost(_) => (ours.1 - FORGIVEN).max(0.0) / theirs.0,
                Limit::AtLeast(_) => theirs.0 / ours.1,
            };
            let against = match row.limit {
                Limit::AtMost(_) => format!("{which}: time over {}", row.contenders[1].0),
                Limit::AtLeast(_) => format!("{which}: speed-up of {}", row.contenders[1].0),
            };
            bars.check(row.work, &against, typical, row.limit);
            bars.check("", "the ninth of ten runs", worse, bad);
        }
    }
    println!("### Figures to reach (30 us are forgiven)\n\n{bars}");
}

fn profiles(programs: &[PathBuf]) {
    println!("## Profiles\n\n{}\n", machine::description());
    let name = |program: &Path| {
        let profile = program.parent().and_then(Path::file_name);
        profile.map_or_else(|| "?".to_owned(), |name| name.to_string_lossy().into_owned())
    };
    let mut bars = Bars::new();
    for row in warm::ROWS {
        println!(
            "### {}\n\n| profile | {} |",
            row.work,
            row.contenders.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" | ")
        );
        println!("|---|{}", "---:|".repeat(row.contenders.len()));
        let mut times = vec![vec![Vec::new(); row.contenders.len()]; programs.len()];
        for round in 0..WARM_ROUNDS {
            for turn in 0..programs.len() {
                let at = (turn + round) % programs.len();
                for (index, (contender, _)) in row.contenders.iter().enumerate() {
                    times[at][index].push(ask(&programs[at], row.work, contender, false));
                }
            }
        }
        for (program, times) in programs.iter().zip(times) {
            let medians: Vec<f64> = times.into_iter().map(|times| summary(times).0).collect();
            let shown: Vec<String> = medians.iter().map(|time| warm::shown(row.work, *time)).collect();
            println!("| {} | {} |", name(program), shown.join(" | "));
            let (figure, value) = warm::figure(row, &medians);
            bars.check(&format!("{}, {}", row.work, name(program)), &figure, value, row.limit);
        }
        println!();
    }
    println!("### Figures to reach\n\n{bars}");
}

fn micros(nanoseconds: f64) -> String {
    format!("{:.1} us", nanoseconds / 1e3)
}
