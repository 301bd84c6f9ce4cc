//! Keeps what one thread writes off the cache lines that others read.

/// A value on cache lines of its own: 128 bytes, since processors fetch lines of 64 bytes in pairs.
#[repr(align(128))]
pub(super) struct Apart<T>(pub(super) T);

impl<T> std::ops::Deref for Apart<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}
