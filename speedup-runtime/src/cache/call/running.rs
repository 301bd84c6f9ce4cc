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

    #[cold]
    fn take_down(&self) {
        if self.frame.is(Mark::Timed) {
            self.frame.timed();
        }
        if self.frame.is(Mark::Watched) {
            watch::end();
        }
        if self.worker.handed.any() {
            self.worker.handed.forget(self.frame.slot());
        }
        if self.frame.is(Mark::InRayon) {
            let frames = &self.worker.rayon_frames;
            frames.store(frames.load(Ordering::Relaxed) - 1, Ordering::Relaxed);
        }
        if let Some(place) = self.frame.place() {
            self.worker.board().pop(place);
        }
        if self.frame.is(Mark::Cyclic) && !std::thread::panicking() {
            poison::lift();
        }
        if self.frame.parent.is_none() {
            self.frame.engine().ended();
        }
    }
}

impl Drop for Running<'_> {
    #[inline]
    fn drop(&mut self) {
        let Self { worker, frame } = self;
        worker.own.top.set(frame.parent);
        if frame.is_marked() || (frame.parent.is_none() && worker.own.sample.is_open()) {
            self.take_down();
        }
    }
}
