//! Processes of the program `together`, each with one thread, that compute a recursion together.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::recursions::{CLAIM_ALL, PATIENT, SERVER};

/// What has come of a process.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Its value, unless it was ended before.
    pub value: Option<u64>,
    /// How many calls it computed.
    pub computed: usize,
    /// How long the recursion took it.
    pub took: Duration,
}

/// Which calls processes claim.
#[derive(Clone, Copy, Debug)]
pub enum Claims {
    /// Those that cost more than asking the server does, as programs do.
    Dear,
    /// The same, for so many seconds.
    DearFor(u64),
    /// All of them, for so many seconds: whatever they cost on a machine that is busy, each is computed once.
    All(u64),
}

/// Starts processes that compute a recursion. `program` is `together`.
///
/// # Panics
/// If they cannot be started.
#[must_use]
pub fn start(program: &Path, server: &str, count: usize, name: &str, size: u32, claims: Claims) -> Vec<Child> {
    let start = |_| {
        let mut command = Command::new(program);
        command.args(["child", name, &size.to_string()]).env(SERVER, server).env("RAYON_NUM_THREADS", "1");
        if let Claims::All(_) = claims {
            command.env(CLAIM_ALL, "1");
        }
        if let Claims::All(seconds) | Claims::DearFor(seconds) = claims {
            command.env(PATIENT, seconds.to_string());
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("the program starts")
    };
    (0..count).map(start).collect()
}

/// Waits for processes. `until` is called with the number of calls that were computed so far, and may end one.
///
/// # Panics
/// If one of them says something else than it should.
pub fn outcomes(children: Vec<Child>, mut at: impl FnMut(usize, &mut [Child])) -> Vec<Outcome> {
    let (tell, told) = std::sync::mpsc::channel();
    let mut children = children;
    for (number, child) in children.iter_mut().enumerate() {
        let lines = BufReader::new(child.stdout.take().expect("it was piped")).lines();
        let tell = tell.clone();
        thread::spawn(move || {
            // A process that is killed ends in the middle of a line at worst.
            lines.map_while(Result::ok).try_for_each(|line| tell.send((number, line)))
        });
    }
    drop(tell);
    let mut outcomes: Vec<Outcome> = children.iter().map(|_| Outcome::default()).collect();
    let mut computed = 0;
    for (number, line) in told {
        let outcome = &mut outcomes[number];
        if line == "computed" {
            outcome.computed += 1;
            computed += 1;
            at(computed, &mut children);
        } else if let Some((value, took)) = line.split_once(' ') {
            outcome.value = Some(value.parse().expect("a value"));
            outcome.took = Duration::from_micros(took.parse().expect("a time"));
        }
    }
    for child in &mut children {
        child.wait().expect("it is ours");
    }
    outcomes
}

/// What a process does: computes, and tells its parent.
#[expect(clippy::print_stdout, reason = "its parent reads it")]
pub fn child(name: &str, size: u32) {
    let began = Instant::now();
    let value = crate::recursions::value(name, size);
    println!("{value} {}", began.elapsed().as_micros());
}
