//! What is known of the stack that a thread is on.

/// The part of the current stack where a body may start.
#[derive(Clone, Copy, Default)]
pub(in crate::cache) struct Segment {
    /// The lowest address with room below it.
    pub(in crate::cache) low: usize,
    /// How many bytes above are known to be of the same stack.
    pub(in crate::cache) len: usize,
}
