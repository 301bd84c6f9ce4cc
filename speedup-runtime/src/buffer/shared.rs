//! References to an engine, static or counted.

use std::{ops::Deref, ptr::NonNull};

use super::token;
use crate::sync::global::Arc;

/// A static or counted reference to an engine: what a job on a helper thread keeps alive.
pub(super) struct Shared<E: 'static> {
    /// Always valid: it is `'static` or what `owner` counts. Kept apart so that a read needs no case distinction.
    engine: NonNull<E>,
    owner: Option<Arc<E>>,
}

// SAFETY: as for `&E` and `Arc<E>`, which need the same.
unsafe impl<E: Send + Sync> Send for Shared<E> {}
// SAFETY: as for `&E` and `Arc<E>`, which need the same.
unsafe impl<E: Send + Sync> Sync for Shared<E> {}

impl<E> Shared<E> {
    /// A reference to a static engine.
    pub(super) const fn of(engine: &'static E) -> Self {
        Shared { engine: NonNull::from_ref(engine), owner: None }
    }

    /// The first reference to an owned engine.
    pub(super) fn owning(engine: E) -> Self {
        let owner = Arc::new(engine);
        Shared { engine: NonNull::from_ref(&*owner), owner: Some(owner) }
    }

    /// Whether the engine goes when its references go.
    pub(super) fn is_owned(&self) -> bool {
        self.owner.is_some()
    }
}

impl<E> Clone for Shared<E> {
    fn clone(&self) -> Self {
        Shared { engine: self.engine, owner: self.owner.clone() }
    }
}

impl<E> Drop for Shared<E> {
    fn drop(&mut self) {
        if let Some(owner) = self.owner.take() {
            // With the last reference goes a generator, and with that perhaps the last reference to another engine.
            token::with_stack(|| drop(owner));
        }
    }
}

impl<E> Deref for Shared<E> {
    type Target = E;

    #[inline]
    fn deref(&self) -> &E {
        // SAFETY: see the field.
        unsafe { self.engine.as_ref() }
    }
}
