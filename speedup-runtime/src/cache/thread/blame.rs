//! What others than its caller get of a call that has panicked.
//!
//! `panic!` carries a text, of which there are as many copies as one likes. What `panic_any` carries goes to the caller of the call that
//! ran, and on its way up. Nobody can have a second one, so all others get a text that names the call with which the panic began.

use std::{cell::RefCell, fmt, ptr::NonNull};

use crate::{
    cache::thread::frame::{Frame, Mark},
    panics::{self, Payload},
    sync::Arc,
};

/// The call with which the last panic of a thread began whose payload is no text. Only for the thread itself.
#[derive(Default)]
pub(in crate::cache) struct Blame(RefCell<Option<Begun>>);

/// A panic on its way up.
struct Begun {
    /// Where the payload lies and the running call that it comes to next tell it from others. Both are only compared.
    payload: *const (),
    to: Option<NonNull<Frame>>,
    text: Arc<str>,
}

impl Blame {
    /// A panic comes through a call, which ends: what those get who wait for it.
    pub(in crate::cache) fn passes(&self, frame: &Frame, payload: &Payload) -> Payload {
        if let Some(copy) = panics::copy_of(payload) {
            return copy;
        }
        // One of the body's own may lie where an earlier one did.
        let comes_from_below = frame.is(Mark::Hit).then(|| self.known(Some(NonNull::from(frame)), payload)).flatten();
        let text = comes_from_below.unwrap_or_else(|| text_about(frame));
        self.note(frame.parent, payload, text.clone());
        Box::new(text.to_string())
    }

    /// A panic of a call comes to this running one by way of another thread.
    pub(in crate::cache) fn comes(&self, to: Option<NonNull<Frame>>, payload: &Payload, call: &dyn fmt::Display) {
        if panics::copy_of(payload).is_none() {
            self.note(to, payload, text_about(call));
        }
    }

    /// What others get of a panic that has come to this running call; `None` if it is not known with which call it began.
    pub(in crate::cache) fn copy(&self, to: Option<NonNull<Frame>>, payload: &Payload) -> Option<Payload> {
        panics::copy_of(payload).or_else(|| Some(Box::new(self.known(to, payload)?.to_string())))
    }

    fn known(&self, to: Option<NonNull<Frame>>, payload: &Payload) -> Option<Arc<str>> {
        let begun = self.0.borrow();
        begun.as_ref().filter(|begun| begun.to == to && begun.payload == place(payload)).map(|begun| begun.text.clone())
    }

    fn note(&self, to: Option<NonNull<Frame>>, payload: &Payload, text: Arc<str>) {
        self.0.replace(Some(Begun { payload: place(payload), to, text }));
    }
}

/// Where a payload lies: the same all the way up.
fn place(payload: &Payload) -> *const () {
    std::ptr::from_ref(&**payload).cast()
}

/// What to say of a call that has panicked. Writing its key is users' code, which may panic in turn.
fn text_about(call: &dyn fmt::Display) -> Arc<str> {
    let mut name = "a cached call".to_owned();
    panics::contain(|| name = format!("`{call}`"));
    format!("{name} has panicked with something that is no text, which has gone to the caller that ran it").into()
}
