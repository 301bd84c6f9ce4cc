//! What was unlinked, of all caches of the process, until it can be freed.

use crate::cache::memory::epoch::{Domain, Garbage};

/// One for the process: values of all caches are retired here.
pub(in crate::cache) static DOMAIN: Domain = Domain::new();

/// Takes over something that was unlinked; it is freed when nobody can be looking at it. Frees nothing itself.
pub(in crate::cache) fn retire(free: Garbage) {
    DOMAIN.retire(free);
}
