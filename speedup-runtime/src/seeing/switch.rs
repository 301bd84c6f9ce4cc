//! What caches may do at this moment: all they can, or less, while a [`profile`](crate::profile()) is taken.
//!
//! Hits know nothing of it. Where caching is off, tables are set aside and none are made, so that all calls come to the place in
//! which a miss would make one.

use std::{
    cell::Cell,
    panic::resume_unwind,
    sync::OnceLock,
    time::{Duration, Instant},
};

use crate::sync::global::{AtomicU64, AtomicUsize, Ordering};

/// How a profile has calls made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Mode {
    /// As always.
    All = 0,
    /// Values are kept, and nothing is shared out.
    Alone = 1,
    /// Nothing is kept.
    Off = 2,
}

/// The [`Mode`]. Relaxed: changed by who takes a profile, whose own calls are what matters.
static MODE: AtomicUsize = AtomicUsize::new(Mode::All as usize);
/// When calls that are not kept are given up, in nanoseconds after [`start`]. Relaxed, as the mode.
static UNTIL: AtomicU64 = AtomicU64::new(u64::MAX);
/// About how many calls have been made with caching off. Relaxed: a count.
static CALLS: AtomicU64 = AtomicU64::new(0);

/// A look at the clock comes after at most so many calls.
const LONGEST: u32 = 4096;
/// It comes about as often as this.
const EVERY: Duration = Duration::from_micros(200);

thread_local! {
    static LOOKS: Looks =
        const { Looks { left: Cell::new(1), step: Cell::new(1), last: Cell::new(None), is_own: Cell::new(false) } };
}

/// How often a thread looks at the clock.
struct Looks {
    left: Cell<u32>,
    step: Cell<u32>,
    last: Cell<Option<Instant>>,
    /// Whether this thread takes the profile.
    is_own: Cell<bool>,
}

/// The payload with which calls are given up.
pub(crate) struct GivenUp;

/// Sets a mode until this is dropped.
pub(crate) struct Set(());

impl Set {
    /// Calls of this thread that are not kept are given up after this time, and those of others are kept from then on.
    pub(crate) fn new(mode: Mode, until: Option<Instant>) -> Self {
        LOOKS.with(|looks| looks.is_own.set(until.is_some()));
        let until = until.map_or(u64::MAX, |until| nanos(until.saturating_duration_since(start())));
        UNTIL.store(until, Ordering::Relaxed);
        CALLS.store(0, Ordering::Relaxed);
        MODE.store(mode as usize, Ordering::Relaxed);
        Self(())
    }

    /// About how many calls have been made with caching off.
    pub(crate) fn calls(&self) -> u64 {
        CALLS.load(Ordering::Relaxed)
    }
}

impl Drop for Set {
    fn drop(&mut self) {
        LOOKS.with(|looks| looks.is_own.set(false));
        MODE.store(Mode::All as usize, Ordering::Relaxed);
        UNTIL.store(u64::MAX, Ordering::Relaxed);
    }
}

/// Whether nothing is kept.
#[inline]
pub(crate) fn is_off() -> bool {
    MODE.load(Ordering::Relaxed) == Mode::Off as usize
}

/// Whether calls may be shared out.
pub(crate) fn shares() -> bool {
    MODE.load(Ordering::Relaxed) == Mode::All as usize
}

/// Whether caching is off, so that the value of a call that begins goes nowhere.
///
/// # Panics
/// If this thread takes the profile, and the time for such calls is over.
#[inline]
pub(crate) fn begins_off() -> bool {
    let off = is_off();
    if off {
        begin_off();
    }
    off
}

/// A call begins that is not kept.
///
/// # Panics
/// With [`GivenUp`], if this thread takes the profile, and the time for such calls is over. Not where panics abort the process.
#[cold]
#[inline(never)]
pub(crate) fn begin_off() {
    // A thread whose locals are being destroyed does not look.
    let _ = LOOKS.try_with(|looks| {
        looks.left.set(looks.left.get() - 1);
        if looks.left.get() == 0 {
            looks.look();
        }
    });
}

impl Looks {
    #[cold]
    fn look(&self) {
        let (now, step) = (Instant::now(), self.step.get());
        CALLS.fetch_add(u64::from(step), Ordering::Relaxed);
        let soon = self.last.replace(Some(now)).is_none_or(|last| now - last < EVERY);
        let step = if soon { (step * 2).min(LONGEST) } else { (step / 2).max(1) };
        self.step.set(step);
        self.left.set(step);
        if cfg!(panic = "unwind") && nanos(now.saturating_duration_since(start())) >= UNTIL.load(Ordering::Relaxed) {
            if !self.is_own.get() {
                // Who works for the profile ends soon, now that values are kept again; who does not has nothing to do with it.
                let (off, alone) = (Mode::Off as usize, Mode::Alone as usize);
                let _ = MODE.compare_exchange(off, alone, Ordering::Relaxed, Ordering::Relaxed);
                return;
            }
            // Again at the next call, should somebody take the panic for one of his own.
            self.left.set(1);
            self.step.set(1);
            resume_unwind(Box::new(GivenUp));
        }
    }
}

fn start() -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    *START.get_or_init(Instant::now)
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
