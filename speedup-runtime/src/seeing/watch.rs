//! Telling who looks on what runs: a [`record`](crate::trace::record), and with the feature `tracing` the subscriber.
//!
//! While nobody looks, neither a call that is computed nor a hit pays anything; with `tracing`, the former pays a relaxed load.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use crate::{
    panics,
    sync::global::{AtomicBool, Mutex, Ordering, lock},
};

/// So many spans are kept of one record.
const MOST: usize = 1_000_000;

/// What a thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum What {
    /// It runs the body of a call; of an `async` function, from one point at which it waits to the next.
    Call,
    /// It waits for a call that another thread runs.
    Wait,
    /// It looks for calls of another thread that it could run.
    Help,
}

/// What a thread did, from when to when.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Span {
    /// What it did.
    pub what: What,
    /// Which call it was about, with its key: `fibonacci(3)`.
    pub call: String,
    /// The number of the thread.
    pub thread: u32,
    /// When it began, from the beginning of the record on.
    pub began: Duration,
    /// How long it took, with what it led to.
    pub took: Duration,
}

/// What is being recorded.
pub(crate) struct Recording {
    began: Instant,
    /// In the order in which they ended.
    pub(crate) spans: Vec<Span>,
    /// The names of the threads, by number.
    pub(crate) threads: BTreeMap<u32, String>,
    /// Spans beyond those that are kept.
    pub(crate) left_out: usize,
}

/// Whether there is a recording. Relaxed: a hint, the lock decides.
static IS_RECORDING: AtomicBool = AtomicBool::new(false);
static RECORDING: Mutex<Option<Recording>> = Mutex::new(None);

/// What the thread is in the middle of, outermost first, as far as it was told.
struct Open {
    what: What,
    /// Nothing without a recording.
    call: String,
    thread: u32,
    began: Instant,
    #[cfg(feature = "tracing")]
    _span: tracing::span::EnteredSpan,
}

thread_local! {
    static OPEN: RefCell<Vec<Open>> = const { RefCell::new(Vec::new()) };
}

/// Whether anybody looks on.
#[inline(always)]
pub(crate) fn is_on() -> bool {
    is_on_unsaid() || is_recording()
}

/// The same of those who begin to do so without a word: a subscriber of `tracing`.
#[inline(always)]
pub(crate) fn is_on_unsaid() -> bool {
    #[cfg(feature = "tracing")]
    return tracing::level_filters::STATIC_MAX_LEVEL >= tracing::Level::TRACE
        && tracing::level_filters::LevelFilter::current() >= tracing::Level::TRACE;
    #[cfg(not(feature = "tracing"))]
    false
}

/// Whether there is a recording. Who begins one has all threads look.
#[inline]
pub(crate) fn is_recording() -> bool {
    IS_RECORDING.load(Ordering::Relaxed)
}

/// The thread begins something; whether it is to say when it [`end`]s. Things end in the opposite order.
#[cold]
#[inline(never)]
pub(crate) fn begin(what: What, thread: u32, call: &dyn fmt::Display) -> bool {
    let is_recording = IS_RECORDING.load(Ordering::Relaxed);
    #[cfg(not(feature = "tracing"))]
    if !is_recording {
        return false;
    }
    // By users' code, and so before anything is borrowed; its panic is none of the call's.
    let text = if is_recording { catch_unwind(AssertUnwindSafe(|| call.to_string())) } else { Ok(String::new()) };
    let text = text.unwrap_or_else(|payload| {
        panics::swallow(payload);
        "?".to_owned()
    });
    let open = Open {
        what,
        call: text,
        thread,
        #[cfg(feature = "tracing")]
        _span: span(what, call),
        began: Instant::now(),
    };
    // A thread whose locals are being destroyed says nothing more.
    OPEN.try_with(|all| all.borrow_mut().push(open)).is_ok()
}

/// The thread ends what it has begun last.
#[cold]
#[inline(never)]
pub(crate) fn end() {
    let now = Instant::now();
    let Ok(Some(open)) = OPEN.try_with(|all| all.borrow_mut().pop()) else { return };
    if !IS_RECORDING.load(Ordering::Relaxed) {
        return;
    }
    let mut recording = lock(&RECORDING);
    // What began before the recording did is none of its.
    let Some(recording) = recording.as_mut().filter(|recording| recording.began <= open.began) else { return };
    if recording.spans.len() >= MOST {
        recording.left_out += 1;
        return;
    }
    let Open { what, call, thread, began, .. } = &open;
    recording
        .threads
        .entry(*thread)
        .or_insert_with(|| std::thread::current().name().map_or_else(|| format!("thread {thread}"), str::to_owned));
    recording.spans.push(Span {
        what: *what,
        call: call.clone(),
        thread: *thread,
        began: *began - recording.began,
        took: now - *began,
    });
}

/// Something that ends when this is dropped, if anybody looks on.
pub(crate) struct Watched(bool);

impl Watched {
    /// The thread begins something. `call` is asked only if anybody looks on.
    #[inline]
    pub(crate) fn begin(what: What, thread: u32, call: impl FnOnce() -> String) -> Self {
        Self(is_on() && begin(what, thread, &call()))
    }
}

impl Drop for Watched {
    #[inline]
    fn drop(&mut self) {
        if self.0 {
            end();
        }
    }
}

/// Records what threads do until this is dropped.
pub(crate) struct Records(());

impl Records {
    /// The caller has all threads [look](crate::cache::thread::registry::demand_attention).
    pub(crate) fn begin() -> Self {
        let recording = Recording { began: Instant::now(), spans: Vec::new(), threads: BTreeMap::new(), left_out: 0 };
        *lock(&RECORDING) = Some(recording);
        IS_RECORDING.store(true, Ordering::Relaxed);
        Self(())
    }

    /// What has been recorded, and how long that took.
    pub(crate) fn end(self) -> (Option<Recording>, Duration) {
        let recording = lock(&RECORDING).take();
        let took = recording.as_ref().map_or(Duration::ZERO, |recording| recording.began.elapsed());
        (recording, took)
    }
}

impl Drop for Records {
    fn drop(&mut self) {
        IS_RECORDING.store(false, Ordering::Relaxed);
        let recording = lock(&RECORDING).take();
        drop(recording);
    }
}

/// What `tracing` is told of what begins.
#[cfg(feature = "tracing")]
fn span(what: What, call: &dyn fmt::Display) -> tracing::span::EnteredSpan {
    let span = match what {
        What::Call => tracing::trace_span!(target: "speedup", "compute", call = %call),
        What::Wait => tracing::trace_span!(target: "speedup", "wait", call = %call),
        What::Help => tracing::trace_span!(target: "speedup", "help", whom = %call),
    };
    span.entered()
}

/// Tells of a fault of a call: an event of `tracing`, where that is on.
#[cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "nobody is told"))]
#[inline]
pub(crate) fn fault(what: &'static str, call: &dyn fmt::Display) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "speedup", call = %call, "{what}");
}
