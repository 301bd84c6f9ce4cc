//! What was unlinked, of all caches of the process, until it can be freed.

use std::cell::Cell;

use crate::cache::memory::{
    bag::Bag,
    epoch::{Domain, Garbage, Urgency},
};

/// One for the process: what threads pin is all caches.
pub(in crate::cache) static DOMAIN: Domain = Domain::new();

thread_local! {
    /// The bag of this thread, from its first cached call on until it ends.
    static BAG: Cell<Option<&'static Bag>> = const { Cell::new(None) };
    /// How many bytes this thread has retired since it last had somebody collect, as far as it was told.
    static WAITING: Cell<usize> = const { Cell::new(0) };
}

/// Says what this thread puts into from now on: a bag that the domain has adopted, and that no other thread has.
pub(in crate::cache) fn carry(bag: Option<&'static Bag>) {
    BAG.set(bag);
}

/// Takes over something that was unlinked; it is freed when nobody can be looking at it. Frees nothing itself.
#[inline]
pub(in crate::cache) fn retire(free: Garbage) {
    retire_by(Urgency::USUAL, free);
}

/// The same for something that is as urgent as this.
#[inline]
pub(in crate::cache) fn retire_by(urgency: Urgency, free: Garbage) {
    match BAG.get() {
        Some(bag) => DOMAIN.retire(bag, free, urgency),
        None => DOMAIN.retire_behind_all(free),
    }
}

/// The same for something that takes so many bytes: what is much does not wait until it is many.
pub(in crate::cache) fn retire_of(bytes: usize, free: Garbage) {
    retire(free);
    let waiting = WAITING.get() + bytes;
    let is_much = waiting >= MUCH;
    WAITING.set(if is_much { 0 } else { waiting });
    if is_much {
        DOMAIN.hurry();
    }
}

/// So many bytes of one thread are much.
const MUCH: usize = 1 << 16;

/// The same for something that others that were retired may lie in: it is freed later than they.
pub(in crate::cache) fn retire_behind_all(free: Garbage) {
    DOMAIN.retire_behind_all(free);
}
