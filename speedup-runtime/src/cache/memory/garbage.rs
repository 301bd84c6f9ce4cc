//! What was unlinked, of all caches of the process, until it can be freed.

use std::cell::Cell;

use crate::cache::memory::{
    bag::Bag,
    epoch::{Domain, Garbage},
};

/// One for the process: what threads pin is all caches.
pub(in crate::cache) static DOMAIN: Domain = Domain::new();

thread_local! {
    /// The bag of this thread, from its first cached call on until it ends.
    static BAG: Cell<Option<&'static Bag>> = const { Cell::new(None) };
}

/// Says what this thread puts into from now on: a bag that the domain has adopted, and that no other thread has.
pub(in crate::cache) fn carry(bag: Option<&'static Bag>) {
    BAG.set(bag);
}

/// Takes over something that was unlinked; it is freed when nobody can be looking at it. Frees nothing itself.
#[inline]
pub(in crate::cache) fn retire(free: Garbage) {
    match BAG.get() {
        Some(bag) => DOMAIN.retire(bag, free),
        None => DOMAIN.retire_behind_all(free),
    }
}

/// The same for something that takes so many bytes: what is large does not wait until there are many.
pub(in crate::cache) fn retire_of(bytes: usize, free: Garbage) {
    retire(free);
    if bytes >= LARGE {
        DOMAIN.hurry();
    }
}

/// So many bytes are large. Less than that may wait, [`LEN`](super::bag) times a thread.
const LARGE: usize = 1 << 15;

/// The same for something that others that were retired may lie in: it is freed later than they.
pub(in crate::cache) fn retire_behind_all(free: Garbage) {
    DOMAIN.retire_behind_all(free);
}
