//! A running call, as its thread knows it.

use std::{
    cell::Cell,
    fmt,
    ptr::{NonNull, null_mut},
};

use crate::cache::thread::{
    claim::Goal,
    engine::{Engine, Header},
    handed::Handed,
};
use crate::sync::{AtomicPtr, Ordering};

/// A running call. Small, because a deep recursion has one a level.
pub(in crate::cache) struct Frame {
    pub(in crate::cache) parent: Option<NonNull<Frame>>,
    /// The cache; lives longer than the call.
    core: *const Header,
    /// The key, of the type that the cache knows; lives longer than the call.
    key: *const (),
    /// Where the value goes, or would go.
    goal: Goal,
    /// Where the call is shown to others, or [`DUE`], or [`HIDDEN`].
    pub(in crate::cache) place: Cell<u32>,
    /// A [`Mark`] a bit.
    marks: Cell<u8>,
}

/// What may be said of a running call.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(in crate::cache) enum Mark {
    /// The call waits, and its thread helps others meanwhile. The only one of which nothing is to be done at the end.
    Aside = 1,
    /// The body is known to use rayon, which the worker then counts.
    InRayon = 2,
    /// The call was found, in isolation, to need itself or one that does.
    Cyclic = 4,
    /// Ends of calls may have been handed over to it.
    Expecting = 8,
    /// The call is the one whose time the thread takes.
    Timed = 16,
    /// Who looks on was told of the call.
    Watched = 32,
    /// A panic of a call that the body has made has reached it.
    Hit = 64,
}

/// The place of a call that is not shown.
const HIDDEN: u32 = u32::MAX;
/// The place of a call that is shown from its first group on.
pub(super) const DUE: u32 = u32::MAX - 1;

impl Frame {
    /// A call of this cache with this key, made from this one.
    ///
    /// # Safety
    /// `core` is the header of a cache and `key` points to a key of it, and both outlive the frame.
    #[inline]
    pub(in crate::cache) unsafe fn new(
        parent: Option<NonNull<Self>>,
        core: *const Header,
        key: *const (),
        goal: Goal,
    ) -> Self {
        Self { parent, core, key, goal, place: Cell::new(HIDDEN), marks: Cell::new(0) }
    }

    /// Where the call is shown to others, if it is.
    pub(in crate::cache) fn place(&self) -> Option<usize> {
        Some(self.place.get()).filter(|place| *place < DUE).map(|place| place as usize)
    }

    /// Whether the call is to be shown when it comes to a group.
    pub(in crate::cache) fn is_due(&self) -> bool {
        self.place.get() == DUE
    }

    /// Where the value goes, or would go.
    #[inline]
    pub(in crate::cache) fn goal(&self) -> Goal {
        self.goal
    }

    /// The name of the slot that the call fills or would fill, see [`name`](crate::cache::thread::claim::name).
    pub(in crate::cache) fn slot(&self) -> usize {
        self.goal.name()
    }

    /// Marks the key of the call.
    pub(in crate::cache) fn key_mark(&self) -> u16 {
        // SAFETY: by the contract of `new` the key is one of that cache.
        unsafe { self.engine().mark(self.key) }
    }

    /// Whether the call has this mark.
    pub(in crate::cache) fn is(&self, mark: Mark) -> bool {
        self.marks.get() & mark as u8 != 0
    }

    /// Sets or takes a mark; whether the call had it.
    pub(in crate::cache) fn mark(&self, mark: Mark, to: bool) -> bool {
        let before = self.is(mark);
        let others = self.marks.get() & !(mark as u8);
        self.marks.set(if to { others | mark as u8 } else { others });
        before
    }

    /// Whether anything is to be done when the call ends.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn is_marked(&self) -> bool {
        self.place.get() < DUE || self.marks.get() & !(Mark::Aside as u8) != 0
    }

    /// Notes that ends of calls may be handed over to this one. What is left of an earlier call that filled the slot goes.
    pub(in crate::cache) fn expects(&self, handed: &Handed) {
        if !self.mark(Mark::Expecting, true) && handed.any() {
            handed.forget(self.slot());
        }
    }

    /// The header of the call's cache.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn header(&self) -> &Header {
        // SAFETY: by the contract of `new`.
        unsafe { &*self.core }
    }

    /// The call's cache, for who knows its type. A reference to its header leads to nothing but that.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn cache(&self) -> *const Header {
        self.core
    }

    /// The call's cache, if it is a `C`.
    pub(in crate::cache) fn downcast<C: Engine + 'static>(&self) -> Option<&C> {
        // SAFETY: the header was made for this type, of which it is the first field; it lives longer than the call.
        self.header().is::<C>().then(|| unsafe { &*self.core.cast() })
    }

    /// The call, whose time was taken, ends.
    pub(in crate::cache) fn timed(&self) {
        // SAFETY: by the contract of `new` the key is one of that cache.
        unsafe { self.engine().timed(self.key) };
    }

    /// The call from which this one was made.
    #[cfg_attr(not(debug_assertions), inline(always))]
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
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn get(&self) -> Option<NonNull<Frame>> {
        NonNull::new(self.0.load(Ordering::Relaxed))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn set(&self, frame: Option<NonNull<Frame>>) {
        self.0.store(frame.map_or(null_mut(), NonNull::as_ptr), Ordering::Relaxed);
    }
}
