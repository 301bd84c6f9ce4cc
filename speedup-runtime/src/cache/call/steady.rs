//! What all calls of one table pass on unchanged.

use std::{ptr::NonNull, sync::Arc};

/// What all calls of one core pass on unchanged: a value that it owns, perhaps with others.
pub(in crate::cache) struct Steady {
    /// As `Arc::into_raw` gave it.
    at: NonNull<()>,
    /// Gives up the ownership of the value at this address.
    free: unsafe fn(*const ()),
}

impl Steady {
    pub(in crate::cache) fn new<S: Send + Sync>(value: Arc<S>) -> Self {
        unsafe fn free<S>(at: *const ()) {
            // SAFETY: only `drop` calls this, once, with the address that was made of an `Arc` of this type.
            drop(unsafe { Arc::from_raw(at.cast::<S>()) });
        }
        // SAFETY: an `Arc` is nowhere null.
        let at = unsafe { NonNull::new_unchecked(Arc::into_raw(value).cast_mut()) };
        Self { at: at.cast(), free: free::<S> }
    }

    /// Where the value is; of the type that [`new`](Self::new) was given.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn at(&self) -> NonNull<()> {
        self.at
    }

    /// The value, owned with others.
    ///
    /// # Safety
    /// [`new`](Self::new) was given an `S`.
    pub(in crate::cache) unsafe fn share<S>(&self) -> Arc<S> {
        let at = self.at.cast::<S>().as_ptr().cast_const();
        // SAFETY: the address came of `Arc::into_raw`, and its share is not given up before `self` goes.
        unsafe {
            Arc::increment_strong_count(at);
            Arc::from_raw(at)
        }
    }
}

// SAFETY: an `Arc` of something that is both, by `new`.
unsafe impl Send for Steady {}
// SAFETY: as above.
unsafe impl Sync for Steady {}

impl Drop for Steady {
    fn drop(&mut self) {
        // SAFETY: see `free`.
        unsafe { (self.free)(self.at.as_ptr()) };
    }
}
