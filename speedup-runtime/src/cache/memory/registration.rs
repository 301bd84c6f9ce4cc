//! How far the process has come with being registered for barriers that one thread makes for all: see
//! [`membarrier`](super::membarrier).

use std::cell::Cell;

use crate::{
    cache::memory::membarrier,
    sync::{AtomicBool, AtomicU32, Ordering},
    threads,
};

/// Release, with the Acquire of who is about to leave its barriers to others.
static STATE: AtomicU32 = AtomicU32::new(UNASKED);
/// Nobody has asked the system.
const UNASKED: u32 = 0;
/// The system would make such barriers, but has yet to register the process.
const KNOWN: u32 = 1;
/// Threads may leave their barriers to others.
const REGISTERED: u32 = 2;
/// There are no such barriers, or no longer.
const NONE: u32 = 3;

/// A thread that has looked so often has made barriers for about as long as it takes to see whether it is the only one. Who looks less
/// often asks the system nothing.
const FEW: u32 = 512;
/// The same, for the price of another thread, which registers the process.
const MANY: u32 = 4096;

/// Whether threads may leave their barriers to others.
pub(in crate::cache) fn is_done() -> bool {
    STATE.load(Ordering::Acquire) == REGISTERED
}

/// Whether it is certain that they never may.
pub(in crate::cache) fn is_refused() -> bool {
    STATE.load(Ordering::Acquire) == NONE
}

/// A barrier has failed.
pub(in crate::cache) fn refuse() {
    STATE.store(NONE, Ordering::Release);
}

/// Registers the process when the library is loaded, which mostly is before `main`, and so before there is a second thread: a microsecond
/// then, and some milliseconds later. Where there are more threads already, as in a program that loads the library when it runs, it is left
/// to the calls that follow.
#[cfg(all(target_os = "linux", target_env = "gnu", not(miri)))]
mod at_start {
    use super::{Ordering, REGISTERED, STATE, membarrier};

    // SAFETY: the system calls what stands in this section once, with arguments that need not be taken.
    #[unsafe(link_section = ".init_array")]
    #[used]
    static AT_START: extern "C" fn() = register;

    /// Runs before the runtime of the language is ready: asks the system alone, and cannot panic.
    extern "C" fn register() {
        if membarrier::register_if_alone() {
            STATE.store(REGISTERED, Ordering::Release);
        }
    }
}

/// Does now, once, what would take longer if there were more threads; whether all threads may leave their barriers to others.
pub(in crate::cache) fn prepare() -> bool {
    static PREPARED: AtomicBool = AtomicBool::new(false);
    let state = state();
    if state == KNOWN && !PREPARED.swap(true, Ordering::Relaxed) && membarrier::register_if_alone() {
        settle(true);
        return true;
    }
    state == REGISTERED
}

/// A thread that makes barriers of its own looks whether it may leave them to others, and counts its looks.
pub(in crate::cache) fn look(looks: &Cell<u32>) -> bool {
    let nth = looks.get().wrapping_add(1);
    looks.set(nth);
    match STATE.load(Ordering::Acquire) {
        REGISTERED => true,
        NONE => false,
        _ if nth == FEW => prepare(),
        _ if nth.is_multiple_of(MANY) && state() == KNOWN => {
            register_beside();
            false
        }
        _ => false,
    }
}

fn state() -> u32 {
    let state = STATE.load(Ordering::Acquire);
    if state == UNASKED { ask() } else { state }
}

#[cold]
fn ask() -> u32 {
    let found = if membarrier::is_known() { KNOWN } else { NONE };
    // Several may ask at once.
    STATE.compare_exchange(UNASKED, found, Ordering::Release, Ordering::Acquire).map_or_else(|state| state, |_| found)
}

/// Has another thread register the process, unless one is at it.
#[cold]
fn register_beside() {
    static STARTED: AtomicBool = AtomicBool::new(false);
    if STARTED.swap(true, Ordering::Relaxed) {
        return;
    }
    let register = || settle(membarrier::register());
    // Where there is no thread to be had, it is tried again.
    let started = threads::start("speedup-barrier", Box::new(register));
    STARTED.store(started, Ordering::Relaxed);
}

/// Says what came of registering the process.
fn settle(registered: bool) {
    let found = if registered { REGISTERED } else { NONE };
    // Who has found a barrier to fail knows better.
    let _ = STATE.compare_exchange(KNOWN, found, Ordering::Release, Ordering::Relaxed);
}
