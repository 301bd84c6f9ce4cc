//! `together child NAME SIZE` is one process of several; `together` runs 1, 2 and 4 of them and prints a table.

#[allow(dead_code, reason = "shared with tests of stores, which also harm servers")]
#[path = "../../../speedup-runtime/tests/store_servers/servers.rs"]
mod servers;

use std::env;
use std::time::Duration;

use speedup_between_machines::{parent, recursions};

use servers::{Kind, Server};

/// The recursions and their sizes.
const RUNS: [(&str, &str, u32); 3] =
    [("grid", "grid, 5 ms a call", 19), ("graph", "random graph, 20 ms", 200), ("knapsack", "knapsack, 5 ms", 14)];

#[expect(clippy::print_stdout, reason = "the table is what it is for")]
fn main() {
    let words: Vec<String> = env::args().skip(1).collect();
    if let [word, name, size] = &words[..]
        && word == "child"
    {
        return parent::child(name, size.parse().expect("a size"));
    }
    let program = env::current_exe().expect("this program has a path");
    println!("| recursion | keys | processes | computed | seconds | times faster |\n|---|---|---|---|---|---|");
    for (name, title, size) in RUNS {
        let (value, keys) = recursions::by_hand(name, size);
        let mut alone = Duration::ZERO;
        for count in [1, 2, 4] {
            let Some(server) = Server::start(Kind::Redis, &[]) else { return };
            let children = parent::start(&program, &server.url(), count, name, size);
            let outcomes = parent::outcomes(children, |_, _| {});
            assert!(outcomes.iter().all(|outcome| outcome.value == Some(value)), "{outcomes:?}");
            let took = outcomes.iter().map(|outcome| outcome.took).max().unwrap_or_default();
            if count == 1 {
                alone = took;
            }
            let computed: usize = outcomes.iter().map(|outcome| outcome.computed).sum();
            let faster = alone.as_secs_f64() / took.as_secs_f64();
            println!("| {title} | {keys} | {count} | {computed} | {:.2} | {faster:.2} |", took.as_secs_f64());
        }
    }
}
