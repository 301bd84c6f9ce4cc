//! References to an engine, static or counted.

use std::{ops::Deref, ptr::NonNull};

use super::token;
use crate::sync::global::Arc;
#[cfg(not(loom))]
use crate::sync::global::Weak;

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

    /// The same, unless it counts: what does not keep an engine that is owned.
    #[cfg(not(loom))]
    pub(super) fn weak(&self) -> Weakly<E> {
        match &self.owner {
            Some(owner) => Weakly::Owned(Arc::downgrade(owner)),
            // SAFETY: without an owner it is `'static`.
            None => Weakly::Static(unsafe { self.engine.as_ref() }),
        }
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

/// A reference that does not keep an engine which is owned.
#[cfg(not(loom))]
pub(super) enum Weakly<E: 'static> {
    Static(&'static E),
    Owned(Weak<E>),
}

#[cfg(not(loom))]
impl<E> Weakly<E> {
    /// The engine, if it has not gone.
    pub(super) fn get(&self) -> Option<Shared<E>> {
        match self {
            Self::Static(engine) => Some(Shared::of(engine)),
            Self::Owned(engine) => {
                let owner = engine.upgrade()?;
                Some(Shared { engine: NonNull::from_ref(&*owner), owner: Some(owner) })
            }
        }
    }
}
