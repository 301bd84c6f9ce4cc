//! How work grows with its input, which comes before its constant; and how much there is to understand in a function.

use std::path::{Path, PathBuf};

use speedup::cache;
use speedup::measure::{fit, growth};
use speedup_benches::black_box;

use crate::{functions::functions, sources};

fn fibonacci(n: u64) -> u64 {
    if n < 2 { n } else { fibonacci(n - 1) + fibonacci(n - 2) }
}

#[cache]
fn cached_fibonacci(n: u64) -> u64 {
    if n < 2 { n } else { cached_fibonacci(n - 1).wrapping_add(cached_fibonacci(n - 2)) }
}

fn sum_of_pairs(n: u64) -> u64 {
    (0..n).flat_map(|a| (0..a).map(move |b| a ^ b)).fold(0, u64::wrapping_add)
}

/// How many comparisons a sort takes.
fn compared(n: u64) -> (u64, f64) {
    let mut values: Vec<u64> = speedup_benches::Scramble(n).take(n as usize).collect();
    let mut comparisons = 0;
    values.sort_by(|a, b| {
        comparisons += 1;
        a.cmp(b)
    });
    black_box(values);
    (n, f64::from(comparisons))
}

/// What is told of work whose growth is known, and a picture of it.
pub fn section() {
    let values: Vec<u64> = (0..1 << 20).collect();
    // Warm caches: what is looked up has been touched before.
    let found = |n: u64| values[..(n as usize).min(values.len())].binary_search(&(n / 3)).is_ok();
    println!("### Growth, as `speedup::measure::growth` tells it\n\n| work | known to be | told |\n|---|---|---|");
    let told = [
        ("an index of a list", "O(1)", growth(|n| values[(n as usize) % values.len()])),
        ("a binary search", "O(log n)", growth(found)),
        ("a sum", "O(n)", growth(|n| (0..n).map(black_box).sum::<u64>())),
        ("a sort, by comparisons", "O(n log n)", fit((6..17).map(|power| compared(1 << power)))),
        ("all pairs", "O(n^2)", growth(sum_of_pairs)),
        ("Fibonacci by its definition", "O(2^n)", growth(fibonacci)),
        ("the same with `#[cache]`, by calls computed", "O(n)", fit([10, 20, 40, 80, 160, 320].map(computed))),
    ];
    for (work, known, growth) in &told {
        println!("| {work} | {known} | {growth} |");
    }
    println!("\n```text");
    for (work, _, growth) in &told[4..] {
        println!("{work}: {growth}\n{}", growth.plot(50));
    }
    println!("```\n");
}

/// How many calls are computed from nothing.
fn computed(n: u64) -> (u64, f64) {
    CACHED_FIBONACCI.clear();
    let before = CACHED_FIBONACCI.stats().computed;
    cached_fibonacci(n);
    (n, (CACHED_FIBONACCI.stats().computed - before) as f64)
}

/// Cyclomatic complexity: one, and one more for each place where the way through a function parts (T. McCabe, 1976). Here that
/// is each line that begins or goes on with a condition, a loop, an arm of a match or a `?`, as text shows it.
fn complexity(lines: &[&str]) -> usize {
    const PARTS: [&str; 8] = ["if ", "while ", "for ", "loop {", " => ", " && ", " || ", "?"];
    let code = lines.iter().map(|line| line.split("//").next().unwrap_or_default());
    1 + code.map(|line| PARTS.iter().map(|part| line.matches(part).count()).sum::<usize>()).sum::<usize>()
}

/// The functions of a file: name and complexity.
fn named(file: &Path) -> Vec<(String, usize)> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let named = |(line, length): (usize, usize)| {
        let after = lines[line - 1].split_once("fn ").map_or("", |(_, after)| after);
        let name: String = after.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
        (name, complexity(&lines[line..line + length - 1]))
    };
    functions(&text).into_iter().map(named).collect()
}

/// The complexity of the functions of the runtime and the macros.
pub fn of_functions() {
    let mut files: Vec<PathBuf> = Vec::new();
    for folder in ["../speedup-runtime/src", "../speedup-macros/src"] {
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut files);
    }
    let mut all: Vec<(String, usize)> = files.iter().flat_map(|file| named(file)).collect();
    all.sort_by_key(|(_, complexity)| std::cmp::Reverse(*complexity));
    println!(
        "### Cyclomatic complexity of the {} functions of the runtime and the macros of more than a line\n",
        all.len()
    );
    println!("| complexity | functions |\n|---|---:|");
    for (least, most) in [(1, 1), (2, 5), (6, 10), (11, 20), (21, usize::MAX)] {
        let count = all.iter().filter(|(_, complexity)| (least..=most).contains(complexity)).count();
        let range = if most == usize::MAX { format!("{least} and more") } else { format!("{least} to {most}") };
        println!("| {range} | {count} |");
    }
    let worst: Vec<String> = all.iter().take(3).map(|(name, complexity)| format!("`{name}` ({complexity})")).collect();
    println!("\nThe most: {}.\n", worst.join(", "));
}
