//! Contenders on the same work, in interleaved rounds.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// How long a round of a looped contender should last, so that neither the clock nor a thread's start matters.
const ROUND: Duration = Duration::from_millis(15);

/// One kind of work and those who do it.
pub struct Contest<'a> {
    work: String,
    operations: u64,
    rounds: usize,
    contenders: Vec<Contender<'a>>,
}

struct Contender<'a> {
    name: String,
    body: Body<'a>,
}

enum Body<'a> {
    /// Does the work this many times.
    Looped(Box<dyn FnMut(u64) + 'a>),
    /// Does the work once and says how long the part that counts took.
    Timed(Box<dyn FnMut() -> Duration + 'a>),
}

impl<'a> Contest<'a> {
    /// A contest in `work`, one pass of which consists of `operations` operations.
    pub fn new(work: &str, operations: u64) -> Self {
        Self { work: work.to_owned(), operations, rounds: 9, contenders: Vec::new() }
    }

    /// How often each contender is measured (9 unless told; the median counts).
    pub fn rounds(mut self, rounds: usize) -> Self {
        self.rounds = rounds.max(1);
        self
    }

    /// Adds a contender whose body does the work as many times as it is told; short work is repeated until it lasts.
    pub fn looped(mut self, name: &str, body: impl FnMut(u64) + 'a) -> Self {
        self.contenders.push(Contender { name: name.to_owned(), body: Body::Looped(Box::new(body)) });
        self
    }

    /// Adds a contender that does the work once and reads the clock itself, for work that needs setting up.
    pub fn timed(mut self, name: &str, body: impl FnMut() -> Duration + 'a) -> Self {
        self.contenders.push(Contender { name: name.to_owned(), body: Body::Timed(Box::new(body)) });
        self
    }

    /// Adds a contender whose whole body is the work, done once a round.
    pub fn once(self, name: &str, mut body: impl FnMut() + 'a) -> Self {
        self.timed(name, move || {
            let start = Instant::now();
            body();
            start.elapsed()
        })
    }

    /// Warms everyone up, then measures all of them in turn, round by round.
    pub fn run(mut self) -> Outcome {
        let passes: Vec<u64> = self.contenders.iter_mut().map(warm_up).collect();
        let mut times: Vec<Vec<f64>> = vec![Vec::new(); self.contenders.len()];
        for round in 0..self.rounds {
            for turn in 0..self.contenders.len() {
                // Nobody always runs first or after the same neighbour: a second core that has long had nothing to do, for
                // example, is slow to come to whoever needs it first.
                let index = (turn + round) % self.contenders.len();
                let index = if round % 2 == 0 { index } else { self.contenders.len() - 1 - index };
                let nanoseconds = match &mut self.contenders[index].body {
                    Body::Timed(body) => body().as_nanos() as f64,
                    Body::Looped(body) => {
                        let start = Instant::now();
                        body(passes[index]);
                        start.elapsed().as_nanos() as f64 / passes[index] as f64
                    }
                };
                times[index].push(nanoseconds / self.operations as f64);
            }
        }
        let results = self.contenders.into_iter().zip(times).map(|(contender, times)| Line::new(contender.name, times));
        Outcome { work: self.work, operations: self.operations, lines: results.collect() }
    }
}

/// Runs a contender once and finds out how many passes make a round.
fn warm_up(contender: &mut Contender<'_>) -> u64 {
    let body = match &mut contender.body {
        Body::Timed(body) => {
            body();
            return 1;
        }
        Body::Looped(body) => body,
    };
    let mut passes = 1;
    loop {
        let start = Instant::now();
        body(passes);
        let elapsed = start.elapsed();
        if elapsed >= ROUND / 4 {
            let wanted = passes as f64 * ROUND.as_secs_f64() / elapsed.as_secs_f64();
            return (wanted.ceil() as u64).max(1);
        }
        passes *= 4;
    }
}

struct Line {
    name: String,
    median: f64,
    least: f64,
    most: f64,
}

impl Line {
    fn new(name: String, mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        Self { name, median: times[times.len() / 2], least: times[0], most: times[times.len() - 1] }
    }
}

/// The medians of a contest, in nanoseconds an operation.
pub struct Outcome {
    work: String,
    operations: u64,
    lines: Vec<Line>,
}

impl Outcome {
    /// The median of a contender, in nanoseconds an operation.
    ///
    /// # Panics
    ///
    /// When there was no such contender.
    pub fn median(&self, name: &str) -> f64 {
        match self.lines.iter().find(|line| line.name == name) {
            Some(line) => line.median,
            None => panic!("no contender is called {name:?} in {:?}", self.work),
        }
    }

    /// The time of one contender over that of another.
    pub fn ratio(&self, name: &str, reference: &str) -> f64 {
        self.median(name) / self.median(reference)
    }

    /// The fastest of some contenders: its name and its median.
    pub fn best<'n>(&self, names: &[&'n str]) -> (&'n str, f64) {
        let times = names.iter().map(|name| (*name, self.median(name)));
        times.min_by(|a, b| a.1.total_cmp(&b.1)).expect("at least one contender")
    }

    /// The result as a Markdown table, with the ratio to `reference`.
    pub fn table(&self, reference: &str) -> String {
        let mut text = format!("### {} ({} operations a pass)\n\n", self.work, thousands(self.operations));
        let _ = writeln!(text, "| contender | median | least to most | ratio to {reference} |\n|---|---:|---:|---:|");
        for line in &self.lines {
            let ratio = self.ratio(&line.name, reference);
            let range = format!("{} to {}", time(line.least), time(line.most));
            let _ = writeln!(text, "| {} | {} | {range} | {ratio:.3} |", line.name, time(line.median));
        }
        text
    }
}

fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        n if n < 100.0 => format!("{n:.2} ns"),
        n if n < 10_000.0 => format!("{n:.0} ns"),
        n if n < 10_000_000.0 => format!("{:.1} us", n / 1e3),
        n => format!("{:.1} ms", n / 1e6),
    }
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
