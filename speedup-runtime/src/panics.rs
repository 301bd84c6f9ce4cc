//! What a panic carries, and how one panic reaches several callers.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// What a panic carries: the argument of `panic_any` or the formatted message of `panic!`.
pub(crate) type Payload = Box<dyn Any + Send + 'static>;

/// A second copy of a payload where one can be made, which is for every payload made by `panic!`.
///
/// `None` for the values given to `panic_any` that are no text: they are not `Clone` as far as anybody knows.
#[allow(dead_code)]
pub(crate) fn copy_of(payload: &Payload) -> Option<Payload> {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        return Some(Box::new(*text));
    }
    payload.downcast_ref::<String>().map(|text| Box::new(text.clone()) as Payload)
}

/// Runs users' code whose panic nobody is to get, such as a destructor's.
#[allow(dead_code)]
pub(crate) fn contain(run: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(run)) {
        swallow(payload);
    }
}

/// Drops a payload that nobody is to get. Its destructor is users' code, and may panic in turn.
#[allow(dead_code)]
pub(crate) fn swallow(payload: Payload) {
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        // Whoever panics with what panics when dropped could go on for ever.
        std::mem::forget(again);
    }
}
