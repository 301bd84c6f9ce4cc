//! Threads as the buffers know them.

use std::{cell::Cell, num::NonZeroUsize, sync::atomic::Ordering};

use crate::sync::global::AtomicUsize;

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
    match NonZeroUsize::new(TOKEN.get()) {
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
