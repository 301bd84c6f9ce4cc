//! What a core holds for the renewals of its keys, and why they are made.

use std::ptr::NonNull;

use crate::cache::thread::engine::Kept;

/// Where the keys of a core are renewed.
pub(in crate::cache) struct Renewals<C> {
    pub(super) core: NonNull<C>,
    pub(super) _kept: Kept,
}

/// Why a key is computed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cache) enum Why {
    /// Somebody wants a new value, whatever there is.
    Asked,
    /// Its value has expired, or so it was found.
    Expired,
    /// The value that ends then is about to.
    Late(u64),
}

// SAFETY: it is shared as a reference to a core, which is `Sync`.
unsafe impl<C: Sync> Send for Renewals<C> {}
// SAFETY: as above.
unsafe impl<C: Sync> Sync for Renewals<C> {}
