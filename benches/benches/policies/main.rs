//! Bounds and ages: what they cost, and how well what goes is chosen, against the caches that people use for it.

mod hits;
mod memory;
mod misses;
mod ratios;
mod telemetry;
mod traces;

use speedup_benches::{Bars, Section, alloc::Counting, machine};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The sections, in the order of the table.
const SECTIONS: [Section; 5] = [
    ("hits", hits::run),
    ("ratios", ratios::run),
    ("misses", misses::run),
    ("memory", memory::run),
    ("telemetry", telemetry::run),
];

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    println!("## Bounds and ages\n\n{}\n", machine::description());
    let mut bars = Bars::new();
    for (name, run) in SECTIONS {
        if wanted.is_empty() || wanted.iter().any(|wish| wish == name) {
            run(&mut bars);
        }
    }
    println!("### Figures to reach\n\n{bars}");
}

/// What all functions here compute: next to nothing, so that the cache is what is measured.
fn mixed(n: u64) -> u64 {
    (n ^ n >> 31).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
