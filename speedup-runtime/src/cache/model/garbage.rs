//! One domain of retired things, and a bag a thread, for a run of the model checker.

use std::cell::Cell;

use super::bag::Bag;
use crate::cache::memory::epoch::{Domain, Garbage, Urgency};

/// How many threads a model may have.
pub(in crate::cache) const THREADS: usize = 3;

loom::lazy_static! {
    static ref BAGS: [Bag; THREADS] = std::array::from_fn(|_| Bag::new());
    pub(in crate::cache) static ref DOMAIN: Domain = {
        let domain = Domain::new();
        BAGS.iter().for_each(|bag| domain.adopt(bag));
        domain
    };
}

loom::thread_local! {
    static BAG: Cell<Option<&'static Bag>> = Cell::new(None);
}

/// Says that this thread is the one with this number.
pub(in crate::cache) fn carry(number: usize) {
    BAG.with(|bag| bag.set(Some(&BAGS[number])));
}

pub(in crate::cache) fn retire(free: Garbage) {
    retire_by(Urgency::USUAL, free);
}

pub(in crate::cache) fn retire_by(urgency: Urgency, free: Garbage) {
    match BAG.with(Cell::get) {
        Some(bag) => DOMAIN.retire(bag, free, urgency),
        None => DOMAIN.retire_behind_all(free),
    }
}

pub(in crate::cache) fn retire_of(_bytes: usize, free: Garbage) {
    retire(free);
}

pub(in crate::cache) fn retire_behind_all(free: Garbage) {
    DOMAIN.retire_behind_all(free);
}
