//! What a core holds for the renewals of its keys.

use std::ptr::NonNull;

use crate::cache::thread::engine::Kept;

/// Where the keys of a core are renewed.
pub(in crate::cache) struct Renewals<C> {
    pub(super) core: NonNull<C>,
    pub(super) _kept: Kept,
}

// SAFETY: it is shared as a reference to a core, which is `Sync`.
unsafe impl<C: Sync> Send for Renewals<C> {}
// SAFETY: as above.
unsafe impl<C: Sync> Sync for Renewals<C> {}
