//! The last table of places of a function, kept beside its values (see [`Spans`](crate::cache::Spans)).

use std::{ptr::NonNull, sync::Mutex};

use crate::cache::thread::engine::{Header, Kept};
use crate::sync::{AtomicBool, Ordering, lock};

/// A place for the last table, and whether what is in it still holds.
pub(in crate::cache) struct Parked {
    lot: Mutex<Lot>,
    /// Whether the lot has ever been looked at. Relaxed, as what follows: who changes values and does not see the first look comes at the same
    /// time as that. So what the looker computes is in flight meanwhile, and kept, as any call is that is in flight when its key is removed.
    used: AtomicBool,
    /// Whether values were put in by hand, which calls by place would not see.
    seeded: AtomicBool,
}

struct Lot {
    latest: Option<Latest>,
    /// How often values were taken out or put in by hand: what began before that is not kept.
    edits: u64,
}

/// A table of places.
pub(in crate::cache) struct Latest {
    /// The header of its core, which is kept.
    pub(in crate::cache) core: NonNull<Header>,
    pub(in crate::cache) _kept: Kept,
}

// SAFETY: cores are shared state behind atomics and locks.
unsafe impl Send for Latest {}

/// What was there at a moment.
pub(in crate::cache) struct Seen {
    pub(in crate::cache) latest: Option<Latest>,
    pub(in crate::cache) edits: u64,
    pub(in crate::cache) seeded: bool,
}

impl Parked {
    pub(in crate::cache) const fn new() -> Self {
        Self {
            lot: Mutex::new(Lot { latest: None, edits: 0 }),
            used: AtomicBool::new(false),
            seeded: AtomicBool::new(false),
        }
    }

    /// Whether there may be a table.
    pub(in crate::cache) fn is_used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }

    pub(in crate::cache) fn look(&self) -> Seen {
        self.used.store(true, Ordering::Relaxed);
        let lot = lock(&self.lot);
        let latest = lot.latest.as_ref().and_then(|latest| {
            // SAFETY: kept.
            let kept = unsafe { Header::engine(latest.core.as_ptr()) }.keep()?;
            Some(Latest { core: latest.core, _kept: kept })
        });
        Seen { latest, edits: lot.edits, seeded: self.seeded.load(Ordering::Relaxed) }
    }

    /// Keeps a table, unless values have been changed by hand since it was looked at.
    pub(in crate::cache) fn put(&self, edits: u64, latest: Latest) {
        let mut lot = lock(&self.lot);
        if lot.edits == edits {
            let old = lot.latest.replace(latest);
            drop(lot);
            drop(old);
        }
    }

    /// Values were taken out.
    pub(in crate::cache) fn forget(&self) {
        if self.is_used() {
            let mut lot = lock(&self.lot);
            lot.edits += 1;
            let old = lot.latest.take();
            drop(lot);
            drop(old);
        }
    }

    /// Everything was taken out.
    pub(in crate::cache) fn clear(&self) {
        self.seeded.store(false, Ordering::Relaxed);
        self.forget();
    }

    /// A value was put in.
    pub(in crate::cache) fn seed(&self) {
        self.seeded.store(true, Ordering::Relaxed);
        self.forget();
    }
}
