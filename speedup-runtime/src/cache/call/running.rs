//! The time during which a call runs.

use std::ptr::NonNull;

use crate::cache::{
    block::poison,
    thread::{
        frame::{Frame, Mark},
        registry::Worker,
    },
};
use crate::{seeing::watch, sync::Ordering};

/// Makes the call the innermost running one of its thread until this is dropped.
pub(in crate::cache) struct Running<'a> {
    worker: &'static Worker,
    frame: &'a Frame,
}

impl<'a> Running<'a> {
    #[inline]
    pub(in crate::cache) fn begin(worker: &'static Worker, frame: &'a Frame) -> Self {
        worker.own.top.set(Some(NonNull::from(frame)));
        Self { worker, frame }
    }
}

/// What is left to do at the end of some calls. It is told of the two parts, so that no [`Running`] need lie in memory.
#[cold]
#[inline(never)]
#[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
fn take_down(worker: &'static Worker, frame: &Frame) {
    if frame.is(Mark::Timed) {
        frame.timed();
    }
    if frame.is(Mark::Watched) {
        watch::end();
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
    if frame.is(Mark::Cyclic) && !std::thread::panicking() {
        poison::lift();
    }
    if frame.parent.is_none() {
        frame.engine().ended();
    }
}

impl Drop for Running<'_> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn drop(&mut self) {
        let Self { worker, frame } = self;
        worker.own.top.set(frame.parent);
        if frame.is_marked() || (frame.parent.is_none() && worker.own.sample.is_open()) {
            take_down(worker, frame);
        }
    }
}
