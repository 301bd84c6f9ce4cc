//! What was unlinked, with what frees it.

/// A retired thing: two words, and the function that frees what they say.
pub(in crate::cache) struct Garbage {
    of: *const (),
    at: *mut (),
    free: unsafe fn(*const (), *mut ()),
}

// SAFETY: `free` may be called on any thread, by the contract of `new`.
unsafe impl Send for Garbage {}

impl Garbage {
    /// # Safety
    /// `free` may be called once with these pointers, on any thread, when nobody can be looking any more.
    pub(in crate::cache) const unsafe fn new(of: *const (), at: *mut (), free: unsafe fn(*const (), *mut ())) -> Self {
        Self { of, at, free }
    }

    /// A box that came from [`Box::into_raw`].
    ///
    /// # Safety
    /// Nobody else frees it, and it may be dropped on any thread.
    pub(in crate::cache) unsafe fn boxed<T>(at: *mut T) -> Self {
        unsafe fn free<T>(_: *const (), at: *mut ()) {
            // SAFETY: by the contract of `boxed`.
            drop(unsafe { Box::from_raw(at.cast::<T>()) });
        }
        // SAFETY: by the contract of this function.
        unsafe { Self::new(std::ptr::null(), at.cast(), free::<T>) }
    }

    /// Something that is dropped.
    pub(in crate::cache) fn dropped<T: Send>(value: T) -> Self {
        // SAFETY: made just now, and `Send`.
        unsafe { Self::boxed(Box::into_raw(Box::new(value))) }
    }

    /// The first of its two words.
    #[cfg(test)]
    pub(super) fn of(&self) -> *const () {
        self.of
    }

    /// Frees it.
    pub(super) fn free(self) {
        // SAFETY: by the contract of `new`; once, since `self` is gone.
        unsafe { (self.free)(self.of, self.at) };
    }
}
