//! What the attribute finds in the code that people write: the shapes of its documentation, and the recursions of
//! `tests/corpus`.
//!
//! ```text
//!   shapes table [WORD..]   the rows whose name has one of the words
//!   shapes run [WORD..]     (by the other) the same once, in a process of its own
//! ```
//!
//! A row is measured in several processes, once in each: first with `sequential`, then without. The median of the ratios
//! counts. In others the calls sleep instead of computing: what these gain does not depend on how much of its cores the machine
//! has to give.

use std::collections::HashMap;
use std::process::{Command, ExitCode};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use speedup_benches::{Spin, black_box, machine};

/// So many processes measure each row.
const ROUNDS: usize = 5;
/// So many more measure what calls gain that sleep.
const SLEEPING_ROUNDS: usize = 3;
/// What a call of the corpus takes.
const CALL: Duration = Duration::from_micros(60);
/// Set in a process whose calls sleep.
const SLEEP: &str = "SPEEDUP_CALLS_SLEEP";
/// A gain that needs no reason.
const GAIN: f64 = 1.6;

/// A function with its two attributes.
pub(crate) struct Row {
    family: &'static str,
    name: &'static str,
    sequential: fn(),
    cached: fn(),
}

/// The functions of a family, with both attributes.
macro_rules! family {
    ($functions:ident) => {
        mod cached {
            $functions!(#[speedup::cache]);
        }
        mod sequential {
            $functions!(#[speedup::cache(sequential)]);
        }
    };
}

/// The rows of a family.
macro_rules! agree {
    ($($name:ident($($argument:expr),* $(,)?) $(or $large:tt)?;)*) => {
        pub(crate) fn rows() -> Vec<crate::Row> {
            let family = module_path!().rsplit("::").next().unwrap_or_default();
            vec![$(crate::Row {
                family,
                name: stringify!($name),
                sequential: call!(sequential $name ($($argument),*) $($large)?),
                cached: call!(cached $name ($($argument),*) $($large)?),
            }),*]
        }
    };
}

/// A call with the larger arguments, if there are any.
macro_rules! call {
    ($module:ident $name:ident ($($argument:expr),*)) => {
        || {
            let _ = speedup_benches::black_box($module::$name($($argument),*));
        }
    };
    ($module:ident $name:ident ($($argument:expr),*) ($($large:expr),* $(,)?)) => {
        || {
            let _ = speedup_benches::black_box($module::$name($($large),*));
        }
    };
}

#[cfg(not(speedup_simulated))]
mod by_rayon;
mod reasons;
mod shapes;

#[path = "../../../tests/corpus/counting.rs"]
mod counting;
#[path = "../../../tests/corpus/games.rs"]
mod games;
#[path = "../../../tests/corpus/graphs.rs"]
mod graphs;
#[path = "../../../tests/corpus/indices.rs"]
mod indices;
#[path = "../../../tests/corpus/masks.rs"]
mod masks;
#[path = "../../../tests/corpus/texts.rs"]
mod texts;

static CALLS: AtomicU64 = AtomicU64::new(0);

/// Takes as long as a call of the corpus shall.
fn work() {
    work_for(CALL);
}

/// Counts a call, which takes so long.
pub(crate) fn work_for(time: Duration) {
    CALLS.fetch_add(1, Ordering::Relaxed);
    take(time);
}

/// Takes so long in virtual time.
#[cfg(speedup_simulated)]
pub(crate) fn take(time: Duration) {
    speedup_runtime::simulation::work(time);
}

/// Takes so long: by computing or, where processes are to tell what the calls leave to others, by sleeping.
#[cfg(not(speedup_simulated))]
pub(crate) fn take(time: Duration) {
    static SLEEPS: OnceLock<bool> = OnceLock::new();
    if *SLEEPS.get_or_init(|| std::env::var_os(SLEEP).is_some()) {
        return std::thread::sleep(time);
    }
    thread_local! {
        static LAST: std::cell::Cell<Option<(Duration, Spin)>> = const { std::cell::Cell::new(None) };
    }
    let spin = LAST.get().filter(|last| last.0 == time).map_or_else(|| Spin::of(time), |last| last.1);
    LAST.set(Some((time, spin)));
    black_box(spin.run(7));
}

fn rows(words: &[&str]) -> Vec<Row> {
    #[cfg(not(speedup_simulated))]
    let by_rayon = by_rayon::rows;
    #[cfg(speedup_simulated)]
    let by_rayon = Vec::new;
    let families =
        [shapes::rows, by_rayon, counting::rows, games::rows, graphs::rows, indices::rows, masks::rows, texts::rows];
    let is_wanted =
        |row: &Row| words.is_empty() || words.iter().any(|word| row.name.contains(word) || row.family == *word);
    families.into_iter().flat_map(|rows| rows()).filter(is_wanted).collect()
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["run", wanted @ ..] => rows(wanted).iter().for_each(run),
        ["table", wanted @ ..] => table(wanted),
        #[cfg(speedup_simulated)]
        ["simulated", name, workers, costs] => simulated(name, workers, costs),
        _ => {
            eprintln!("shapes table [WORD..] | shapes run [WORD..]");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Measures a row and prints its name, and calls and nanoseconds of both.
fn run(row: &Row) {
    static WARM: OnceLock<()> = OnceLock::new();
    WARM.get_or_init(|| {
        rayon_threads();
        work();
    });
    let measure = |body: fn()| {
        let before = CALLS.load(Ordering::Relaxed);
        let start = Instant::now();
        body();
        (CALLS.load(Ordering::Relaxed) - before, start.elapsed().as_nanos())
    };
    let ((once, alone), (calls, together)) = (measure(row.sequential), measure(row.cached));
    println!("{} {once} {alone} {calls} {together}", row.name);
}

/// Prints the nanoseconds that a row takes so many threads: as costs were measured, or for nothing but its calls.
#[cfg(speedup_simulated)]
fn simulated(name: &str, workers: &str, costs: &str) {
    use speedup_runtime::simulation::{Costs, simulate};
    let row = rows(&[name]).into_iter().find(|row| row.name == name).expect("the name of a row");
    let free = Costs {
        call: Duration::from_nanos(1),
        spin: Duration::from_nanos(1),
        give_way: Duration::from_nanos(1),
        step: Duration::ZERO,
        wake: Duration::ZERO,
        waking: Duration::ZERO,
        invite: Duration::ZERO,
        coming: Duration::ZERO,
        start: Duration::ZERO,
    };
    let workers: usize = workers.parse().expect("a number of threads");
    let costs = if costs == "free" { free } else { Costs::MEASURED };
    let ((), took) = simulate(workers.max(1), costs, if workers == 0 { row.sequential } else { row.cached });
    println!("{}", took.as_nanos());
}

/// Starts the threads of the pool, which a program does once.
fn rayon_threads() {
    black_box(speedup::map(0..64, |_| take(CALL)));
}

/// What the processes measured for a row.
#[derive(Default)]
struct Figures {
    alone: Vec<f64>,
    gains: Vec<f64>,
    /// Of calls that sleep.
    overlaps: Vec<f64>,
    once: u64,
    calls: Vec<u64>,
}

fn table(wanted: &[&str]) {
    let mut figures: HashMap<String, Figures> = HashMap::new();
    for round in 0..ROUNDS + SLEEPING_ROUNDS {
        let sleeps = round >= ROUNDS;
        let mut command = Command::new(std::env::current_exe().expect("the path of this program"));
        let (name, value) = Spin::passed_on();
        if sleeps {
            command.env(SLEEP, "");
        }
        let output = command.arg("run").args(wanted).env(name, value).output().expect("this program runs");
        let text = String::from_utf8(output.stdout).expect("figures are text");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let number = |at: usize| words[at].parse::<f64>().expect("a figure");
            let figures = figures.entry(words[0].to_owned()).or_default();
            if sleeps {
                figures.overlaps.push(number(2) / number(4));
                continue;
            }
            figures.once = number(1) as u64;
            figures.alone.push(number(2));
            figures.calls.push(number(3) as u64);
            figures.gains.push(number(2) / number(4));
        }
    }
    print(&rows(wanted), &figures);
}

fn print(rows: &[Row], figures: &HashMap<String, Figures>) {
    println!("## What runs side by side\n\nMeasured on {}.{}\n", machine::description(), load());
    println!(
        "A call takes 60 us where nothing else is said. *gain*: the time with `sequential` over the time without, the median of \
         {ROUNDS} processes, and the least and most of them. *sleeping*: the same where each call sleeps instead of computing, which \
         tells what the calls leave to others, whatever the machine has to give. *once*: whether each key was computed once."
    );
    let mut family = "";
    let mut all = Vec::new();
    for row in rows {
        if row.family != family {
            family = row.family;
            println!("\n### {family}\n\n| function | calls | sequential | gain | least to most | sleeping | once | |");
            println!("|---|---:|---:|---:|---:|---:|---|---|");
        }
        let Some(figures) = figures.get(row.name) else { continue };
        let (alone, _, _) = spread(&figures.alone);
        let (gain, least, most) = spread(&figures.gains);
        let (overlap, _, _) = spread(&figures.overlaps);
        let more = figures.calls.iter().max().map_or(0, |calls| calls.saturating_sub(figures.once));
        let once = if more == 0 { "yes".to_owned() } else { format!("{more} more") };
        let reason = match reasons::of(row.name) {
            _ if gain >= GAIN => "",
            "" if overlap >= GAIN => reasons::OF_THE_MACHINE,
            reason => reason,
        };
        let (name, calls, alone) = (row.name, figures.once, alone / 1e6);
        let range = format!("{gain:.2} | {least:.2} to {most:.2} | {overlap:.2}");
        println!("| `{name}` | {calls} | {alone:.2} ms | {range} | {once} | {reason} |");
        all.push((family != "shapes", gain));
    }
    let of_corpus: Vec<f64> = all.iter().filter(|(is_corpus, _)| *is_corpus).map(|(_, gain)| *gain).collect();
    let gain = of_corpus.iter().filter(|gain| **gain >= GAIN).count();
    let slow = of_corpus.iter().filter(|gain| **gain < 0.95).count();
    println!(
        "\nOf {} recursions of the corpus {gain} gain {GAIN} or more; {slow} are slower than 0.95.",
        of_corpus.len()
    );
}

/// How busy the machine was, where the system tells: what others take of its cores is missing in the gains.
fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").ok();
    let minute = load.as_deref().and_then(|text| text.split(' ').next());
    minute.map_or_else(String::new, |minute| format!(" Load of the last minute: {minute}."))
}

/// The median, the least and the most.
fn spread(figures: &[f64]) -> (f64, f64, f64) {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    (sorted[sorted.len() / 2], sorted[0], sorted[sorted.len() - 1])
}
