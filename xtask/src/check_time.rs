//! What `cargo check` of annotated functions takes of a processor, beside that of plain ones.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::run::{Done, Failure, cargo, root, run, timed};
use crate::say;

/// So many functions, checked so often; the two crates take turns.
const FUNCTIONS: usize = 200;
const ROUNDS: usize = 5;

/// Annotated functions may take so many times as long as plain ones, and a second.
const FACTOR: f64 = 1.3;
const MORE: Duration = Duration::from_secs(1);

/// Checks the two crates in turns and prints a table. What they depend on is checked before.
pub(crate) fn check_time() -> Result<Done, Failure> {
    let folder = root().join("target/check-time");
    let crates = [("plain", false), ("annotated", true)];
    for (name, annotated) in crates {
        write_crate(&folder.join(name), annotated).map_err(|error| error.to_string())?;
        check(&folder.join(name))?;
    }
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        for (at, (name, _)) in crates.iter().enumerate() {
            let file = folder.join(name).join("src/lib.rs");
            let text = fs::read_to_string(&file).map_err(|error| error.to_string())?;
            fs::write(&file, text + &format!("// Round {round}.\n")).map_err(|error| error.to_string())?;
            times[at].push(check(&folder.join(name))?);
        }
    }
    let [plain, annotated] = times.map(|mut times| {
        times.sort();
        times[ROUNDS / 2]
    });
    let most = plain.mul_f64(FACTOR) + MORE;
    let row = |time: Duration| format!("{:.2} s", time.as_secs_f64());
    say(&format!("| {FUNCTIONS} functions | `cargo check` |\n|---|---|"));
    say(&format!("| plain | {} |\n| with `#[cache]` | {} |", row(plain), row(annotated)));
    say(&format!("| at most {FACTOR} times as long and a second | {} |", row(most)));
    if annotated > most { Err("annotated functions take longer to check".to_owned()) } else { Ok(Done::Passed) }
}

/// The processor time of a check.
fn check(folder: &Path) -> Result<Duration, Failure> {
    let manifest = folder.join("Cargo.toml").display().to_string();
    let target = folder.join("target").display().to_string();
    let words = ["check", "--quiet", "--offline", "--manifest-path", &manifest, "--target-dir", &target];
    timed(|| run(&mut cargo(&words))).map(|(_, used)| used)
}

/// A library of functions of the kinds that people write, in turn.
fn write_crate(folder: &Path, annotated: bool) -> std::io::Result<()> {
    fs::create_dir_all(folder.join("src"))?;
    fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock"))?;
    let manifest = "[package]\nname = \"checked\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n\
                    speedup = { path = \"../../..\", default-features = false, features = [\"macros\"] }\n\n[workspace]\n";
    fs::write(folder.join("Cargo.toml"), manifest)?;
    let mut text = "//! Functions to check.\n\n".to_owned();
    for number in 0..FUNCTIONS {
        text += if annotated { "#[speedup::cache]\n" } else { "" };
        let _ = writeln!(text, "{}\n", BODIES[number % BODIES.len()].replace("NAME", &format!("function_{number}")));
    }
    fs::write(folder.join("src/lib.rs"), text)
}

const BODIES: [&str; 5] = [
    "pub fn NAME(n: u64) -> u64 {
    if n < 2 { n } else { NAME(n - 1).wrapping_add(NAME(n - 2)) }
}",
    "pub fn NAME(row: u32, column: u32) -> u64 {
    if row == 0 || column == 0 {
        return 1;
    }
    let above = NAME(row - 1, column);
    let before = NAME(row, column - 1);
    above.wrapping_add(before)
}",
    "pub fn NAME(capacity: usize, items: usize) -> u64 {
    let mut best = 0;
    for item in 0..items {
        let weight = item % 7 + 1;
        if weight <= capacity {
            best = best.max(NAME(capacity - weight, item) + weight as u64);
        }
    }
    best
}",
    "pub fn NAME(text: &str) -> usize {
    match text.split_once(' ') {
        None => text.len(),
        Some((first, rest)) => first.len() + NAME(rest),
    }
}",
    "pub fn NAME(from: u32, to: u32) -> Result<u64, String> {
    if from > to {
        return Err(format!(\"{from} lies behind {to}\"));
    }
    if to - from < 2 {
        return Ok(u64::from(to));
    }
    let middle = from + (to - from) / 2;
    Ok((from..=middle).map(u64::from).sum::<u64>() + NAME(from, middle)? + NAME(middle, to)?)
}",
];
