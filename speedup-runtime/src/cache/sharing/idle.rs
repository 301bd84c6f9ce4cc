//! Whether anybody wants work: as long as nobody does, calls that are cheap are shown to nobody.
//!
//! To name the members of a group and to show them takes a few hundred nanoseconds, which is much for a call of a microsecond. They are
//! shown so that somebody finds them who has nothing to do. So who looks for work and finds none, or waits for a while, says so,
//! and those who work for the same outermost call show their groups from then on, until it has found enough. Source of the idea: T. Hiraishi,
//! M. Yasugi et al., "Backtracking-based load balancing", PPoPP 2009, where tasks are made on request.

use crate::cache::thread::registry::Worker;
use crate::sync::Ordering;

/// Who has found work goes on asking until it has computed so many calls: what was found may have been the last of a group.
const ENOUGH: u64 = 64;

/// Whether anybody who works for the same outermost call wants work.
#[inline]
pub(in crate::cache) fn is_anybody(worker: &'static Worker) -> bool {
    let until = worker.own.wants.get();
    if until != 0 && until <= worker.computed() {
        end(worker);
    }
    let home = worker.own.home.get().unwrap_or(worker);
    // Relaxed: a hint.
    home.wanted.load(Ordering::Relaxed) > 0
}

/// The worker has nothing to do.
pub(in crate::cache) fn begin(worker: &'static Worker) {
    if worker.own.wants.replace(u64::MAX) == 0 {
        let home = worker.own.home.get().unwrap_or(worker);
        home.wanted.fetch_add(1, Ordering::Relaxed);
    }
}

/// It has found something.
pub(in crate::cache) fn found(worker: &'static Worker) {
    if worker.own.wants.get() == u64::MAX {
        worker.own.wants.set(worker.computed() + ENOUGH);
    }
}

/// It wants no more, or is about to work for another outermost call.
pub(in crate::cache) fn end(worker: &'static Worker) {
    if worker.own.wants.replace(0) != 0 {
        let home = worker.own.home.get().unwrap_or(worker);
        home.wanted.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A worker that waits, and asks for work after a while.
pub(in crate::cache) struct Wanting(&'static Worker);

impl Wanting {
    pub(in crate::cache) fn of(worker: &'static Worker) -> Self {
        Self(worker)
    }

    /// It has waited for a while.
    pub(in crate::cache) fn begin(&self) {
        begin(self.0);
    }
}

impl Drop for Wanting {
    fn drop(&mut self) {
        end(self.0);
    }
}

#[cfg(all(test, not(any(loom, speedup_simulated))))]
mod tests {
    use super::*;
    use crate::cache::thread::registry;

    #[test]
    fn who_has_found_work_wants_more_until_it_has_computed_some() {
        let worker = registry::current();
        let wanted = || worker.wanted.load(Ordering::Relaxed);
        let compute = |calls| (0..calls).for_each(|_| worker.count_computed(0, worker.computed() + 1));
        begin(worker);
        begin(worker);
        assert!(wanted() == 1 && is_anybody(worker));
        found(worker);
        compute(ENOUGH - 1);
        assert!(is_anybody(worker) && wanted() == 1);
        begin(worker);
        compute(ENOUGH);
        assert!(is_anybody(worker), "it has found nothing since");
        found(worker);
        compute(ENOUGH);
        is_anybody(worker);
        assert_eq!(wanted(), 0);
        begin(worker);
        drop(Wanting::of(worker));
        assert_eq!(wanted(), 0, "what it has waited for is there");
    }
}
