//! The time during which a call runs.

use std::ptr::NonNull;

use crate::cache::{
    block::poison,
    call::state::Core,
    memory::prefetch,
    table::key::{Key, Output},
    thread::{
        frame::{Frame, Mark},
        registry::Worker,
    },
};
use crate::{seeing::watch, sync::Ordering};

/// The core whose call the frame is of.
///
/// # Safety
/// The frame was made with the header of a core of these types.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(in crate::cache) unsafe fn core_of<K: Key, R: Output>(frame: &Frame) -> &Core<K, R> {
    // SAFETY: by the contract; a core lives longer than its calls.
    unsafe { &*frame.cache().cast() }
}

/// Makes the call the innermost running one of its thread.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(in crate::cache) fn begin(worker: &'static Worker, frame: &Frame) {
    worker.own.top.set(Some(NonNull::from(frame)));
}

/// A line of the processor's cache, in bytes.
const LINE: usize = 64;
/// So far above a call, in bytes, lie frames that are returned to soon: as many as take about as long as memory does.
const SOON: usize = 2048;

/// The innermost running call ends. Whether anything was said of it.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(in crate::cache) fn end(worker: &'static Worker, frame: &Frame) -> bool {
    // A deep recursion returns to frames that have left the processor's cache, and each return would wait for its own. In most functions a level is
    // less than two lines.
    let soon = std::ptr::from_ref(frame).wrapping_byte_add(SOON);
    prefetch::to_read(soon);
    prefetch::to_read(soon.wrapping_byte_add(LINE));
    worker.own.top.set(frame.parent);
    let is_told = frame.is_told();
    if is_told && !frame.is_merely_judged() && frame.is_marked() || is_last(worker, frame) {
        take_down(worker, frame, std::thread::panicking());
    }
    is_told
}

/// The call has panicked, before it began to run, or while it did, or when it had ended.
pub(in crate::cache) fn end_of_panicked(worker: &'static Worker, frame: &Frame) {
    if worker.own.top.get() == Some(NonNull::from(frame)) {
        worker.own.top.set(frame.parent);
        if frame.is_marked() || is_last(worker, frame) {
            take_down(worker, frame, true);
        }
    }
}

/// Whether the call is an outermost one with which something ends.
#[cfg_attr(not(debug_assertions), inline(always))]
fn is_last(worker: &Worker, frame: &Frame) -> bool {
    frame.parent.is_none() && worker.own.sample.is_open()
}

/// What is left to do at the end of some calls.
#[cold]
#[inline(never)]
#[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
fn take_down(worker: &'static Worker, frame: &Frame, panicked: bool) {
    if frame.is(Mark::Timed) {
        frame.timed(panicked);
    }
    if frame.is(Mark::Watched) {
        watch::end();
    }
    if frame.is(Mark::Expecting) {
        worker.own.attention.expect_no_more();
    }
    if worker.handed.any() {
        worker.handed.forget(frame.slot());
    }
    if frame.is(Mark::InRayon) {
        let frames = &worker.rayon_frames;
        frames.store(frames.load(Ordering::Relaxed) - 1, Ordering::Relaxed);
    }
    if let Some(place) = frame.place() {
        worker.board().pop(place);
    }
    if frame.is(Mark::Cyclic) && !panicked {
        poison::lift();
    }
    if frame.parent.is_none() {
        frame.engine().ended();
    }
}
