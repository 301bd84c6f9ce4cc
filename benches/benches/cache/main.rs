//! `#[cache]` against hand-written tables and every memoizer and concurrent map that could take its place.

mod forms;
mod hits;
mod misses;
mod parallel;
mod peers;
mod recursion;

use speedup_benches::{Bars, Section, alloc::Counting, machine};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The sections, in the order of the table.
const SECTIONS: [Section; 5] = [
    ("hits", hits::run),
    ("forms", forms::run),
    ("misses", misses::run),
    ("recursion", recursion::run),
    ("parallel", parallel::run),
];

fn main() {
    // cargo adds `--bench`; what remains names the sections wanted.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    println!("## `#[cache]`\n\n{}\n", machine::description());
    let mut bars = Bars::new();
    for (name, run) in SECTIONS {
        if wanted.is_empty() || wanted.iter().any(|wish| wish == name) {
            run(&mut bars);
        }
    }
    println!("### Figures to reach\n\n{bars}");
}
