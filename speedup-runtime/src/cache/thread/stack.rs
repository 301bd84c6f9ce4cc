//! Room for the next call, so that depth is bounded by memory and not by the stack.
//!
//! Asking the system where the stack ends costs more than a cached call may, so the answer is kept: while the stack
//! pointer stays in the part of the stack that is known to have room, one comparison is all.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{
    cache::{
        memory::huge_pages,
        thread::{call_stack, registry::Worker, segment::Segment},
    },
    stack::{self, PIECE, address},
};

/// A body finds at least this much room, in bytes ..
const RESERVE: usize = 128 * 1024;
/// .. and, where its results are larger than this, for so many of them more: frames hold them by value, in a body as in the
/// engine, and where nothing is optimised there are many copies.
const SMALL: usize = 1024;
const COPIES: usize = if cfg!(debug_assertions) { 32 } else { 16 };

/// So much may all pieces of one thread take together, in bytes. Relaxed: a setting.
static LIMIT: AtomicUsize = AtomicUsize::new(if usize::BITS < 64 { 1 << 30 } else { 8 << 30 });

/// Sets how much memory the calls that a thread is in the middle of may take on the stack, in bytes: 8 GiB unless told (1 GiB where
/// addresses have 32 bits). That is some twenty million calls, or some two million in a debug build.
///
/// A recursion without a base case ends there: its next call panics, with a message that names the first calls and the last. As with
/// any panic nothing of it is kept, and the calls can be made again.
///
/// What such calls have taken is given back when they end; on most systems up to two pieces of 16 MiB are kept for the next deep recursion of the
/// process.
///
/// # Examples
/// ```
/// use speedup_runtime::cache::set_stack_limit;
///
/// // On a small machine.
/// set_stack_limit(256 << 20);
/// ```
pub fn set_stack_limit(bytes: usize) {
    LIMIT.store(bytes, Ordering::Relaxed);
}

/// The room for results of this size that a body finds beyond what all bodies do.
pub(in crate::cache) const fn room_for(size: usize) -> usize {
    if size > SMALL { size.saturating_mul(COPIES) } else { 0 }
}

/// Whether a body that needs so much room beyond the usual may start here, an address in the caller's frame.
#[inline]
pub(in crate::cache) fn has_room(worker: &Worker, here: usize, more: usize) -> bool {
    is_known_to_have_room(worker, here, more) || look(worker, here, more)
}

/// The same by what is known already.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(in crate::cache) fn is_known_to_have_room(worker: &Worker, here: usize, more: usize) -> bool {
    let segment = worker.own.stack.get();
    let lowest = here.wrapping_sub(more);
    // The interpreter's stack is not where addresses of locals are.
    cfg!(miri) || lowest.wrapping_sub(segment.low) < segment.len
}

/// Finds out about the stack.
#[cold]
#[inline(never)]
#[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
fn look(worker: &Worker, here: usize, more: usize) -> bool {
    let Some(known) = stack::around(here) else { return false };
    let (low, segment) = (known.low.saturating_add(RESERVE), worker.own.stack.get());
    // The same low end means the same stack, of which a higher part may have come into sight.
    let high = if low == segment.low { known.high.max(segment.low + segment.len) } else { known.high };
    worker.own.stack.set(Segment { low, len: high.saturating_sub(low) });
    here >= low.saturating_add(more)
}

/// Runs the body, which needs so much room beyond the usual, on a new piece of stack, which is given back or kept for others afterwards.
#[cold]
#[inline(never)]
pub(in crate::cache) fn on_a_new_piece<T>(worker: &'static Worker, more: usize, body: impl FnOnce() -> T) -> T {
    // There is room for more than one call.
    let size = PIECE.max(more.saturating_add(RESERVE).saturating_mul(2));
    let (taken, limit) = (worker.own.taken.get().saturating_add(size), LIMIT.load(Ordering::Relaxed));
    if taken > limit.max(PIECE) {
        worker.note_too_deep();
        std::panic::panic_any(call_stack::too_deep(worker, limit));
    }
    let outer = Restore(worker, worker.own.stack.get(), worker.own.taken.replace(taken));
    // Where the result goes, so that a large one has one copy on the old stack.
    let mut result = None;
    let there = stack::on_new(size, |end| {
        let (here, low) = (address(), end + RESERVE);
        // A deep recursion touches each page once.
        huge_pages::ask_for(end, here);
        worker.own.stack.set(Segment { low, len: here.saturating_sub(low) + 1 });
        result = Some(body());
    });
    drop(outer);
    if let Err(error) = there {
        stack::no_memory(&error);
    }
    result.expect("the body has returned, or its panic would have gone on")
}

/// Puts the outer stack's segment back, also when the body panics.
struct Restore<'a>(&'a Worker, Segment, usize);

impl Drop for Restore<'_> {
    fn drop(&mut self) {
        self.0.own.stack.set(self.1);
        self.0.own.taken.set(self.2);
    }
}
