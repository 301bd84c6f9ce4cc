//! What the time was a moment ago, for those who ask at every hit: one load.
//!
//! Where many ask, a thread reads the clock for them, every few milliseconds. From time to time it takes that back for a moment: if few
//! ask then, it ends. So where nobody asks there is no thread, and who asks rarely reads the clock himself.
//!
//! The thread may be late where the processors are busy. Who reads the clock himself (each call that computes does) helps then.

use std::{
    cell::Cell,
    sync::{
        Mutex, MutexGuard, TryLockError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use crate::threads;

/// The time, as [`bar`] makes it, or [`NONE`] where everybody reads the clock himself. Relaxed: a number of its own.
static LATELY: AtomicU64 = AtomicU64::new(NONE);
/// Later than all that ends, so that who compares an end with it need not ask whether it is one.
pub(super) const NONE: u64 = u64::MAX;
/// So many bits lie below a time where what ends has it in a word with other things.
pub(crate) const BELOW: u32 = 5;
/// Whether many have asked since that was last found out. Relaxed: a hint.
static WANTED: AtomicBool = AtomicBool::new(false);
/// Whether there is a thread. Whoever changes what the time was holds it, so that nobody does while tests have the clock.
static ATTENDED: Mutex<bool> = Mutex::new(false);

/// How far behind it is.
const TICK: Duration = Duration::from_millis(4);
/// So many ticks later the thread finds out whether it is wanted.
const ROUND: u32 = 250;
/// So many readings of a thread in a tick are many.
const MANY: u32 = 64;

thread_local! {
    /// How often the thread has read the clock, and since when.
    static READ: Cell<(u32, u64)> = const { Cell::new((0, 0)) };
}

/// The time as of a few milliseconds ago at the earliest.
#[inline(always)]
pub(crate) fn lately() -> u64 {
    match LATELY.load(Ordering::Relaxed) {
        NONE => read(),
        bar => bar >> BELOW,
    }
}

/// The same by one load, as what a word has to exceed whose end, with [`BELOW`] bits below it, is later: where no thread reads the clock for
/// others, no word does.
#[inline(always)]
pub(crate) fn kept() -> u64 {
    LATELY.load(Ordering::Relaxed)
}

/// What all words exceed that end later. None do that cannot hold such a time.
fn bar(time: u64) -> u64 {
    if time >> (u64::BITS - BELOW) == 0 { time << BELOW | ((1 << BELOW) - 1) } else { NONE }
}

#[cold]
#[inline(never)]
fn read() -> u64 {
    let now = super::now();
    let (count, since) = READ.get();
    let is_over = now.saturating_sub(since) > super::nanos(TICK);
    READ.set(if is_over { (1, now) } else { (count + 1, since) });
    if !is_over && count >= MANY && !WANTED.load(Ordering::Relaxed) {
        WANTED.store(true, Ordering::Relaxed);
        begin();
    }
    now
}

/// The clock has just been read.
#[inline]
pub(super) fn read_as(now: u64) {
    let lately = LATELY.load(Ordering::Relaxed);
    if lately != NONE && now > (lately >> BELOW) + 4 * TICK.as_nanos() as u64 {
        catch_up();
    }
}

/// The thread is late.
#[cold]
fn catch_up() {
    if let Some(_attended) = attended() {
        tick();
    }
}

/// In a process that is a copy of another one, in the middle of something, nobody may ever let go of it; then all read the clock themselves.
fn attended() -> Option<MutexGuard<'static, bool>> {
    match ATTENDED.try_lock() {
        Ok(attended) => Some(attended),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

fn tick() {
    if !super::is_set() {
        LATELY.store(bar(super::now()), Ordering::Relaxed);
    }
}

#[cold]
fn begin() {
    let Some(mut attended) = attended().filter(|attended| !**attended) else { return };
    forget_in_copies();
    *attended = threads::start("speedup-clock", Box::new(attend));
}

fn attend() {
    loop {
        for _ in 0..ROUND {
            {
                let _attended = super::lock_std(&ATTENDED);
                tick();
            }
            thread::sleep(TICK);
        }
        let quiet = super::lock_std(&ATTENDED);
        if !super::is_set() {
            LATELY.store(NONE, Ordering::Relaxed);
        }
        WANTED.store(false, Ordering::Relaxed);
        drop(quiet);
        thread::sleep(TICK);
        let mut attended = super::lock_std(&ATTENDED);
        if !WANTED.load(Ordering::Relaxed) {
            *attended = false;
            return;
        }
    }
}

/// A test sets the clock by this, and says what the time is, or [`NONE`] when it has done.
pub(super) fn set(by: impl FnOnce() -> u64) {
    let _attended = super::lock_std(&ATTENDED);
    LATELY.store(bar(by()), Ordering::Relaxed);
}

/// A copy of the process has no such thread.
#[cfg(unix)]
fn forget_in_copies() {
    use std::sync::Once;

    extern "C" fn forget() {
        LATELY.store(NONE, Ordering::Relaxed);
    }
    static HOOKED: Once = Once::new();
    HOOKED.call_once(|| {
        // SAFETY: the hook stores a number.
        _ = unsafe { libc::pthread_atfork(None, None, Some(forget)) };
    });
}

#[cfg(not(unix))]
fn forget_in_copies() {}
