//! The tables of the page.

use std::path::Path;

use speedup_benches::machine;

use crate::program;
use crate::recursions::{ALL, Recursion};
use crate::worker::{CHANGES, SLEEP, run};

/// What a call works where nothing else is said.
const WORK: u64 = 20_000;
/// Calls that cost other than that.
const WORKS: [(u64, &str); 6] =
    [(500, "0.5 us"), (2_000, "2 us"), (5_000, "5 us"), (20_000, "20 us"), (100_000, "100 us"), (1_000_000, "1 ms")];
const WORKERS: [usize; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];
/// Of so many runs of the engine itself the least time counts.
const ROUNDS: usize = 3;
/// Measured and simulated times are to differ by no more than this, as a share.
const BAND: f64 = 0.15;

/// Prints all tables.
pub fn print(simulated: &Path) {
    println!("## Scaling\n\nMeasured on {}.\n", machine::description());
    println!(
        "Simulated: the engine itself, in virtual time, with as many threads as told. What costs what is as measured on this machine: a call 150 ns beside its body, \
         a look at an entry of a board 15 ns, 20 us until a helper comes, 40 us until a sleeper is awake, 80 us to start a thread of the pool. Each run is \
         a fresh process. A call works {} us where nothing else is said, and each key is computed once.\n",
        WORK / 1_000
    );
    compared(simulated);
    by_workers(simulated);
    by_work(simulated);
    by_costs(simulated);
}

/// The simulation beside the engine.
fn compared(simulated: &Path) {
    const SLEEPS: u64 = 500_000;
    const COMPUTES: u64 = 100_000;
    println!("### The simulation beside the engine\n");
    println!(
        "Times faster than with one thread, by the least times of {ROUNDS} rounds. Calls that sleep {} us show what the engine leaves to others, whatever the \
         machine has to give; those that compute for {} us need two processors that are free.\n",
        SLEEPS / 1_000,
        COMPUTES / 1_000
    );
    println!(
        "| recursion | 2 threads, sleeping | simulated | 4 threads, sleeping | simulated | within {BAND} | 2 threads, computing |"
    );
    println!("|---|---:|---:|---:|---:|---|---:|");
    for recursion in &ALL {
        let [two, four] = [2, 4].map(|workers| gain(&program(), recursion, SLEEPS, workers, SLEEP, ROUNDS));
        let [of_two, of_four] = [2, 4].map(|workers| gain(simulated, recursion, SLEEPS, workers, "none", 1));
        let computing = gain(&program(), recursion, COMPUTES, 2, "none", ROUNDS);
        let met = [of_two / two, of_four / four].iter().all(|over| (over - 1.0).abs() <= BAND);
        let met = if met { "met" } else { "**missed**" };
        println!(
            "| {} | {two:.2} | {of_two:.2} | {four:.2} | {of_four:.2} | {met} | {computing:.2} |",
            recursion.about
        );
    }
}

/// Times faster than with one worker, by the least time of so many rounds: what else runs on the machine only ever adds.
fn gain(program: &Path, recursion: &Recursion, work: u64, workers: usize, change: &str, rounds: usize) -> f64 {
    let mut least = [u64::MAX; 2];
    for _ in 0..rounds {
        for (least, workers) in least.iter_mut().zip([1, workers]) {
            *least = (*least).min(run(program, recursion, work, workers, change).nanoseconds);
        }
    }
    least[0] as f64 / least[1] as f64
}

/// Times faster than one worker, as a part of a row.
fn faster(simulated: &Path, recursion: &Recursion, work: u64) -> String {
    let alone = run(simulated, recursion, work, 1, "none").nanoseconds as f64;
    let faster = |workers: &usize| {
        let run = run(simulated, recursion, work, *workers, "none");
        format!(" {:.2} |", alone / run.nanoseconds as f64)
    };
    WORKERS.iter().map(faster).collect()
}

fn heads() -> (String, String) {
    (WORKERS.iter().map(|workers| format!(" {workers} |")).collect(), "---:|".repeat(WORKERS.len()))
}

/// Every recursion with every number of workers.
fn by_workers(simulated: &Path) {
    let (heads, rules) = heads();
    println!("\n### Times faster by workers, simulated\n");
    println!("At most: all calls over those of the longest chain, which is what any number of workers could reach.\n");
    println!("| recursion | calls | at most |{heads}\n|---|---:|---:|{rules}");
    for recursion in &ALL {
        let size = recursion.size();
        let most = size.calls as f64 / size.longest as f64;
        println!("| {} | {} | {most:.1} |{}", recursion.about, size.calls, faster(simulated, recursion, WORK));
    }
}

/// The grid, with calls that cost more or less.
fn by_work(simulated: &Path) {
    let (heads, rules) = heads();
    println!("\n### The grid by the work of a call, simulated\n\n| work |{heads}\n|---|{rules}");
    for (work, name) in WORKS {
        println!("| {name} |{}", faster(simulated, &ALL[0], work));
    }
}

/// What would be gained if something cost nothing.
fn by_costs(simulated: &Path) {
    const MANY: usize = 32;
    println!("\n### What would move the limit: times faster with {MANY} workers, simulated\n");
    let names: String = ALL.iter().map(|recursion| format!(" {} |", recursion.name)).collect();
    println!("| costs |{names}\n|---|{}", "---:|".repeat(ALL.len()));
    for change in &CHANGES {
        let faster =
            |recursion: &Recursion| format!(" {:.2} |", gain(simulated, recursion, WORK, MANY, change.name, 1));
        println!("| {} |{}", change.about, ALL.iter().map(faster).collect::<String>());
    }
}
