//! The calls that a thread is in the middle of, innermost first, as a list on its own stack.

use std::{
    cell::Cell,
    fmt,
    ptr::{NonNull, null_mut},
};

use crate::cache::{
    block::poison,
    call::{
        claim_guard::Goal,
        erased::{Engine, Header},
    },
    thread::registry::Worker,
};
use crate::{
    panics::Payload,
    sync::{AtomicPtr, Ordering},
};

/// A running call. Small, because a deep recursion has one a level.
pub(in crate::cache) struct Frame {
    parent: Option<NonNull<Frame>>,
    /// The cache; lives longer than the call.
    core: *const Header,
    /// The key, of the type that the cache knows; lives longer than the call.
    key: *const (),
    /// Where the value goes, or would go.
    goal: Goal,
    /// Where the call is shown to others, or [`HIDDEN`].
    place: Cell<u32>,
    /// Whether the body is known to use rayon, which the worker then counts.
    in_rayon: Cell<bool>,
    /// Whether the call was found, in isolation, to need itself or one that does.
    cyclic: Cell<bool>,
    /// Whether the call waits, and its thread helps others meanwhile.
    aside: Cell<bool>,
}

/// The place of a call that is not shown.
const HIDDEN: u32 = u32::MAX;

impl Frame {
    /// A call of this cache with this key, made from the innermost running call of the worker.
    ///
    /// # Safety
    /// `core` is the header of a cache and `key` points to a key of it, and both outlive the frame.
    #[inline]
    pub(in crate::cache) unsafe fn new(worker: &Worker, core: *const Header, key: *const (), goal: Goal) -> Self {
        Self {
            parent: worker.own.top.get(),
            core,
            key,
            goal,
            place: Cell::new(HIDDEN),
            in_rayon: Cell::new(false),
            cyclic: Cell::new(false),
            aside: Cell::new(false),
        }
    }

    /// Where the call is shown to others, if it is.
    pub(in crate::cache) fn place(&self) -> Option<usize> {
        Some(self.place.get()).filter(|place| *place != HIDDEN).map(|place| place as usize)
    }

    /// Where the value goes, or would go.
    #[inline]
    pub(in crate::cache) fn goal(&self) -> Goal {
        self.goal
    }

    /// The name of the slot that the call fills or would fill, see [`name`](crate::cache::block::wait_for_graph::name).
    pub(in crate::cache) fn slot(&self) -> usize {
        self.goal.name()
    }

    /// Shows the call to others as long as it runs. Only for a running call of this thread.
    pub(in crate::cache) fn show(&self, worker: &Worker) {
        // A board has fewer places than calls fit on a stack.
        self.place.set(worker.board().push(self.slot()) as u32);
    }

    /// Notes that the body uses rayon, as long as the call runs. Only for a running call of this thread.
    pub(in crate::cache) fn found_in_rayon(&self, worker: &Worker) {
        if !self.in_rayon.replace(true) {
            // Relaxed: only this thread writes it.
            worker.rayon_frames.store(worker.rayon_frames.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
    }

    /// The header of the call's cache.
    #[inline(always)]
    pub(in crate::cache) fn header(&self) -> &Header {
        // SAFETY: by the contract of `new`.
        unsafe { &*self.core }
    }

    /// The call from which this one was made.
    pub(in crate::cache) fn parent(&self) -> Option<&Self> {
        // SAFETY: a frame's parent outlives it.
        self.parent.map(|parent| unsafe { parent.as_ref() })
    }

    /// The cache of the call.
    pub(in crate::cache) fn engine(&self) -> &dyn Engine {
        // SAFETY: by the contract of `new`, and `cast` leads from a header to its cache.
        unsafe { &*((*self.core).cast)(self.core) }
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: by the contract of `new` the key is one of that cache.
        unsafe { self.engine().show(self.key, out) }
    }
}

/// The innermost running call of a thread, or none. Relaxed: written by the thread alone, and nobody else follows it.
#[derive(Default)]
pub(in crate::cache) struct Top(AtomicPtr<Frame>);

impl Top {
    #[inline(always)]
    pub(in crate::cache) fn get(&self) -> Option<NonNull<Frame>> {
        NonNull::new(self.0.load(Ordering::Relaxed))
    }

    #[inline(always)]
    fn set(&self, frame: Option<NonNull<Frame>>) {
        self.0.store(frame.map_or(null_mut(), NonNull::as_ptr), Ordering::Relaxed);
    }
}

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
        if self.frame.in_rayon.get() {
            let frames = &self.worker.rayon_frames;
            frames.store(frames.load(Ordering::Relaxed) - 1, Ordering::Relaxed);
        }
        if let Some(place) = self.frame.place() {
            self.worker.board().pop(place);
        }
        if self.frame.cyclic.get() && !std::thread::panicking() {
            poison::lift();
        }
        if self.frame.parent.is_none() {
            self.frame.engine().ended(self.worker);
        }
    }
}

impl Drop for Running<'_> {
    #[inline]
    fn drop(&mut self) {
        let Self { worker, frame } = self;
        worker.own.top.set(frame.parent);
        let noted = frame.place.get() != HIDDEN || frame.in_rayon.get() || frame.cyclic.get();
        if noted || (frame.parent.is_none() && worker.own.sample.is_open()) {
            self.take_down();
        }
    }
}

/// The innermost running call.
pub(in crate::cache) fn top(worker: &Worker) -> Option<&Frame> {
    // SAFETY: frames are on the list only while they are on the stack, below the caller's frame.
    worker.own.top.get().map(|frame| unsafe { frame.as_ref() })
}

/// The running calls, innermost first.
fn frames(worker: &Worker) -> impl Iterator<Item = &Frame> {
    // SAFETY: as in `top`; a frame's parent outlives it.
    std::iter::successors(top(worker), |frame| frame.parent.map(|parent| unsafe { parent.as_ref() }))
}

/// Whether one of the running calls fills, or computes a second time, the slot.
pub(in crate::cache) fn contains(worker: &Worker, slot: usize) -> bool {
    frames(worker).any(|frame| frame.slot() == slot)
}

/// Runs what helps the call for which the innermost running one waits.
pub(in crate::cache) fn aside<T>(worker: &Worker, help: impl FnOnce() -> T) -> T {
    let waiting = top(worker);
    // Users' code that is run while helping may wait, and so come here, without another call in between.
    let outer = waiting.is_some_and(|frame| frame.aside.replace(true));
    let helped = help();
    waiting.inspect(|frame| frame.aside.set(outer));
    helped
}

/// Whether the thread helped when it began the innermost running call or another one after that which fills the slot: then
/// not all of them need to be needed by the one before.
pub(in crate::cache) fn helps_since(worker: &Worker, slot: usize) -> bool {
    for frame in frames(worker) {
        if frame.aside.get() || frame.slot() == slot {
            return frame.aside.get();
        }
    }
    false
}

/// Notes that the running call that fills the slot, if it is one of this thread's, was found to need itself.
pub(in crate::cache) fn note_cycle(worker: &Worker, slot: usize) {
    if let Some(frame) = frames(worker).find(|frame| frame.slot() == slot) {
        frame.cyclic.set(true);
    }
}

/// At most so many calls of a cycle are named at each end.
const NAMED: usize = 20;

/// The message about a call that needs itself: the running calls from the one that fills the slot on.
pub(in crate::cache) fn cycle(worker: &Worker, slot: usize) -> String {
    let mut calls = Vec::new();
    let mut left_out = 0_usize;
    for frame in frames(worker) {
        let last = frame.slot() == slot;
        if calls.len() < NAMED || last {
            calls.push(frame.to_string());
        } else {
            left_out += 1;
        }
        if last {
            break;
        }
    }
    calls.reverse();
    let first = calls.first().cloned().unwrap_or_default();
    if left_out > 0 {
        calls.insert(1, format!("({left_out} more calls)"));
    }
    format!("{CYCLE}{} -> {first}; `{first}` needs its own result", calls.join(" -> "))
}

/// How every message about a cycle begins.
const CYCLE: &str = "cycle in cached calls: ";

/// The message of a panic about a cycle.
pub(in crate::cache) fn as_cycle(payload: &Payload) -> Option<&str> {
    payload.downcast_ref::<String>().map(String::as_str).filter(|text| text.starts_with(CYCLE))
}
