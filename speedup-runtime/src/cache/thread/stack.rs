//! Room for the next call, so that depth is bounded by memory and not by the stack.
//!
//! Asking the system where the stack ends costs more than a cached call may, so the answer is kept: while the stack
//! pointer stays in the part of the stack that is known to have room, one comparison is all.

use crate::cache::{memory::huge_pages, thread::registry::Worker};

/// A body finds at least this much room, in bytes.
const RESERVE: usize = 128 * 1024;
/// New stack is taken in pieces of this size, in bytes; it is given back when the call returns.
const PIECE: usize = 16 << 20;

/// The part of the current stack where a body may start.
#[derive(Clone, Copy, Default)]
pub(in crate::cache) struct Segment {
    /// The lowest address with room below it.
    low: usize,
    /// How many bytes above are known to be of the same stack.
    len: usize,
}

/// Whether a body may start here, an address in the caller's frame.
#[inline]
pub(in crate::cache) fn has_room(worker: &Worker, here: usize) -> bool {
    let segment = worker.own.stack.get();
    here.wrapping_sub(segment.low) < segment.len || look(worker, here)
}

/// Finds out about the stack.
#[cold]
#[inline(never)]
fn look(worker: &Worker, here: usize) -> bool {
    let segment = worker.own.stack.get();
    let low = stacker::remaining_stack().map_or(here, |left| (here - left.min(here)).saturating_add(RESERVE));
    if here <= low {
        return false;
    }
    // The same low end means the same stack, of which a higher part has come into sight.
    let top = if low == segment.low { here.max(segment.low + segment.len) } else { here };
    worker.own.stack.set(Segment { low, len: top - low + 1 });
    true
}

/// Runs the body on a new piece of stack, which is given back afterwards.
#[cold]
#[inline(never)]
pub(in crate::cache) fn on_a_new_piece<T>(worker: &Worker, body: impl FnOnce() -> T) -> T {
    let outer = Restore(worker, worker.own.stack.get());
    let result = stacker::grow(PIECE, || {
        let here = address();
        // Where the system does not tell, the piece has the size that was asked for, but for what lies above.
        let left = stacker::remaining_stack().unwrap_or(PIECE - RESERVE);
        let low = here - left.min(here) + RESERVE;
        // A deep recursion touches each page once.
        huge_pages::ask_for(here - left.min(here), here);
        worker.own.stack.set(Segment { low, len: here.saturating_sub(low) + 1 });
        body()
    });
    drop(outer);
    result
}

/// Puts the outer stack's segment back, also when the body panics.
struct Restore<'a>(&'a Worker, Segment);

impl Drop for Restore<'_> {
    fn drop(&mut self) {
        self.0.own.stack.set(self.1);
    }
}

/// An address in a frame of the caller's stack.
#[inline(never)]
fn address() -> usize {
    let mark = 0_u8;
    std::hint::black_box(&raw const mark) as usize
}
