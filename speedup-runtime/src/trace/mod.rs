//! A picture of who computed what, and when: [`record`].

mod chrome;
mod segments;
mod svg;

use std::{cell::Cell, collections::BTreeMap, fs, io, path::Path, time::Duration};

pub use crate::seeing::watch::{Span, What};
use crate::{
    cache::demand_attention,
    seeing::watch::Records,
    sync::global::{Mutex, lock},
};

/// Held by who records.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

thread_local! {
    static IS_RECORDING: Cell<bool> = const { Cell::new(false) };
}

/// What all threads computed of cached functions while a closure ran, as returned by [`record`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Trace {
    /// What was done, in the order in which it ended.
    pub spans: Vec<Span>,
    /// The names of the threads, by their number.
    pub threads: BTreeMap<u32, String>,
    /// How long the closure took.
    pub took: Duration,
    /// How many spans were left out: beyond the first million.
    pub left_out: usize,
}

/// Runs a closure, and records what all threads compute of cached functions meanwhile, and when they wait.
///
/// Each computed call costs about a microsecond more while it is recorded, so look at calls that take some; hits are not recorded. While
/// nothing is recorded a computed call pays nothing. Calls that began earlier, or are still running at the end, are left out.
///
/// # Panics
/// With the closure's panic, or if it records itself. Another thread that records is waited for.
///
/// # Examples
/// ```
/// use speedup_runtime::{Cache, trace::{self, What}};
///
/// let squares = Cache::from_fn(|n: u64| n * n);
/// let trace = trace::record(|| squares.get_all((0..4).map(|n| (n,))));
/// // Beside the calls there may be spans of those who wait or help.
/// assert_eq!(trace.spans.iter().filter(|span| span.what == What::Call).count(), 4);
/// assert!(trace.svg().starts_with("<svg") && trace.chrome_json().contains("traceEvents"));
/// ```
pub fn record<T>(run: impl FnOnce() -> T) -> Trace {
    assert!(!IS_RECORDING.get(), "a record is being made: what is recorded cannot record itself");
    let _one_at_a_time = lock(&ONE_AT_A_TIME);
    let _flag = Flag::set();
    let records = Records::begin();
    demand_attention();
    drop(run());
    let (recording, took) = records.end();
    let Some(recording) = recording else { return Trace::default() };
    Trace { spans: recording.spans, threads: recording.threads, took, left_out: recording.left_out }
}

/// That this thread records.
struct Flag;

impl Flag {
    fn set() -> Self {
        IS_RECORDING.set(true);
        Self
    }
}

impl Drop for Flag {
    fn drop(&mut self) {
        IS_RECORDING.set(false);
    }
}

impl Trace {
    /// A timeline as SVG: a lane a thread, a box for the time in which a call ran itself, and not one that it led to; waits are hatched.
    ///
    /// What is too narrow to be seen is drawn together. The name of each call, and its time, is shown by who lingers over its box.
    #[must_use]
    pub fn svg(&self) -> String {
        svg::draw(self)
    }

    /// The same as JSON of Chrome's trace format, for `chrome://tracing` or <https://ui.perfetto.dev>: calls lie in those that led to them.
    #[must_use]
    pub fn chrome_json(&self) -> String {
        chrome::write(self)
    }

    /// Writes `timeline.svg` and `trace.json` to a folder, which is made if need be.
    ///
    /// # Errors
    /// If the folder cannot be made or written to.
    pub fn save(&self, folder: impl AsRef<Path>) -> io::Result<()> {
        let folder = folder.as_ref();
        fs::create_dir_all(folder)?;
        fs::write(folder.join("timeline.svg"), self.svg())?;
        fs::write(folder.join("trace.json"), self.chrome_json())
    }
}

#[cfg(test)]
fn example(spans: &[(What, &str, u32, u64, u64)]) -> Trace {
    let spans = spans.iter().map(|&(what, call, thread, began, took)| Span {
        what,
        call: call.to_owned(),
        thread,
        began: Duration::from_micros(began),
        took: Duration::from_micros(took),
    });
    let spans: Vec<Span> = spans.collect();
    let threads = spans.iter().map(|span| (span.thread, format!("thread {}", span.thread))).collect();
    Trace { spans, threads, took: Duration::from_micros(1_000), left_out: 0 }
}
