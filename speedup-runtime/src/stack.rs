//! Stacks: which one a thread is on, and new pieces where it has little room left.
//!
//! The cache and the buffer take their pieces here, so that each knows those of the other. Code that takes stacks of its own is not
//! known, but for what uses `stacker`, where the feature of its name is on.

#[cfg(all(any(target_os = "linux", target_os = "macos"), any(target_arch = "x86_64", target_arch = "aarch64")))]
#[path = "stack/corosensei.rs"]
mod pieces;
#[cfg(not(all(any(target_os = "linux", target_os = "macos"), any(target_arch = "x86_64", target_arch = "aarch64"))))]
#[path = "stack/stacker.rs"]
mod pieces;
#[cfg(all(
    feature = "stacker",
    any(target_os = "linux", target_os = "macos"),
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
mod stacker;

use std::io;
#[cfg(feature = "buffer")]
use std::{cell::Cell, mem::MaybeUninit};

#[cfg(feature = "buffer")]
use crate::sync::of_thread;

/// The usual size of a new piece, in bytes. On most systems a few of this size are kept for the next who needs one.
pub(crate) const PIECE: usize = 16 << 20;

/// A stack, or a part of one, from its low end to the high one.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) low: usize,
    pub(crate) high: usize,
}

impl Bounds {
    const NONE: Self = Self { low: 0, high: 0 };

    /// Whether the address is on it.
    fn have(self, here: usize) -> bool {
        self.low <= here && here < self.high
    }
}

/// The part of the stack that is known to belong together, of that which an address in the caller's frame is on. `None` for one that
/// is not known, as a coroutine has.
pub(crate) fn around(here: usize) -> Option<Bounds> {
    pieces::around(here)
}

/// Runs something on a new piece of stack of at least this size; it is given the low end. The piece is given back or kept afterwards, also
/// when there was a panic on it.
///
/// # Errors
/// There is no memory for it.
pub(crate) fn on_new(size: usize, run: impl FnOnce(usize)) -> io::Result<()> {
    pieces::on_new(size, run)
}

/// An address in a frame of the caller's stack.
#[inline(never)]
#[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
pub(crate) fn address() -> usize {
    let mark = 0_u8;
    std::hint::black_box(&raw const mark) as usize
}

#[cfg(feature = "buffer")]
thread_local! {
    /// What was known of the stack that the thread was on when it was last asked for room.
    static LAST: Cell<Bounds> = const { Cell::new(Bounds::NONE) };
}

/// Runs something that needs at least so much room: where there is less, on a new piece.
///
/// # Panics
/// There is no memory for the piece.
#[cfg(feature = "buffer")]
#[inline]
pub(crate) fn with_room<R>(least: usize, run: impl FnOnce() -> R) -> R {
    let mark = MaybeUninit::<u8>::uninit();
    let here = mark.as_ptr().addr();
    let last = of_thread(&LAST);
    let known = last.have(here) && here - last.low >= least;
    // Models and interpreters have stacks of their own.
    if cfg!(any(miri, loom)) || known || has_room(here, least) {
        return run();
    }
    let mut result = None;
    if let Err(error) = on_new(PIECE, |_| result = Some(run())) {
        no_memory(&error);
    }
    result.expect("it has returned, or its panic would have gone on")
}

/// Looks which stack this is, and whether it has so much room.
#[cfg(feature = "buffer")]
#[cold]
#[inline(never)]
fn has_room(here: usize, least: usize) -> bool {
    around(here).is_some_and(|stack| {
        LAST.set(stack);
        here - stack.low >= least
    })
}

/// Panics, since there is no memory for a piece.
#[cold]
pub(crate) fn no_memory(error: &io::Error) -> ! {
    std::panic::panic_any(format!("there is no memory for the stack of a deep recursion: {error}"))
}

#[cfg(all(test, feature = "buffer", not(any(loom, miri))))]
mod tests {
    use super::*;

    const LEAST: usize = 64 << 10;

    /// The stacks on which so many steps are, each of which takes half of what it needs.
    fn steps(left: usize, lows: &mut Vec<usize>) {
        let stack = around(address()).expect("it is the thread's own or a piece");
        lows.push(stack.low);
        let taken = std::hint::black_box([left as u8; LEAST / 2]);
        assert!(address() - stack.low >= LEAST / 4, "there is room");
        if left > 0 {
            with_room(LEAST, || steps(left - 1, lows));
        }
        assert_eq!(taken[LEAST / 2 - 1], left as u8);
    }

    #[test]
    fn steps_go_on_a_new_piece_where_there_is_little_room_and_come_back() {
        let thread = std::thread::Builder::new().stack_size(8 * LEAST).spawn(|| {
            let mut lows = Vec::new();
            for _ in 0..2 {
                with_room(LEAST, || steps(PIECE / LEAST * 4, &mut lows));
                assert_eq!(Some(lows[0]), around(address()).map(|own| own.low));
            }
            lows.dedup();
            lows
        });
        let lows = thread.expect("a thread starts").join().expect("there is room");
        // Its own and at least two pieces, twice.
        assert!(lows.len() >= 6, "{lows:?}");
    }
}
