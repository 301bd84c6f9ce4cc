//! What `stacker` knows of stacks, for systems that `corosensei` does not know, and for bodies that use `stacker` themselves.

use std::io;

use super::{Bounds, address};

/// The stack that an address in the caller's frame is on, from its low end up to there, where the system or `stacker` itself has given it.
pub(super) fn around(here: usize) -> Option<Bounds> {
    let left = stacker::remaining_stack().filter(|left| *left > 0)?;
    Some(Bounds { low: here - left.min(here), high: here + 1 })
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

/// Whether code that uses `stacker` takes what lies below this address for a stack with no room left, as it must where it does not know the stack
/// there: it then takes one of its own.
#[cfg(all(any(target_os = "linux", target_os = "macos"), any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) fn sees_no_room_below(high: usize) -> bool {
    // All that it knows is where the stack ends that it has last given, or the thread's own.
    let here = address();
    stacker::remaining_stack().is_none_or(|left| high <= here - left.min(here))
}
