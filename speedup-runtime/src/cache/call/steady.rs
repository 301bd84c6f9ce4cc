//! What all calls of one table pass on unchanged.

/// What all calls of one core pass on unchanged: an owned value, dropped with the core.
pub(in crate::cache) struct Steady {
    at: *mut (),
    /// Drops the box at this address.
    free: unsafe fn(*mut ()),
}

impl Steady {
    pub(in crate::cache) fn new<S: Send + Sync>(value: S) -> Self {
        unsafe fn free<S>(at: *mut ()) {
            // SAFETY: only `drop` calls this, once, with the address that was made of a box of this type.
            drop(unsafe { Box::from_raw(at.cast::<S>()) });
        }
        Self { at: Box::into_raw(Box::new(value)).cast(), free: free::<S> }
    }

    /// Where the value is; of the type that [`new`](Self::new) was given.
    #[inline(always)]
    pub(in crate::cache) fn at(&self) -> *const () {
        self.at
    }
}

// SAFETY: a box of something that is both, by `new`.
unsafe impl Send for Steady {}
// SAFETY: as above.
unsafe impl Sync for Steady {}

impl Drop for Steady {
    fn drop(&mut self) {
        // SAFETY: see `free`.
        unsafe { (self.free)(self.at) };
    }
}
