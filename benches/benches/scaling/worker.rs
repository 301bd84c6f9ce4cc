//! One run in a process of its own: of the engine as it is, or in a simulation.

use std::path::Path;
use std::process::Command;

use speedup_benches::Spin;

use crate::recursions::Recursion;

/// What has come of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    pub computed: u64,
    pub nanoseconds: u64,
}

/// Which of the costs of a simulation are other ones than were measured.
#[derive(Clone, Copy)]
pub struct Change {
    pub name: &'static str,
    pub about: &'static str,
    #[cfg(speedup_simulated)]
    change: fn(&mut speedup_runtime::simulation::Costs),
}

macro_rules! changes {
    ($($name:literal $about:literal: |$costs:ident| $change:expr;)*) => {
        [$(Change {
            name: $name,
            about: $about,
            #[cfg(speedup_simulated)]
            change: |$costs| $change,
        }),*]
    };
}

/// What could be cheaper.
pub const CHANGES: [Change; 7] = changes! {
    "none" "as measured": |_costs| ();
    "call" "a call costs nothing beside its body": |costs| costs.call = NOTHING;
    "search" "a look at a board costs nothing": |costs| costs.step = NOTHING;
    "wake" "who sleeps is awake at once": |costs| (costs.wake, costs.waking) = (NOTHING, NOTHING);
    "invite" "helpers come at once": |costs| (costs.invite, costs.coming) = (NOTHING, NOTHING);
    "start" "the pool is running": |costs| costs.start = NOTHING;
    "all" "all of these": |costs| {
        (costs.call, costs.step, costs.wake, costs.waking) = (NOTHING, NOTHING, NOTHING, NOTHING);
        (costs.invite, costs.coming, costs.start) = (NOTHING, NOTHING, NOTHING);
    };
};

#[cfg(speedup_simulated)]
const NOTHING: std::time::Duration = std::time::Duration::ZERO;

/// In place of a change: a run of the engine itself whose calls sleep, so that processors are no limit.
pub const SLEEP: &str = "sleep";

/// The words that [`run`] starts a program with.
pub const CHILD: &str = "child";

/// Runs a recursion in a process of this program, with so many workers.
pub fn run(program: &Path, recursion: &Recursion, work: u64, workers: usize, change: &str) -> Run {
    let (rate, steps) = Spin::passed_on();
    let output = Command::new(program)
        .args([CHILD, recursion.name, &work.to_string(), &workers.to_string(), change])
        .env("RAYON_NUM_THREADS", workers.to_string())
        .env(rate, steps)
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<u64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    match (output.status.success(), &numbers[..]) {
        (true, &[computed, nanoseconds]) => Run { computed, nanoseconds },
        _ => panic!("{} of {workers}: {}", recursion.name, String::from_utf8_lossy(&output.stderr)),
    }
}

/// What such a process does.
pub fn child(words: &[String]) {
    let [name, work, workers, change] = words else { panic!("child RECURSION NANOSECONDS WORKERS CHANGE") };
    let number = |word: &String| word.parse().unwrap_or_else(|_| panic!("{word:?} is no number"));
    let run = here(&Recursion::of(name), number(work), number(workers) as usize, change);
    println!("{} {}", run.computed, run.nanoseconds);
}

#[cfg(speedup_simulated)]
fn here(recursion: &Recursion, nanoseconds: u64, workers: usize, change: &str) -> Run {
    use speedup_runtime::simulation::{Costs, simulate};
    let mut costs = Costs::MEASURED;
    let change = CHANGES.iter().find(|each| each.name == change).unwrap_or_else(|| panic!("no change {change}"));
    (change.change)(&mut costs);
    let (computed, took) = simulate(workers, costs, || recursion.compute(nanoseconds));
    Run { computed, nanoseconds: took.as_nanos() as u64 }
}

/// Whether calls sleep instead of computing.
#[cfg(not(speedup_simulated))]
static SLEEPS: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

#[cfg(not(speedup_simulated))]
fn here(recursion: &Recursion, nanoseconds: u64, _: usize, change: &str) -> Run {
    SLEEPS.store(change == SLEEP, std::sync::atomic::Ordering::Relaxed);
    // Calibrated, or told, before the clock starts.
    Spin::of(std::time::Duration::from_nanos(nanoseconds));
    let began = std::time::Instant::now();
    let computed = recursion.compute(nanoseconds);
    Run { computed, nanoseconds: began.elapsed().as_nanos() as u64 }
}

/// The work of a call.
pub fn work(nanoseconds: u64) {
    let time = std::time::Duration::from_nanos(nanoseconds);
    #[cfg(speedup_simulated)]
    speedup_runtime::simulation::work(time);
    #[cfg(not(speedup_simulated))]
    if SLEEPS.load(std::sync::atomic::Ordering::Relaxed) {
        std::thread::sleep(time);
    } else {
        Spin::of(time).run(nanoseconds);
    }
}
