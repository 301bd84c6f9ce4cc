//! One domain of retired things a run of the model checker.

use crate::cache::memory::epoch::{Domain, Garbage};

loom::lazy_static! {
    pub(in crate::cache) static ref DOMAIN: Domain = Domain::new();
}

pub(in crate::cache) fn retire(free: Garbage) {
    DOMAIN.retire(free);
}
