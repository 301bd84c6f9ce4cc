//! Pieces by `corosensei`, whose assembly is Rust's own: no C compiler has a part in it.
//!
//! A few pieces of the usual size are kept for the next deep recursion of any thread: the first touch of their memory costs more than the calls on it.
//!
//! Code that uses `stacker` knows none of them. It compares addresses: a piece that lies below the stack which it knows has no room left
//! for it, and it takes a stack of its own, but one that lies above has as much as it likes. So pieces are taken from below where there are any. With
//! the feature `stacker` none other are, and who is on a stack of `stacker`'s gets the next one from it, too.

use std::{cell::Cell, io, mem::MaybeUninit, sync::Mutex};

use corosensei::{
    on_stack,
    stack::{DefaultStack, Stack},
};

use super::{Bounds, PIECE, address};
use crate::sync::lock_std;

/// So many pieces are kept at most, which is 32 MiB.
const KEPT: usize = 2;

static UNUSED: Unused = Unused(Mutex::new(Vec::new()));

thread_local! {
    /// The piece that the thread is on, and its own stack; empty if there is none, or if it is not known yet.
    static PIECE_OF_THREAD: Cell<Bounds> = const { Cell::new(Bounds::NONE) };
    static OWN: Cell<Bounds> = const { Cell::new(Bounds::NONE) };
}

/// Pieces of the usual size that nobody is on.
struct Unused(Mutex<Vec<DefaultStack>>);

impl Unused {
    /// A piece of this size, if one is kept: the highest of those below this address, or of all where there are none.
    fn take(&self, size: usize, here: usize) -> Option<DefaultStack> {
        if size != PIECE {
            return None;
        }
        let mut unused = lock_std(&self.0);
        let highest = (0..unused.len()).max_by_key(|at| {
            let base = unused[*at].base().get();
            (base <= here, base)
        })?;
        Some(unused.swap_remove(highest))
    }

    /// Keeps a piece of this size if it is a usual one and not too many are kept. The highest are: what is made later lies below them.
    fn give_back(&self, size: usize, piece: DefaultStack) {
        // What is not kept goes without the lock.
        let mut leaving = Some(piece);
        if size == PIECE {
            let mut unused = lock_std(&self.0);
            unused.extend(leaving.take());
            if unused.len() > KEPT {
                let lowest = (0..unused.len()).min_by_key(|at| unused[*at].base());
                leaving = lowest.map(|at| unused.swap_remove(at));
            }
        }
        drop(leaving);
    }
}

#[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
pub(super) fn around(here: usize) -> Option<Bounds> {
    if OWN.get().high == 0 {
        return known(here).or_else(|| of_others(here));
    }
    // The thread's own is asked for again last, where it is not what it was: that of a first thread may grow.
    known(here).or_else(|| of_others(here)).or_else(|| own(here))
}

/// The stack that the address is on, if it is a piece or the thread's own.
fn known(here: usize) -> Option<Bounds> {
    let known = [PIECE_OF_THREAD.get(), OWN.get()].into_iter().find(|stack| stack.have(here));
    if OWN.get().high == 0 { known.or_else(|| own(here)) } else { known }
}

/// The thread's own stack, if the address is on it.
#[cold]
#[inline(never)]
#[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
fn own(here: usize) -> Option<Bounds> {
    let own = of_first_thread().or_else(of_this_thread)?;
    OWN.set(own);
    Some(own).filter(|own| own.have(here))
}

/// A stack that `stacker` gave to who used it.
#[cfg(feature = "stacker")]
fn of_others(here: usize) -> Option<Bounds> {
    super::stacker::around(here)
}

#[cfg(not(feature = "stacker"))]
fn of_others(_: usize) -> Option<Bounds> {
    None
}

pub(super) fn on_new(size: usize, run: impl FnOnce(usize)) -> io::Result<()> {
    let here = address();
    let stack = UNUSED.take(size, here).map_or_else(|| DefaultStack::new(size), Ok)?;
    let high = stack.base().get();
    let mut piece = Piece { stack: Some(stack), size, outer: PIECE_OF_THREAD.get() };
    #[cfg(feature = "stacker")]
    if !super::stacker::sees_no_room_below(high) || (known(here).is_none() && of_others(here).is_some()) {
        drop(piece);
        return super::stacker::on_new(size, run);
    }
    let low = high - size;
    PIECE_OF_THREAD.set(Bounds { low, high });
    if let Some(stack) = &mut piece.stack {
        on_stack(stack, || run(low));
    }
    Ok(())
}

/// A piece in use. It is given back also when there was a panic on it, which has left it by then.
struct Piece {
    stack: Option<DefaultStack>,
    size: usize,
    /// The one that the thread was on before.
    outer: Bounds,
}

impl Drop for Piece {
    fn drop(&mut self) {
        PIECE_OF_THREAD.set(self.outer);
        if let Some(stack) = self.stack.take() {
            UNUSED.give_back(self.size, stack);
        }
    }
}

/// The stack of the process's first thread, if this is that thread. The C library reads the whole map of the
/// process for it; that takes longer than a first call may.
#[cfg(all(target_os = "linux", target_env = "gnu", not(miri)))]
fn of_first_thread() -> Option<Bounds> {
    // SAFETY: the calls take nothing and cannot fail.
    if unsafe { libc::gettid() != libc::getpid() } {
        return None;
    }
    // SAFETY: looks something up in what the system gave the process.
    let name = unsafe { libc::getauxval(libc::AT_EXECFN) } as usize;
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: writes to the struct that it is given.
    let known = unsafe { libc::getrlimit(libc::RLIMIT_STACK, &raw mut limit) } == 0;
    // The name of the program is the last thing on the stack. It may take a page or two, which a reserve has to spare.
    let high = name.checked_next_multiple_of(4096)?;
    let size = usize::try_from(limit.rlim_cur).ok().filter(|size| known && name != 0 && *size < high)?;
    let here = address();
    Some(Bounds { low: high - size, high }).filter(|stack| stack.have(here))
}

#[cfg(not(all(target_os = "linux", target_env = "gnu", not(miri))))]
fn of_first_thread() -> Option<Bounds> {
    None
}

/// The stack that the system gave the thread.
#[cfg(target_os = "linux")]
fn of_this_thread() -> Option<Bounds> {
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
    (told == 0).then(|| Bounds { low: low.addr(), high: low.addr() + size })
}

/// The stack that the system gave the thread.
#[cfg(target_os = "macos")]
fn of_this_thread() -> Option<Bounds> {
    // SAFETY: both look up what is known of the calling thread.
    let (high, size) = unsafe {
        let thread = libc::pthread_self();
        (libc::pthread_get_stackaddr_np(thread).addr(), libc::pthread_get_stacksize_np(thread))
    };
    Some(Bounds { low: high.checked_sub(size)?, high })
}

#[cfg(all(test, not(miri)))]
mod tests {
    use super::*;

    const SMALL: usize = 1 << 20;

    fn made(size: usize) -> DefaultStack {
        DefaultStack::new(size).expect("there is memory for a piece")
    }

    #[test]
    fn a_thread_knows_its_own_stack_and_the_piece_that_it_is_on() {
        let outside = address();
        let own = around(outside).expect("the system tells");
        assert!(own.have(outside));
        // Where memory was given above, the piece is one of `stacker`, which counts what is left from another frame.
        let is_end = |low: usize, end: usize| {
            let is_ours = PIECE_OF_THREAD.get().have(address());
            low == end || cfg!(feature = "stacker") && !is_ours && low.abs_diff(end) < 4096
        };
        let mut seen = 0;
        on_new(SMALL, |low| {
            let here = address();
            assert!(low < here && here - low < SMALL);
            let on = around(here).expect("it is a piece");
            assert!(on.have(here) && is_end(on.low, low) && on.high <= low + SMALL);
            assert_eq!(around(outside).expect("it is still there").low, own.low);
            on_new(SMALL, |inner| {
                assert!(is_end(around(address()).expect("it is a piece").low, inner));
            })
            .expect("there is memory for a piece");
            assert!(is_end(around(here).expect("the outer one").low, low));
            seen = here;
        })
        .expect("there is memory for a piece");
        assert_ne!(seen, 0);
        assert!(around(outside).is_some_and(|stack| stack.low == own.low));
    }

    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[test]
    fn only_the_first_thread_has_the_stack_that_the_program_was_started_with() {
        // The test runs on another one.
        assert!(of_first_thread().is_none());
    }

    #[test]
    fn a_few_pieces_are_kept_for_the_next_who_need_one_the_highest_first() {
        let unused = Unused(Mutex::new(Vec::new()));
        let mut bases: Vec<usize> = (0..KEPT + 2)
            .map(|_| made(PIECE))
            .collect::<Vec<_>>()
            .into_iter()
            .map(|piece| {
                let base = piece.base().get();
                unused.give_back(PIECE, piece);
                base
            })
            .collect();
        unused.give_back(2 * PIECE, made(2 * PIECE));
        assert!(unused.take(2 * PIECE, usize::MAX).is_none(), "only usual ones are");
        bases.sort_unstable_by(|a, b| b.cmp(a));
        let below = unused.take(PIECE, bases[1]).expect("it is kept");
        assert_eq!(below.base().get(), bases[1], "from below, if there is one");
        unused.give_back(PIECE, below);
        let taken: Vec<DefaultStack> = std::iter::from_fn(|| unused.take(PIECE, bases[KEPT - 1] - 1)).collect();
        assert!(taken.iter().map(|piece| piece.base().get()).eq(bases[..KEPT].iter().copied()), "from above, if not");
    }

    #[test]
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
    fn a_panic_leaves_its_piece_and_more_than_there_is_is_an_error() {
        let outside = address();
        let caught = std::panic::catch_unwind(|| on_new(SMALL, |_| std::panic::panic_any(7_u8)));
        assert_eq!(caught.expect_err("it panicked").downcast_ref::<u8>(), Some(&7));
        assert!(around(outside).is_some_and(|stack| stack.have(outside)));
        assert!(on_new(usize::MAX / 4, |_| unreachable!()).is_err());
    }

    /// Who uses `stacker` on a piece takes a stack of its own there, which is known, and from which the next piece is one that `stacker` knows.
    #[cfg(feature = "stacker")]
    #[test]
    fn code_that_uses_stacker_and_pieces_know_of_each_other() {
        on_new(PIECE, |low| {
            let on_piece = address();
            assert!(stacker::remaining_stack().is_none_or(|left| left == 0), "it would overrun the piece");
            stacker::maybe_grow(SMALL / 2, SMALL, || {
                let here = address();
                assert!(!(low..low + PIECE).contains(&here));
                let stack = around(here).expect("stacker knows it");
                assert!(here - stack.low <= 2 * SMALL);
                assert!(around(on_piece).is_some_and(|stack| stack.low == low));
                on_new(PIECE, |low| {
                    let left = stacker::remaining_stack().expect("stacker knows it");
                    assert!(address() - left.min(address()) >= low && left > PIECE / 2);
                })
                .expect("there is memory for a piece");
            });
        })
        .expect("there is memory for a piece");
    }
}
