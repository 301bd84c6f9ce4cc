//! The gallery: short programs on real input, each of which checks its result and tells what `speedup` was worth.
//!
//! ```text
//! cargo run --release --example gallery [NAME..] [--quick]
//! ```

#![allow(clippy::print_stdout, reason = "an example shows its results")]

mod build_graph;
mod connect_four;
mod diff;
mod fibonacci;
mod grammar;
mod indexer;
mod inverted_index;
mod knapsack;
mod matrix_chain;
pub(crate) mod number_theory;
mod option_price;
mod prefetch;
mod salesman;
mod search_tree;
mod show;
mod springs;
mod towels;

use show::{Outcome, Shown};

/// A program of the gallery; `quick` makes it small.
type Program = fn(quick: bool) -> Outcome<Shown>;

pub(crate) const PROGRAMS: [(&str, Program); 17] = [
    ("fibonacci", fibonacci::run),
    ("factoring", number_theory::factoring::run),
    ("number_theory", number_theory::run),
    ("diff", diff::run),
    ("matrix_chain", matrix_chain::run),
    ("search_tree", search_tree::run),
    ("knapsack", knapsack::run),
    ("salesman", salesman::run),
    ("grammar", grammar::run),
    ("springs", springs::run),
    ("towels", towels::run),
    ("connect_four", connect_four::run),
    ("option_price", option_price::run),
    ("build_graph", build_graph::run),
    ("indexer", indexer::run),
    ("inverted_index", inverted_index::run),
    ("prefetch", prefetch::run),
];

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (options, names): (Vec<&String>, Vec<&String>) = arguments.iter().partition(|word| word.starts_with("--"));
    let quick = options.iter().any(|option| *option == "--quick");
    println!("| program | what it did | what it was worth |\n|---|---|---|");
    for (name, program) in PROGRAMS {
        if names.is_empty() || names.iter().any(|wanted| *wanted == name) {
            let shown = program(quick).map_err(|error| format!("{name}: {error}"))?;
            println!("| `{name}` | {} | {} |", shown.result, shown.effect);
        }
    }
    Ok(())
}
