//! Pins of a thread: what keeps the tables that it looks at from being freed.

use std::marker::PhantomData;

use crate::cache::{
    memory::{epoch::Entered, garbage::DOMAIN, registration},
    thread::{
        plain::is_plain,
        worker::{SWIFT, Worker},
    },
};

/// Keeps what the tables hold from being freed while this thread looks at it.
pub(in crate::cache) struct Pin {
    worker: &'static Worker,
    entered: Entered,
}

/// A borrowed [`Pin`] that has no address, so that nothing need lie in memory for it.
#[derive(Clone, Copy)]
pub(in crate::cache) struct Pinned<'pin>(PhantomData<&'pin Pin>);

impl Pinned<'_> {
    /// What to look at a table with that lasts without a pin.
    ///
    /// # Safety
    /// During the lifetime the table is not freed, and nothing is taken out of the part of it that is looked at.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) unsafe fn needless() -> Self {
        Self(PhantomData)
    }
}

impl Pin {
    /// What to look at tables with, as long as the pin lasts.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn at(&self) -> Pinned<'_> {
        Pinned(PhantomData)
    }
}

impl Drop for Pin {
    #[inline]
    fn drop(&mut self) {
        self.worker.reader.leave(self.entered);
    }
}

impl Worker {
    /// Pins the thread. Only on the calling thread's own worker; pins nest.
    #[inline]
    pub(in crate::cache) fn pin(&'static self) -> Pin {
        if self.reader.makes_barriers() { self.pin_slowly() } else { self.pin_swiftly() }
    }

    /// The same with a barrier, unless it may be left to others by now.
    #[cold]
    #[inline(never)]
    fn pin_slowly(&'static self) -> Pin {
        if registration::look(&self.own.looks) {
            self.reader.set_fenced(false);
            SWIFT.set(self);
        }
        Pin { worker: self, entered: self.reader.enter(&DOMAIN) }
    }

    /// Orders what the thread has stored before what it loads next, for who makes the counterpart by [`pass_barrier`].
    ///
    /// [`pass_barrier`]: crate::cache::thread::registry::pass_barrier
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn order(&self) {
        self.reader.order();
    }

    /// Orders what the thread has stored before what it loads next in a table that it owns. Only on the calling thread's own worker.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn order_change(&self) {
        self.reader.order();
    }

    /// As [`pin`](Self::pin), on a worker that is [`swift`](crate::cache::thread::registry::swift).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn pin_swiftly(&'static self) -> Pin {
        Pin { worker: self, entered: self.reader.enter_swiftly(&DOMAIN) }
    }

    /// The same, for who runs no code of users under the pin: nothing is asked about outer ones.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn pin_briefly(&'static self) -> Pin {
        Pin { worker: self, entered: self.reader.enter_briefly(&DOMAIN) }
    }

    /// As [`pin_swiftly`](Self::pin_swiftly), for who only clones a value of this type.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn pin_to_clone<R: 'static>(&'static self) -> Pin {
        if is_plain::<R>() { self.pin_briefly() } else { self.pin_swiftly() }
    }

    /// Whether its pins make barriers of their own.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn makes_barriers(&self) -> bool {
        self.reader.makes_barriers()
    }

    /// The same as `pin_swiftly`, if the thread is not pinned: so who does little need not ask again when that ends.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn pin_first(&'static self) -> Option<Pin> {
        Some(Pin { worker: self, entered: self.reader.enter_first(&DOMAIN)? })
    }
}
