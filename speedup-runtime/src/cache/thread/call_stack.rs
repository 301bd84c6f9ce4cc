//! The calls that a thread is in the middle of, innermost first, as a list on its own stack.

use std::fmt::{self, Write as _};

use crate::cache::thread::{
    frame::{DUE, Frame, Mark},
    registry::Worker,
};
use crate::{panics::Payload, sync::Ordering};

/// Has a call shown to others as long as it runs, when it or one that it makes comes to a group: before, there is nothing to help with.
/// Only for a running call of this thread.
pub(in crate::cache) fn show_with_group(frame: &Frame) {
    frame.set_place(DUE);
}

/// Shows the innermost running call, and those around it that are due; where, if it is one of those that are shown.
pub(in crate::cache) fn show_due(worker: &Worker) -> Option<usize> {
    let innermost = top(worker)?;
    if innermost.is_due() {
        if innermost.parent().is_some_and(Frame::is_due) {
            let around: Vec<&Frame> = frames(worker).skip(1).take_while(|frame| frame.is_due()).collect();
            around.into_iter().rev().for_each(|frame| show(frame, worker));
        }
        show(innermost, worker);
    }
    innermost.place()
}

/// Shows a call to others as long as it runs. Only for a running call of this thread.
pub(in crate::cache) fn show(frame: &Frame, worker: &Worker) {
    let mark = frame.key_mark();
    // A board has fewer places than calls fit on a stack.
    frame.set_place(worker.board().push(frame.slot(), mark) as u32);
}

/// Notes that the body of a call uses rayon, as long as it runs. Only for a running call of this thread.
pub(in crate::cache) fn note_rayon(frame: &Frame, worker: &Worker) {
    if !frame.mark(Mark::InRayon, true) {
        // Relaxed: only this thread writes it.
        worker.rayon_frames.store(worker.rayon_frames.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }
}

/// The thread was found waiting inside rayon in the middle of a call. Only on the calling thread's own worker.
pub(in crate::cache) fn found_in_rayon(worker: &Worker) {
    if let Some(frame) = top(worker) {
        note_rayon(frame, worker);
        frame.engine().note_rayon();
    }
}

/// The innermost running call.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(in crate::cache) fn top(worker: &Worker) -> Option<&Frame> {
    // SAFETY: frames are on the list only while they are on the stack, below the caller's frame.
    worker.own.top.get().map(|frame| unsafe { frame.as_ref() })
}

/// The running calls, innermost first.
fn frames(worker: &Worker) -> impl Iterator<Item = &Frame> {
    // SAFETY: as in `top`; a frame's parent outlives it.
    std::iter::successors(top(worker), |frame| frame.parent.map(|parent| unsafe { parent.as_ref() }))
}

/// Where the innermost running call lies on the stack: those that begin later and are made by it lie below.
pub(in crate::cache) fn height(worker: &Worker) -> usize {
    top(worker).map_or(usize::MAX, |frame| std::ptr::from_ref(frame).addr())
}

/// How many of the running calls lie below this height, or `most` if they are more. On another piece of stack it may be none.
pub(in crate::cache) fn running_below(worker: &Worker, height: usize, most: usize) -> usize {
    frames(worker).take(most).take_while(|frame| std::ptr::from_ref(*frame).addr() < height).count()
}

/// Whether one of the running calls fills, or computes a second time, the slot for the key with this mark.
pub(in crate::cache) fn contains(worker: &Worker, slot: usize, mark: u16) -> bool {
    frames(worker).any(|frame| frame.slot() == slot && frame.key_mark() == mark)
}

/// Notes that a panic of a call is about to reach the body of the innermost running one.
pub(in crate::cache) fn note_panic(worker: &Worker) {
    top(worker).inspect(|frame| _ = frame.mark(Mark::Hit, true));
}

/// Runs what contains its panics, so that the body of the innermost running call does not get them.
#[inline]
pub(in crate::cache) fn apart<T>(worker: &Worker, run: impl FnOnce() -> T) -> T {
    let running = top(worker);
    let hit = running.is_some_and(|frame| frame.is(Mark::Hit));
    let result = run();
    running.inspect(|frame| _ = frame.mark(Mark::Hit, hit));
    result
}

/// Runs what helps the call for which the innermost running one waits.
pub(in crate::cache) fn aside<T>(worker: &Worker, help: impl FnOnce() -> T) -> T {
    let waiting = top(worker);
    // Users' code that is run while helping may wait, and so come here, without another call in between.
    let outer = waiting.is_some_and(|frame| frame.mark(Mark::Aside, true));
    let helped = help();
    waiting.inspect(|frame| _ = frame.mark(Mark::Aside, outer));
    helped
}

/// Whether the thread helped when it began the innermost running call or another one after that which fills the slot: then
/// not all of them need to be needed by the one before.
pub(in crate::cache) fn helps_since(worker: &Worker, slot: usize) -> bool {
    for frame in frames(worker) {
        if frame.is(Mark::Aside) || frame.slot() == slot {
            return frame.is(Mark::Aside);
        }
    }
    false
}

/// Notes that the running call that fills the slot, if it is one of this thread's, was found to need itself.
pub(in crate::cache) fn note_cycle(worker: &Worker, slot: usize) {
    if let Some(frame) = frames(worker).find(|frame| frame.slot() == slot) {
        frame.mark(Mark::Cyclic, true);
    }
}

/// So many calls of a cycle are named at its end, and the first.
const NAMED: usize = 20;

/// The message about a call that needs itself: the running calls from the one that fills the slot on.
pub(in crate::cache) fn cycle(worker: &Worker, slot: usize) -> String {
    let before = frames(worker).take_while(|frame| frame.slot() != slot).count();
    let depth = frames(worker).count().min(before + 1);
    message(depth, frames(worker).take(depth))
}

/// The message about calls of several threads, each of which needs the next: from the one on that fills the slot.
///
/// # Safety
/// None of the threads but the calling one goes on meanwhile.
pub(in crate::cache) unsafe fn cycle_of<'a>(threads: impl Iterator<Item = &'a Worker>, slot: usize) -> String {
    let calls = threads.flat_map(|worker| {
        let mut calls: Vec<&Frame> = frames(worker).collect();
        calls.reverse();
        calls
    });
    let mut calls: Vec<&Frame> = calls.skip_while(|frame| frame.slot() != slot).collect();
    calls.reverse();
    message(calls.len(), calls.iter())
}

/// The message about so many calls each of which was made by the next, and needs the first to be made; from the innermost on.
pub(in crate::cache) fn message(depth: usize, innermost_first: impl Iterator<Item = impl fmt::Display>) -> String {
    let named = innermost_first.enumerate().filter(|(at, _)| *at < NAMED || at + 1 == depth);
    let mut calls: Vec<String> = named.map(|(_, call)| shortened(call)).collect();
    let left_out = depth.saturating_sub(calls.len());
    calls.reverse();
    let first = calls.first().cloned().unwrap_or_default();
    if left_out > 0 {
        calls.insert(1, format!("({left_out} more calls)"));
    }
    format!("{CYCLE}{} -> {first}; `{first}` needs its own result", calls.join(" -> "))
}

/// The message about a recursion that has taken more stack than it may: its first calls and its last.
pub(in crate::cache) fn too_deep(worker: &Worker, limit: usize) -> String {
    const ENDS: usize = 3;
    let depth = frames(worker).count();
    let named = frames(worker).enumerate().filter(|(at, _)| *at < ENDS || at + ENDS >= depth);
    let mut calls: Vec<String> = named.map(|(_, call)| shortened(call)).collect();
    calls.reverse();
    if depth > calls.len() {
        calls.insert(ENDS, format!("({} more calls)", depth - calls.len()));
    }
    format!(
        "cached calls within each other have taken more than {} MiB of stack: {} -> ..; if they do end, allow more by \
         `speedup::cache::set_stack_limit`",
        limit >> 20,
        calls.join(" -> ")
    )
}

/// Of a call with a longer text, such as one of a long list, a message shows the beginning.
const LONGEST: usize = 300;

/// What a message says of a call.
fn shortened(call: impl fmt::Display) -> String {
    let mut text = Shortened(String::new());
    // What is behind the end is not even formatted.
    let is_whole = write!(text, "{call}").is_ok();
    if is_whole { text.0 } else { text.0 + " .." }
}

/// A text that takes no more than [`LONGEST`] bytes.
struct Shortened(String);

impl fmt::Write for Shortened {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let room = LONGEST - self.0.len();
        if part.len() <= room {
            self.0.push_str(part);
            return Ok(());
        }
        self.0.push_str(&part[..part.floor_char_boundary(room)]);
        Err(fmt::Error)
    }
}

/// How every message about a cycle begins.
const CYCLE: &str = "cycle in cached calls: ";

/// The message of a panic about a cycle.
pub(in crate::cache) fn as_cycle(payload: &Payload) -> Option<&str> {
    payload.downcast_ref::<String>().map(String::as_str).filter(|text| text.starts_with(CYCLE))
}
