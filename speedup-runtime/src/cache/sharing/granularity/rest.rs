//! Many calls whose number is known: the first of them tell what the rest will take.

use std::time::Duration;

use super::{
    Grain,
    ready::{DEAR, TO_START, is_cheap, is_ready_for},
    spent,
};
use crate::cache::thread::{
    counters::Number,
    registry::Worker,
    window::{Stage, nanos},
};
use crate::sync::timed::Instant;

/// So many calls at least are many.
const MANY: usize = 64;
/// After so many of them it is plain whether they are cheap.
const TRIED: usize = 16;
/// Calls that are not dear are judged after so many: of the first ones, first touches may be the greater part.
const FEW: usize = 8;

impl Grain {
    /// The naming of many calls has taken so long, which is no cost of a call.
    #[inline]
    pub(in crate::cache) fn named(&self, count: usize, took: Duration, worker: &Worker) {
        if count > MANY {
            let sample = &worker.own.sample;
            sample.began.set(sample.began.get().map(|began| began + took));
            sample.opened.set(sample.opened.get().map(|(opened, calls)| (opened + took, calls)));
        }
    }

    /// Whether the first of so many calls are to tell whether to share the rest, whatever else speaks for it: as long as it is not known that
    /// calls are dear. Where calls are shared, one of them that itself needs many tells nothing: until it ends, others would find nothing to do.
    pub(in crate::cache) fn tries(&self, count: usize, worker: &Worker) -> bool {
        let sample = &worker.own.sample;
        let is_dear = || spent(sample, Instant::now(), worker).is_some_and(|spent| spent.time >= TO_START);
        count > MANY && is_cheap(self.cost()) && !(sample.is_shared() && sample.tries.get()) && !is_dear()
    }

    /// Whether to share the rest of many calls, which seem to cost so much each.
    fn shares_rest(&self, left: usize, cost: u64, worker: &Worker, number: &Number) -> bool {
        match worker.own.sample.stage.get() {
            Stage::Shared => true,
            Stage::Asking if is_ready_for(left, cost) => {
                self.begin_sharing(worker, number, Instant::now());
                true
            }
            _ => false,
        }
    }
}

/// The first of many calls, which one thread computes.
pub(in crate::cache) struct Trial {
    since: Instant,
    /// How many had been computed by then.
    before: usize,
    /// The least that calls have cost so far, in nanoseconds.
    least: u64,
}

/// What the first calls tell.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::cache) enum Told {
    /// Nothing yet.
    GoOn,
    /// Nothing more.
    Over,
    /// To share the rest does not pay.
    Cheap,
    /// It does.
    Share,
}

impl Trial {
    pub(in crate::cache) fn begin() -> Self {
        Self { since: Instant::now(), before: 0, least: u64::MAX }
    }

    /// So many have been begun, so many of which were there already; so many are left.
    pub(in crate::cache) fn tell(
        &mut self,
        (begun, found, left): (usize, usize, usize),
        grain: &Grain,
        worker: &Worker,
        number: &Number,
    ) -> Told {
        if !begun.is_power_of_two() {
            return Told::GoOn;
        }
        let (now, computed) = (Instant::now(), begun - found);
        if computed > self.before {
            let each = nanos(now - self.since) / (computed - self.before) as u64;
            self.least = self.least.min(each);
        }
        (self.since, self.before) = (now, computed);
        match self.judge(begun) {
            Told::Share if grain.shares_rest(left, self.least, worker, number) => Told::Share,
            Told::Share if begun < TRIED => Told::GoOn,
            Told::Share => Told::Over,
            told => told,
        }
    }

    /// What the figures say after so many.
    fn judge(&self, begun: usize) -> Told {
        match begun {
            // Those that were there took next to nothing.
            _ if self.before == 0 => {
                if begun < TRIED {
                    Told::GoOn
                } else {
                    Told::Over
                }
            }
            TRIED.. if is_cheap(self.least) => Told::Cheap,
            FEW.. => Told::Share,
            // Two that took so long are taken for dear.
            2.. if self.least >= DEAR => Told::Share,
            _ => Told::GoOn,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::thread::registry;

    fn told(begun: usize, least: u64) -> Told {
        Trial { since: Instant::now(), before: begun, least }.judge(begun)
    }

    #[test]
    fn where_calls_are_shared_only_the_outermost_of_many_tell_of_the_rest() {
        let (grain, worker) = (Grain::new(), registry::current());
        let sample = &worker.own.sample;
        let (stage, opened) = (sample.stage.replace(Stage::Shared), sample.opened.take());
        assert!(grain.tries(MANY + 1, worker));
        sample.tries.set(true);
        assert!(!grain.tries(MANY + 1, worker), "one of them needs many itself");
        sample.stage.set(Stage::Asking);
        assert!(grain.tries(MANY + 1, worker), "nobody looks for work");
        sample.tries.set(false);
        sample.stage.set(stage);
        sample.opened.set(opened);
    }

    #[test]
    fn many_calls_are_judged_by_the_cheapest_of_the_first() {
        assert_eq!(told(1, 8_000), Told::GoOn, "that of a first touch");
        assert_eq!(told(2, 8_000), Told::Share);
        assert_eq!(told(4, 1_000), Told::GoOn);
        assert_eq!(told(8, 1_000), Told::Share);
        assert_eq!(told(8, 100), Told::Share, "asked, and refused");
        assert_eq!(told(16, 100), Told::Cheap);
    }
}
