//! Threads as the buffers know them.

use std::{cell::Cell, num::NonZeroUsize, sync::atomic::Ordering};

use crate::{
    stack,
    sync::{global::AtomicUsize, of_thread},
};

/// The stack of a thread of ours: a generator may go as deep there as on the main thread, and deeper. It is address space,
/// of which no more becomes memory than is used.
pub(super) const STACK: usize = if cfg!(target_pointer_width = "64") { 64 << 20 } else { 8 << 20 };

/// What is reserved on the stack for a step in a chain of buffers, which may lie thousands deep.
const LEAST_STACK: usize = 256 << 10;

/// Runs a step in a chain of buffers, on more stack where there is little left.
pub(super) fn with_stack<R>(step: impl FnOnce() -> R) -> R {
    stack::with_room(LEAST_STACK, step)
}

/// A thread, for as long as it lives. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Token(NonZeroUsize);

impl Token {
    pub(super) fn get(self) -> usize {
        self.0.get()
    }

    /// The token that [`Token::get`] gave.
    pub(super) fn of(number: usize) -> Self {
        Token(NonZeroUsize::new(number).expect("0 stands for no thread"))
    }

    fn fresh() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        // Relaxed: only the number counts.
        Token::of(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

thread_local! {
    /// The number of this thread's token, 0 until it has one.
    static TOKEN: Cell<usize> = const { Cell::new(0) };
}

/// The calling thread.
#[inline]
pub(super) fn me() -> Token {
    match NonZeroUsize::new(of_thread(&TOKEN)) {
        Some(number) => Token(number),
        None => first_time(),
    }
}

#[cold]
fn first_time() -> Token {
    let fresh = Token::fresh();
    TOKEN.set(fresh.get());
    fresh
}
