//! A running call, as its thread knows it.

use std::{
    cell::Cell,
    fmt,
    ptr::{NonNull, null_mut},
};

use crate::cache::thread::{
    attention::Attention,
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
    /// Where the call is shown to others, or [`DUE`], or [`HIDDEN`]; and above that a bit for each [`Mark`] that it does not have. One word, all
    /// of whose bits are set if there is nothing to say: then its end is one comparison.
    told: Cell<u64>,
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
    /// Not all values of the function are kept. Its end is no other for that.
    Judged = 128,
}

/// The place of a call that is not shown.
const HIDDEN: u32 = u32::MAX;
/// The place of a call that is shown from its first group on.
pub(super) const DUE: u32 = u32::MAX - 1;
/// Of a call that is hidden and has no mark.
const UNTOLD: u64 = u64::MAX;
/// Of one that is judged, and has no other mark.
const JUDGED: u64 = UNTOLD & !((Mark::Judged as u64) << u32::BITS);

/// What is to be said of all calls of a function from the beginning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::cache) struct AtFirst(u64);

impl AtFirst {
    /// Whether values of the function are [judged](Mark::Judged).
    pub(in crate::cache) const fn of(is_judged: bool) -> Self {
        Self(if is_judged { JUDGED } else { UNTOLD })
    }
}

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
        AtFirst(told): AtFirst,
    ) -> Self {
        Self { parent, core, key, goal, told: Cell::new(told) }
    }

    fn place_or_due(&self) -> u32 {
        self.told.get() as u32
    }

    /// Where the call is shown to others, if it is.
    pub(in crate::cache) fn place(&self) -> Option<usize> {
        Some(self.place_or_due()).filter(|place| *place < DUE).map(|place| place as usize)
    }

    /// Says where the call is shown, or that it is [`DUE`].
    pub(super) fn set_place(&self, place: u32) {
        self.told.set(self.told.get() & !u64::from(HIDDEN) | u64::from(place));
    }

    /// Whether the call is to be shown when it comes to a group.
    pub(in crate::cache) fn is_due(&self) -> bool {
        self.place_or_due() == DUE
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
    #[inline]
    pub(in crate::cache) fn is(&self, mark: Mark) -> bool {
        self.marks() & mark as u8 != 0
    }

    #[inline]
    fn marks(&self) -> u8 {
        !(self.told.get() >> u32::BITS) as u8
    }

    /// Sets or takes a mark; whether the call had it.
    pub(in crate::cache) fn mark(&self, mark: Mark, to: bool) -> bool {
        let before = self.is(mark);
        let (told, bit) = (self.told.get(), u64::from(mark as u8) << u32::BITS);
        self.told.set(if to { told & !bit } else { told | bit });
        before
    }

    /// Whether anything is said of the call.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn is_told(&self) -> bool {
        self.told.get() != UNTOLD
    }

    /// Whether no more is said of it than that it is [judged](Mark::Judged).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn is_merely_judged(&self) -> bool {
        self.told.get() == JUDGED
    }

    /// Whether anything is to be done when the call ends.
    #[cold]
    #[inline(never)]
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    pub(in crate::cache) fn is_marked(&self) -> bool {
        self.place_or_due() < DUE || self.marks() & !(Mark::Aside as u8 | Mark::Judged as u8) != 0
    }

    /// Notes that ends of calls may be handed over to this one. What is left of an earlier call that filled the slot goes.
    pub(in crate::cache) fn expects(&self, handed: &Handed, attention: &Attention) {
        if self.mark(Mark::Expecting, true) {
            return;
        }
        attention.expect();
        if handed.any() {
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

    /// The key of the call.
    ///
    /// # Safety
    /// The call's cache has keys of this type.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) unsafe fn key<K>(&self) -> &K {
        // SAFETY: by the contract, and by that of `new` the key outlives the frame.
        unsafe { &*self.key.cast() }
    }

    /// The call, whose time was taken, ends.
    pub(in crate::cache) fn timed(&self, panicked: bool) {
        // SAFETY: by the contract of `new` the key is one of that cache.
        unsafe { self.engine().timed(self.key, panicked) };
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

#[cfg(all(test, not(loom)))]
mod tests {
    use std::ptr::null;

    use super::*;

    #[test]
    fn places_and_marks_leave_each_other_alone() {
        // SAFETY: nobody follows the pointers of a call that is not on a thread's list.
        let frame = unsafe { Frame::new(None, null(), null(), Goal::NOWHERE, AtFirst::of(true)) };
        assert!(!frame.is_marked() && frame.place().is_none() && !frame.is_due());
        assert!(!frame.mark(Mark::Aside, true) && !frame.is_marked(), "there is nothing to undo");
        frame.set_place(DUE);
        assert!(frame.is_due() && frame.place().is_none() && frame.is(Mark::Aside) && !frame.is_marked());
        frame.set_place(7);
        assert!(frame.place() == Some(7) && !frame.is_due() && frame.is_marked());
        assert!(frame.mark(Mark::Aside, false) && !frame.mark(Mark::Hit, true));
        assert!(frame.place() == Some(7) && frame.is(Mark::Hit) && !frame.is(Mark::Aside) && !frame.is(Mark::Timed));
        assert!(frame.is(Mark::Judged));
        frame.set_place(HIDDEN);
        assert!(frame.place().is_none() && frame.is_marked());
        assert!(frame.mark(Mark::Hit, false) && !frame.is_marked() && !frame.is(Mark::Hit));
    }
}
