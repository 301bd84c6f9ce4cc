//! How the window of an outermost call moves on: what follows when calls alone have told their cost, or sharing its gain.

use std::{sync::TryLockError, time::Duration};

use super::{
    ALONE, ARRIVAL, ATTEMPT, CHECKED, DEEP, FIRST, GAIN, Grain, LOOK_EVERY, LOOK_RARELY, MEASURED, RARELY, SETTLED,
    SETTLED_AFTER, has_invited, measured_by,
    ready::{DEAR, is_ready},
    spent,
    verdict::{is_early_of, pays},
};
use crate::cache::thread::{
    call_stack,
    counters::Number,
    registry::Worker,
    window::{Kind, Open, Stage, nanos},
};
use crate::seeing::switch;
use crate::sync::{Ordering, timed::Instant};

impl Grain {
    /// Moves the window on, if it is time, and takes the thread along.
    #[cold]
    #[inline(never)]
    pub(super) fn look(&self, worker: &Worker, number: &Number) {
        let sample = &worker.own.sample;
        sample.next.set(worker.computed() + if self.is_sequential() { LOOK_RARELY } else { LOOK_EVERY });
        let mut window = match worker.own.home.get().unwrap_or(worker).window.0.try_lock() {
            Ok(window) => window,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Another thread is just looking at it.
            Err(TryLockError::WouldBlock) => return,
        };
        if sample.stage.get() == Stage::Fresh || !sample.is_open() && worker.own.home.get().is_none() {
            // Calls without a group yet, or too cheap to be shared: are they still?
            if self.is_sequential() {
                sample.stage.set(Stage::Alone);
                sample.opened.set(Some((Instant::now(), worker.computed())));
                *window = Open {
                    cache: number.index(),
                    kind: Kind::alone(measured_by(worker), Instant::now(), CHECKED, ATTEMPT),
                };
            }
            return;
        }
        if window.cache == number.index() {
            self.advance(&mut window.kind, worker, number);
        }
        sample.stage.set(window.kind.stage().or_alone());
    }

    fn advance(&self, kind: &mut Kind, worker: &Worker, number: &Number) {
        let now = Instant::now();
        let next = match kind {
            Kind::Closed => None,
            &mut Kind::Shared { since, least, fresh: true, .. } if self.cost() != 0 => {
                (now - since >= ARRIVAL).then(|| Kind::shared(now, number.totals().1, least).settled())
            }
            &mut Kind::Shared { since, computed, least, .. } => {
                self.after_sharing(now, now - since, number.totals().1.saturating_sub(computed), least, worker, number)
            }
            &mut Kind::Alone { since, by, computed, lost, least, then, ref mut told, .. } => {
                let calls = if by == worker.number { worker.computed() - computed } else { 0 };
                let settled = calls >= SETTLED || calls >= FIRST && now - since >= SETTLED_AFTER;
                // Of who measures; another one has lost more or less.
                let spent = nanos(now - since).saturating_sub(worker.own.sample.lost.get().saturating_sub(lost));
                let settled = settled && !(self.cost() == 0 && is_early(calls, spent, worker));
                if settled && !std::mem::replace(told, true) {
                    self.measure(spent / calls);
                }
                // Who measures may be waiting for a call of this thread: time is enough to go on.
                let over = now - since >= least || least == CHECKED && *told && !self.is_sequential();
                over.then(|| match self.is_sequential() {
                    true => Kind::alone(measured_by(worker), now, CHECKED.max((now - since) * 2), ATTEMPT),
                    false if switch::shares() && self.is_worth_it(now, worker) => {
                        Kind::shared(now, number.totals().1, then)
                    }
                    false => Kind::alone(measured_by(worker), now, CHECKED, then).asking(),
                })
            }
        };
        if let Some(next) = next {
            if matches!(next, Kind::Alone { .. }) {
                worker.own.sample.next.set(worker.computed() + FIRST);
            }
            *kind = next;
        }
    }

    /// Whether the outermost call that the worker works for is worth sharing by now.
    fn is_worth_it(&self, now: Instant, worker: &Worker) -> bool {
        let asked = worker.own.home.get().is_some();
        asked || spent(&worker.own.sample, now, worker).is_some_and(|spent| is_ready(&spent, self.cost()))
    }

    /// What follows a shared window so long and with so many calls, if it is over.
    fn after_sharing(
        &self,
        now: Instant,
        length: Duration,
        calls: u64,
        least: Duration,
        worker: &Worker,
        number: &Number,
    ) -> Option<Kind> {
        let cost = self.cost();
        if cost == 0 {
            let (since, computed) = worker.own.sample.opened.get()?;
            let dear = nanos(now - since) / (worker.computed() - computed).max(1) >= DEAR;
            return (!dear).then(|| Kind::alone(measured_by(worker), now, CHECKED, ATTEMPT));
        }
        if length < least || calls < LOOK_EVERY {
            return None;
        }
        if !has_invited(worker) {
            return Some(Kind::shared(now, number.totals().1, least));
        }
        if pays(calls, cost, length, GAIN) {
            self.unpaid.store(0, Ordering::Relaxed);
            // A cost that was measured too high would make sharing look good for ever.
            let few = self.measures.load(Ordering::Relaxed) < MEASURED;
            let check = few && length >= CHECKED && cost < DEAR;
            let next = (length * 2).min(CHECKED * 8);
            return Some(if check {
                Kind::alone(measured_by(worker), now, CHECKED, next)
            } else {
                Kind::shared(now, number.totals().1, next).settled()
            });
        }
        let attempts = self.unpaid.fetch_add(1, Ordering::Relaxed).min(RARELY);
        self.skipped.store(1, Ordering::Relaxed);
        Some(Kind::alone(measured_by(worker), now, ATTEMPT * (ALONE << attempts), ATTEMPT))
    }
}

/// Whether most of so many calls that were begun are still running, and those that have ended, if any, were dear: a call whose
/// work comes after its calls has cost next to nothing so far.
fn is_early(calls: u64, time: u64, worker: &Worker) -> bool {
    let running = call_stack::depth(worker, DEEP) as u64;
    running < DEEP as u64 && is_early_of(calls, running.min(calls), time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::thread::registry;

    #[test]
    fn a_window_in_which_nobody_was_invited_is_no_attempt_that_did_not_pay() {
        let (grain, worker, number) = (Grain::new(), registry::current(), Number::new());
        grain.measure(1_000);
        let after = || grain.after_sharing(Instant::now(), ATTEMPT, LOOK_EVERY, ATTEMPT, worker, &number);
        assert!(matches!(after(), Some(Kind::Shared { .. })));
        assert_eq!(grain.unpaid.load(Ordering::Relaxed), 0);
        worker.root.fetch_add(1, Ordering::Relaxed);
        assert!(matches!(after(), Some(Kind::Alone { .. })));
        assert_eq!(grain.unpaid.load(Ordering::Relaxed), 1);
        worker.root.fetch_add(1, Ordering::Relaxed);
    }
}
