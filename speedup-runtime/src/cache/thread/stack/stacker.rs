//! Pieces by `stacker`, for systems that `corosensei` does not know, and for bodies that use `stacker` themselves.

use std::io;

use super::{Segment, address};

/// The low end of the stack that an address in the caller's frame is on, where the system tells.
pub(super) fn low_end(here: usize, _: Segment) -> Option<usize> {
    stacker::remaining_stack().map(|left| here - left.min(here))
}

/// Runs something on a new stack of at least this size; it is given the stack's low end.
///
/// Where there is no memory for it, `stacker` panics.
pub(super) fn on_new(size: usize, run: impl FnOnce(usize)) -> io::Result<()> {
    stacker::grow(size, || {
        let here = address();
        // Where the system does not tell, the piece has the size that was asked for, but for what lies above.
        run(here - stacker::remaining_stack().unwrap_or(size / 2).min(here));
    });
    Ok(())
}
