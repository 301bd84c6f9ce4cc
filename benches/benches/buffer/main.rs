//! `#[buffer]` against a `Vec`, an append-only vector, plain iterators, channels and generators.

mod first_pass;
mod idle;
mod overlap;
mod reading;

use speedup_benches::{Bars, Section, machine};

/// The sections, in the order of the table.
const SECTIONS: [Section; 4] =
    [("reading", reading::run), ("first_pass", first_pass::run), ("overlap", overlap::run), ("idle", idle::run)];

fn main() {
    // cargo adds `--bench`; what remains names the sections wanted.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    println!("## `#[buffer]`\n\n{}\n", machine::description());
    let mut bars = Bars::new();
    for (name, run) in SECTIONS {
        if wanted.is_empty() || wanted.iter().any(|wish| wish == name) {
            run(&mut bars);
        }
    }
    println!("### Figures to reach\n\n{bars}");
}
