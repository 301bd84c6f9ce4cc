//! How recursions get on with more workers than this machine has: the engine in virtual time, beside the engine.
//!
//! `scaling table SIMULATED` prints the tables; SIMULATED is this program built with `--cfg speedup_simulated`. That one checks with
//! `scaling check` what must hold of every simulation. `cargo xtask bench scaling` and `cargo xtask bench-check` do that.

mod check;
mod recursions;
mod table;
mod worker;

use std::path::Path;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.split_first() {
        Some((first, rest)) if first == worker::CHILD => worker::child(rest),
        Some((first, [simulated])) if first == "table" => table::print(Path::new(simulated)),
        Some((first, [])) if first == "check" => check::check(),
        _ => panic!("scaling table SIMULATED | check"),
    }
}

/// The path of this program.
fn program() -> std::path::PathBuf {
    std::env::current_exe().expect("the path of this program")
}
