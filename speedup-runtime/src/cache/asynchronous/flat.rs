//! What flights do to each other, one after the other instead of one inside of the other.
//!
//! To wake a flight is to wake who waits for it, which may be a flight in turn; to drop one may leave another without anybody
//! who waits for it. A chain of calls is as deep as memory allows, and a stack is not.

#[cfg(loom)]
pub(super) use self::models::{bury, wake};
#[cfg(not(loom))]
pub(super) use self::queue::{bury, wake};

#[cfg(not(loom))]
mod queue {
    use std::{cell::RefCell, collections::VecDeque, task::Waker};

    use crate::panics;

    thread_local! {
        /// What is left to be done by the one that is at it, further up the stack; `None` while nobody is.
        static LATER: RefCell<Option<VecDeque<Later>>> = const { RefCell::new(None) };
    }

    enum Later {
        Wake(Waker),
        Drop(Box<dyn Dropped>),
    }

    /// Anything that is to be dropped.
    trait Dropped {}
    impl<T> Dropped for T {}

    /// Wakes all of them, in their order.
    pub(in super::super) fn wake(wakers: Vec<Waker>) {
        for waker in wakers {
            run(waker, Waker::wake, Later::Wake);
        }
    }

    /// Drops a value.
    pub(in super::super) fn bury<T: 'static>(value: T) {
        run(value, drop, |value| Later::Drop(Box::new(value)));
    }

    /// Does something with a value, and then what that leaves to be done; or leaves it to who is at it.
    ///
    /// Wakers and destructors are users' code. Nobody is to get its panics: others are yet to be woken.
    fn run<T>(value: T, now: fn(T), later: fn(T) -> Later) {
        if is_begun() {
            let value = later(value);
            // It is there, since somebody is at it.
            LATER.with(|queue| queue.borrow_mut().get_or_insert_default().push_back(value));
            return;
        }
        panics::contain(|| now(value));
        while let Some(next) = next() {
            panics::contain(|| match next {
                Later::Wake(waker) => waker.wake(),
                Later::Drop(value) => drop(value),
            });
        }
    }

    /// Whether somebody is at it; if not, the caller now is. A thread that is ending has no queue: everybody is at it.
    fn is_begun() -> bool {
        let begun = LATER.try_with(|queue| {
            let mut queue = queue.borrow_mut();
            let begun = queue.is_some();
            queue.get_or_insert_default();
            begun
        });
        begun.unwrap_or(false)
    }

    /// What to do next. Says that nobody is at it any more when there is nothing left.
    fn next() -> Option<Later> {
        let next = LATER.try_with(|queue| {
            let mut queue = queue.borrow_mut();
            let next = queue.as_mut()?.pop_front();
            if next.is_none() {
                *queue = None;
            }
            next
        });
        next.ok()?
    }
}

/// In a model all threads run on one of the system, and nothing is deep.
#[cfg(loom)]
mod models {
    use std::task::Waker;

    pub(in super::super) fn wake(wakers: Vec<Waker>) {
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(in super::super) fn bury<T>(value: T) {
        drop(value);
    }
}
