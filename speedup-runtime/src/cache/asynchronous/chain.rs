//! The flights that a thread is in the middle of polling: each is polled by the body of the one before.

use std::{cell::RefCell, fmt, sync::Arc};

use super::waits::Named;
use crate::cache::thread::call_stack;

thread_local! {
    static CHAIN: RefCell<Vec<Arc<dyn Named>>> = const { RefCell::new(Vec::new()) };
}

/// A flight is polled by this thread as long as this lives.
pub(super) struct Polling(());

impl Polling {
    pub(super) fn begin(flight: Arc<dyn Named>) -> Self {
        CHAIN.with_borrow_mut(|chain| chain.push(flight));
        Self(())
    }
}

impl Drop for Polling {
    fn drop(&mut self) {
        // Dropped when the chain is not borrowed.
        let _flight = CHAIN.with_borrow_mut(Vec::pop);
    }
}

/// The flight whose body is running, if one is.
pub(super) fn innermost() -> Option<Arc<dyn Named>> {
    CHAIN.with_borrow(|chain| chain.last().cloned())
}

/// The message about a call that is needed by the innermost one, and is further up the stack.
pub(super) fn circle_to(number: u64) -> String {
    let chain = CHAIN.with_borrow(Vec::clone);
    let from = chain.iter().rposition(|flight| flight.ticket().number == number).unwrap_or(0);
    circle(&chain[from..])
}

/// The message about calls each of which needs the next, and the last the first.
pub(super) fn circle(calls: &[impl fmt::Display]) -> String {
    call_stack::message(calls.len(), calls.iter().rev())
}
