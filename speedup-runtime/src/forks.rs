//! Which process this is, as told apart from those it forks, and what belongs to it alone.

#[cfg(all(test, loom))]
mod loom_tests;

use crate::sync::{AtomicBool, AtomicPtr, AtomicU64, Ordering, const_unless_loom};

/// How many forks lie between the first process and this one.
pub(crate) struct Forks {
    /// Changed only between a fork and the first step of the child.
    count: AtomicU64,
    /// Whether forks are counted; a child inherits that.
    hooked: AtomicBool,
}

impl Forks {
    const_unless_loom! {
        pub(crate) fn new() -> Self {
            Forks { count: AtomicU64::new(0), hooked: AtomicBool::new(false) }
        }
    }

    /// How many there were, for who wants to notice the next; `hook` sees to it that [`add`](Self::add) is called in the child of each.
    pub(crate) fn watch(&self, hook: impl FnOnce()) -> u64 {
        // Acquire: pairs with the release below. Who goes on may fork at once, so the hook must be in place, whoever places it.
        if !self.hooked.load(Ordering::Acquire) {
            // Of two that come here both place it: then a fork counts twice, which tells processes apart as well.
            hook();
            self.hooked.store(true, Ordering::Release);
        }
        self.count()
    }

    #[inline]
    pub(crate) fn count(&self) -> u64 {
        // Relaxed: between a fork and its child's first step there is one thread.
        self.count.load(Ordering::Relaxed)
    }

    /// This is the child of a fork.
    pub(crate) fn add(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }
}

/// A value that is made at its first use, stays as long as the process, and is left behind by a fork.
pub(crate) struct OfProcess<T>(AtomicPtr<T>);

impl<T: Send + Sync> OfProcess<T> {
    const_unless_loom! {
        pub(crate) fn new() -> Self {
            OfProcess(AtomicPtr::new(std::ptr::null_mut()))
        }
    }

    /// The value, if it was made.
    pub(crate) fn there(&self) -> Option<&T> {
        // Acquire: pairs with the exchange below.
        // SAFETY: what is there was leaked and stays until the end.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }

    /// The value; of two that are made at the same time one stays.
    pub(crate) fn get_or(&self, make: impl FnOnce() -> Box<T>) -> &T {
        if let Some(there) = self.there() {
            return there;
        }
        let new = Box::into_raw(make());
        match self.0.compare_exchange(std::ptr::null_mut(), new, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: leaked for good.
            Ok(_) => unsafe { &*new },
            Err(there) => {
                // SAFETY: made above and seen by nobody.
                drop(unsafe { Box::from_raw(new) });
                // SAFETY: as in `there`.
                unsafe { &*there }
            }
        }
    }

    /// Leaves the value behind, in the child of a fork.
    pub(crate) fn leave(&self) {
        self.0.store(std::ptr::null_mut(), Ordering::Relaxed);
    }
}
