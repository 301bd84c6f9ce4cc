//! Pieces by `corosensei`, whose assembly is Rust's own: no C compiler has a part in it.
//!
//! A few pieces of the usual size are kept for the next deep recursion of any thread: the first touch of their memory costs more than the calls on it.

use std::{io, mem::MaybeUninit, ops::Range, sync::Mutex};

use corosensei::{
    on_stack,
    stack::{DefaultStack, Stack},
};

use super::{PIECE, RESERVE, Segment};
use crate::sync::lock_std;

/// So many pieces are kept at most, which is 64 MiB.
const KEPT: usize = 4;

static UNUSED: Unused = Unused(Mutex::new(Vec::new()));

/// Pieces of the usual size that nobody is on.
struct Unused(Mutex<Vec<DefaultStack>>);

impl Unused {
    /// A piece of this size, if one is kept.
    fn take(&self, size: usize) -> Option<DefaultStack> {
        if size == PIECE { lock_std(&self.0).pop() } else { None }
    }

    /// Keeps a piece of this size if it is a usual one and not too many are kept.
    fn give_back(&self, size: usize, piece: DefaultStack) {
        // What is not kept goes without the lock.
        let mut piece = Some(piece);
        if size == PIECE {
            let mut unused = lock_std(&self.0);
            if unused.len() < KEPT {
                unused.extend(piece.take());
            }
        }
    }
}

/// The low end of the stack that an address in the caller's frame is on: the piece that the segment is part of, or the stack that
/// the system gave the thread. `None` for any other, as a coroutine has.
pub(super) fn low_end(here: usize, known: Segment) -> Option<usize> {
    let low = known.low.saturating_sub(RESERVE);
    if known.len > 0 && here >= low && here < known.low.saturating_add(known.len) {
        return Some(low);
    }
    of_this_thread().filter(|stack| stack.contains(&here)).map(|stack| stack.start)
}

/// Runs something on a new stack of at least this size; it is given the stack's low end.
pub(super) fn on_new(size: usize, run: impl FnOnce(usize)) -> io::Result<()> {
    let stack = UNUSED.take(size).map_or_else(|| DefaultStack::new(size), Ok)?;
    let low = stack.base().get() - size;
    let mut piece = Piece { stack: Some(stack), size };
    if let Some(stack) = &mut piece.stack {
        on_stack(stack, || run(low));
    }
    Ok(())
}

/// A piece in use. It is given back also when there was a panic on it, which has left it by then.
struct Piece {
    stack: Option<DefaultStack>,
    size: usize,
}

impl Drop for Piece {
    fn drop(&mut self) {
        if let Some(stack) = self.stack.take() {
            UNUSED.give_back(self.size, stack);
        }
    }
}

/// The stack that the system gave the thread.
#[cfg(target_os = "linux")]
fn of_this_thread() -> Option<Range<usize>> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let (mut low, mut size) = (std::ptr::null_mut(), 0);
    // SAFETY: fills the attributes where it returns 0.
    if unsafe { libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: the attributes are filled, and not used after they are destroyed.
    let told = unsafe {
        let told = libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut low, &raw mut size);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        told
    };
    (told == 0).then(|| low.addr()..low.addr() + size)
}

/// The stack that the system gave the thread.
#[cfg(target_os = "macos")]
fn of_this_thread() -> Option<Range<usize>> {
    // SAFETY: both look up what is known of the calling thread.
    let (high, size) = unsafe {
        let thread = libc::pthread_self();
        (libc::pthread_get_stackaddr_np(thread).addr(), libc::pthread_get_stacksize_np(thread))
    };
    Some(high.checked_sub(size)?..high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::thread::stack::address;

    #[test]
    #[cfg_attr(miri, ignore = "the interpreter has no stacks to switch")]
    fn a_thread_knows_its_own_stack_and_a_piece_its_low_end() {
        let outside = address();
        let own = low_end(outside, Segment::default()).expect("the system tells");
        assert!(own < outside);
        let mut seen = 0;
        on_new(1 << 20, |low| {
            let here = address();
            assert!(low < here && here - low < 1 << 20);
            // Not the thread's, and known by its segment alone.
            assert_eq!(low_end(here, Segment::default()), None);
            let known = Segment { low: low + RESERVE, len: here - low };
            assert_eq!(low_end(here, known), Some(low));
            assert_eq!(low_end(outside, known), Some(own));
            seen = here;
        })
        .expect("there is memory for a piece");
        assert_ne!(seen, 0);
    }

    #[test]
    #[cfg_attr(miri, ignore = "the interpreter has no stacks to switch")]
    fn a_few_pieces_are_kept_for_the_next_who_need_one() {
        let unused = Unused(Mutex::new(Vec::new()));
        let made = |size| DefaultStack::new(size).expect("there is memory for a piece");
        let kept: Vec<usize> = (0..KEPT + 2)
            .map(|_| {
                let piece = made(PIECE);
                let base = piece.base().get();
                unused.give_back(PIECE, piece);
                base
            })
            .take(KEPT)
            .collect();
        unused.give_back(2 * PIECE, made(2 * PIECE));
        assert!(unused.take(2 * PIECE).is_none(), "only usual ones are");
        let taken: Vec<usize> = std::iter::from_fn(|| unused.take(PIECE)).map(|piece| piece.base().get()).collect();
        assert!(taken.iter().rev().eq(&kept), "{taken:?} of {kept:?}");
    }

    #[test]
    #[cfg_attr(miri, ignore = "the interpreter has no stacks to switch")]
    fn nobody_is_on_a_piece_that_another_is_on() {
        fn within(pieces: usize, lows: &mut Vec<usize>) {
            on_new(PIECE, |low| {
                lows.push(low);
                if pieces > 1 {
                    within(pieces - 1, lows);
                }
            })
            .expect("there is memory for a piece");
        }
        for _ in 0..2 {
            let mut lows = Vec::new();
            within(2 * KEPT, &mut lows);
            lows.sort_unstable();
            lows.dedup();
            assert_eq!(lows.len(), 2 * KEPT);
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "the interpreter has no stacks to switch")]
    fn a_panic_leaves_its_piece_and_more_than_there_is_is_an_error() {
        let caught = std::panic::catch_unwind(|| on_new(1 << 20, |_| std::panic::panic_any(7_u8)));
        assert_eq!(caught.expect_err("it panicked").downcast_ref::<u8>(), Some(&7));
        assert!(on_new(usize::MAX / 4, |_| unreachable!()).is_err());
    }
}
